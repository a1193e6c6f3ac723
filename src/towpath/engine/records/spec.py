"""What a run's child is told about its flow, as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from towpath.core.errors import ConfigError
from towpath.core.flows import ExportSpec, ImportSpec
from towpath.core.pipelines import Pipeline
from towpath.dataplane.dates import format_date, parse_date
from towpath.engine.records.ends import End
from towpath.sdk.registry import Registry, parse_config

#: What a template reads where there was no run before.
_EVER = "1970-01-01T00:00:00+00:00"


@dataclass(frozen=True)
class Step:
    """One step of the flow."""

    id: str
    connection: str | None
    """None for what is only posted to."""
    export: ExportSpec | None
    imported: ImportSpec | None
    words: Mapping[str, Any]
    """Its own, for templates."""
    state: Mapping[str, Any] | None
    """Where an incremental stream goes on."""


def step_of(id: str, told: Mapping[str, Any], words: Mapping[str, Any]) -> Step:
    """The step that the parent tells of; see `towpath.engine.work_pages`."""
    export = ExportSpec.model_validate(told["export"]) if told.get("export") else None
    imported = ImportSpec.model_validate(told["import"]) if told.get("import") else None
    own = {"name": told["name"]}
    role = "export" if export else "import"
    return Step(
        id=id,
        connection=told["connection"],
        export=export,
        imported=imported,
        words={**words, role: {"id": id, **own}, **_dates(export, told)},
        state=told.get("state"),
    )


def pipeline_of(task: Mapping[str, Any]) -> Pipeline:
    return Pipeline.model_validate(task["pipeline"])


def ends_of(task: Mapping[str, Any], registry: Registry) -> dict[str, End]:
    """The connections of a run, opened. Raises `ConfigError`, `NotFoundError`."""
    found = {}
    for id, about in task["connections"].items():
        connector = registry.get(task[id]["connector"])
        found[id] = End(
            id=id,
            connector=connector,
            config=parse_config(connector, task[id]["config"]),
            level=about["level"],
            lane=about["lane"],
            words=about["words"],
            debugging=about["debugging"],
        )
    return found


def _dates(export: ExportSpec | None, told: Mapping[str, Any]) -> dict[str, Any]:
    """What templates know of the time that the run is about."""
    since, until = told.get("since"), told.get("until")
    if export is None or until is None:
        return {}
    delta = export.pages.delta if export.pages else None
    form = delta.format if delta else None
    try:
        words = {
            "lastExportDateTime": format_date(parse_date(since or _EVER), form),
            "currentExportDateTime": format_date(parse_date(until), form),
        }
    except ValueError as error:
        raise ConfigError(
            "delta.bad_format",
            f"The date format of an export cannot be written: {error}.",
            hint="Use the patterns of moment.js, such as YYYY-MM-DD.",
            field="delta.dateFormat",
        ) from error
    words["exportStartTime"] = words["currentExportDateTime"]
    return {**words, **({"exportSince": since} if since else {})}
