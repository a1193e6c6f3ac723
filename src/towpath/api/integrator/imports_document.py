"""Between imports as documents and ours."""

from collections.abc import Mapping
from typing import Any

from towpath.api.integrator.errors import Refused, invalid
from towpath.api.integrator.ids import shown as shown_id
from towpath.api.integrator.step_types import hooks, rest
from towpath.api.integrator.step_types.steps import (
    clean,
    meaningful,
    mentions_of,
    name_of,
    no_settings,
    own_block,
    system_of,
)
from towpath.api.integrator.step_types.words import Reading, Word, at, flag, number, text
from towpath.core.flows import ImportSpec, StreamWrite
from towpath.core.records import Import
from towpath.core.steps import RecordWrite
from towpath.services.pipelines.drafts import Mention, StepDraft

#: What of a lookup of ``rest.*`` may have the braces of 2016.
_TEMPLATES = ("relativeURI", "postData")
_HOOKS = ("preMap", "postMap", "postSubmit", "postAggregate")
_WORDS = (
    Word("filter", "filter", meaningful),
    Word("mappings", "mappings", meaningful),
    Word("responseTransform", "transform", meaningful),
    Word("oneToMany", "one_to_many", flag),
    Word("pathToMany", "path_to_many", text),
    Word("ignoreExisting", "ignore_existing", flag),
    Word("ignoreMissing", "ignore_missing", flag),
    Word("idLockTemplate", "id_lock", text),
    Word("traceKeyTemplate", "trace_key", text),
    Word("dataURITemplate", "data_uri", text),
    Word("maxAttempts", "max_attempts", number),
    Word("settings", "settings"),
)


def draft(document: Mapping[str, Any]) -> StepDraft[ImportSpec]:
    """What the document means. Raises `Refused` with all that is wrong, as far as that shows without looking
    anything up.
    """
    reading = Reading(document)
    connection, mentions = mentions_of(reading)
    block = own_block(reading)
    spec, root = _spec(reading, block, mentions)
    name = name_of(reading)
    reading.done()
    assert spec is not None  # noqa: S101 - what is none has faults
    system = system_of(document)
    return StepDraft(
        name=name,
        connection=connection,
        spec=spec,
        document=clean(document),
        systems=system.connectors if system and not block else frozenset(),
        root=root,
        places=reading.places,
        mentions=tuple(mentions),
    )


def _spec(
    reading: Reading, block: Mapping[str, Any], mentions: list[Mention]
) -> tuple[ImportSpec | None, str]:
    """What is written and how, and the part of the document that says it."""
    if "streams" in block:
        copied = {name: value for name, value in block.items() if name in ("streams", "namespace")}
        return reading.model(ImportSpec, copied), "towpath"
    request, root = _request(reading, block)
    values = {"request": request, **reading.settings(_WORDS), **_mapping(reading)}
    values["lookups"] = _lookups(reading)
    values["hooks"] = hooks.hooks(reading, _HOOKS, mentions)
    records = reading.model(RecordWrite, {name: value for name, value in values.items() if value is not None})
    stream = reading.model(StreamWrite, _stream(block)) if "target" in block else None
    if records is None:
        return None, root
    namespace = block.get("namespace")
    return reading.model(
        ImportSpec, {"namespace": namespace, "records": records, "streams": (stream,) if stream else ()}
    ), root


def _mapping(reading: Reading) -> dict[str, Any]:
    """Mapper 1.0, unless it says nothing."""
    mapping = reading.object("mapping")
    if not any(mapping.get(part) for part in ("fields", "lists")):
        return {}
    if meaningful(reading.document.get("mappings")):
        reading.faults.append(invalid("mappings", '"mappings" is not allowed when "mapping" is present.'))
    return {"mapping": {name: value for name, value in mapping.items() if value is not None}}


def _lookups(reading: Reading) -> list[Any]:
    """Those of the whole document, and those of its part for the system."""
    system = system_of(reading.document)
    found: list[Any] = []
    parts = ["", f"{system.root}.", "file."] if system else [""]
    for path in (f"{part}lookups" for part in parts):
        given = at(reading.document, path)
        if isinstance(given, list):
            found += map(_doubled, given) if path == "rest.lookups" else given
        elif given is not None:
            reading.faults.append(invalid(path, "It is a list of lookups."))
    return found


def _doubled(lookup: Any) -> Any:
    if not isinstance(lookup, Mapping):
        return lookup
    changed = {name: lookup[name] for name in _TEMPLATES if isinstance(lookup.get(name), str)}
    return {**lookup, **{name: rest.doubled(text) for name, text in changed.items()}}


def _stream(block: Mapping[str, Any]) -> dict[str, Any]:
    more = {name: value for name, value in block.items() if name not in ("target", "namespace", "request")}
    return {"name": block["target"], "target": block["target"], **more}


def _request(reading: Reading, block: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    if "request" in block:
        return dict(reading.object("towpath.request")), "towpath.request"
    if "target" in block:
        return {}, "towpath"
    system = system_of(reading.document)
    if system is None:
        if not reading.document.get("distributed"):
            no_settings(reading)
        return {}, ""
    reading.object(system.root)
    return system.writing(reading), system.root


def shown(row: Import, identifier: str) -> dict[str, Any]:
    """The document of an import."""
    kept: Mapping[str, Any] = row.metadata.get("integrator", {})
    found = dict(kept) if _is_meant(kept, row) else _said(row, kept)
    if not found.get("name") and not row.name.startswith("import "):
        found["name"] = row.name
    found["_connectionId"] = shown_id(row.connection)
    return {"_id": shown_id(row.id), **found, "apiIdentifier": identifier}


def _is_meant(kept: Mapping[str, Any], row: Import) -> bool:
    """Whether what is kept still says what runs."""
    try:
        return bool(kept) and draft(kept).spec == row.spec
    except Refused:
        return False


def _said(row: Import, kept: Mapping[str, Any]) -> dict[str, Any]:
    """A document for an import that was made or changed elsewhere, in our own words."""
    spec = row.spec
    if spec.records is None:
        streams = [item.model_dump(mode="json", exclude_defaults=True) for item in spec.streams]
        place = {"namespace": spec.namespace} if spec.namespace else {}
        return {"name": row.name, "towpath": {**place, "streams": streams}}
    whole = {name: kept[name] for name in ("_integrationId", "_connectorId", "description") if name in kept}
    more: dict[str, Any] = {}
    if spec.records.mapping:
        more["mapping"] = spec.records.mapping
    if spec.records.mappings:
        more["mappings"] = list(spec.records.mappings)
    return {"name": row.name, **whole, **more, "towpath": {"request": dict(spec.records.request)}}
