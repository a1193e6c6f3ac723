"""Whether a step can be what it says, as far as that shows without running it."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from towpath.core.errors import NotFoundError
from towpath.core.flows import ExportSpec, ImportSpec
from towpath.core.ports import Connector
from towpath.core.records import Connection
from towpath.core.repositories import UnitOfWork
from towpath.core.steps import RecordWrite
from towpath.dataplane.paths import compile_path
from towpath.engine.records import writing_request
from towpath.services.context import Rooms
from towpath.services.pipelines import languages, mentions
from towpath.services.pipelines.drafts import StepDraft
from towpath.services.pipelines.faults import Faults


def check_step(
    rooms: Rooms, work: UnitOfWork, org: str, draft: StepDraft[Any], faults: Faults
) -> Connection | None:
    """Tell all that is wrong with the draft; the connection that it uses, if there is one."""
    mentions.check(work, org, draft.mentions, faults)
    row = _connection(work, org, draft, faults)
    spec = draft.spec
    if isinstance(spec, ExportSpec) and spec.pages is not None:
        languages.check_read(spec.pages, faults)
    if isinstance(spec, ImportSpec) and spec.records is not None:
        languages.check_write(spec.records, faults)
    if row is not None:
        _check_system(rooms, row, draft, faults)
    return row


def runnable(rooms: Rooms, connector: str) -> Connector[Any] | None:
    """The connector, if steps can run over it; None for a kind of system that is only stored."""
    try:
        found = rooms.registry.get(connector)
    except NotFoundError:
        return None
    return found if found.application or found.source or found.destination else None


def _connection(work: UnitOfWork, org: str, draft: StepDraft[Any], faults: Faults) -> Connection | None:
    if draft.listener is not None:
        _check_paths(draft, draft.listener, faults)
        return None
    if draft.connection is None:
        faults.required("_connectionId")
        return None
    row = mentions.connection(work, org, draft.connection.id)
    if row is None:
        faults.dangling(draft.connection.field, "connection")
    return row


def _check_paths(draft: StepDraft[Any], listener: Mapping[str, Any], faults: Faults) -> None:
    """The paths into what will be posted."""
    said: Mapping[str, Any] = draft.spec.pages.request if draft.spec.pages else {}
    given = {
        "records_path": said.get("records_path"),
        "challenge.path": (said.get("challenge") or {}).get("path"),
        "token_path": listener.get("token_path"),
    }
    for name, path in given.items():
        with faults.part(draft.places.get(name, name)):
            compile_path(path or "$")


def _check_system(rooms: Rooms, row: Connection, draft: StepDraft[Any], faults: Faults) -> None:
    connector = runnable(rooms, row.connector)
    if connector is None:
        return
    if draft.systems and row.connector not in draft.systems:
        faults.invalid(
            draft.root, f"These settings do not fit the connection, which is one to {connector.title}."
        )
    elif draft.spec.streams:
        _check_streams(connector, draft, faults)
    else:
        _check_request(connector, draft, faults)


def _check_streams(connector: Connector[Any], draft: StepDraft[Any], faults: Faults) -> None:
    role = "source" if isinstance(draft.spec, ExportSpec) else "destination"
    if getattr(connector, role) is None:
        faults.invalid(draft.root, f"{connector.title} has no streams that can be a {role}.")


def _check_request(connector: Connector[Any], draft: StepDraft[Any], faults: Faults) -> None:
    spec = draft.spec
    reads = isinstance(spec, ExportSpec)
    step = spec.pages if isinstance(spec, ExportSpec) else spec.records
    if step is None:
        return
    model: type[BaseModel] | None = connector.reading if reads else connector.writing
    if connector.application is None or model is None:
        # Its records come in streams, and which one is meant was not said.
        faults.required("towpath.stream" if reads else "towpath.target")
        return
    request = writing_request(model, step) if isinstance(step, RecordWrite) else dict(step.request)
    try:
        model.model_validate(request)
    except ValidationError as error:
        faults.settings(draft.root, error, draft.places)
