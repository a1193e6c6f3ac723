"""Listeners: what other systems post becomes records of the flows that begin with it.

A request is kept before it is answered: as a value of a queued run, one for each flow. Requests that come
while a run of the flow still waits become records of that one, in their order; see
`towpath.core.pipelines.GIVEN`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from towpath.core.errors import DataError, NotFoundError
from towpath.core.pipelines import GIVEN
from towpath.core.records import Export, Flow, Run, RunStatus
from towpath.core.repositories import UnitOfWork
from towpath.dataplane.paths import compile_path
from towpath.services.connections import plain_config
from towpath.services.context import UseCases, audit
from towpath.services.pipelines.exports import LISTENER
from towpath.services.pipelines.verifying import Posted, verify

#: How many requests one run takes.
_MOST = 1000


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the sender is answered."""

    status: int = 204
    body: Any = None
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Listening(UseCases):
    """The use cases of listeners."""

    def find(self, id: str) -> Export:
        """The export that is posted to, of *any* organization: who posts has no key of ours that would say
        whose it is. Raises `NotFoundError`.
        """
        with self.rooms.store.read() as work:
            for organization in work.organizations.list():
                row = work.exports.find(organization.id, id=id)
                if row is not None and row.spec.pages and row.spec.pages.kind == "webhook":
                    return row
        raise NotFoundError("export.not_found", "There is no such listener.", hint="Check the URL.")

    def challenged(self, export: Export, posted: Posted) -> Reply | None:
        """The answer to a handshake; None for any other request."""
        said: Mapping[str, Any] = _settings(export).get("challenge") or {}
        token = _challenge(said, posted)
        if token is None:
            return None
        return Reply(
            status=said.get("status", 200),
            body=said.get("body") or token,
            media_type=said.get("media_type") or "text/plain",
            headers=said.get("headers") or {},
        )

    def take(self, export: Export, posted: Posted) -> Reply:
        """Verify the request, keep its records for the flows of the export, and start these. Raises
        `AuthError` (``listener.refused``), `DataError` (``listener.no_records``).
        """
        with self.rooms.store.read() as work:
            row = work.connections.get(export.org, export.connection)
            config = plain_config(self.rooms, work, export.org, row) if row.role == LISTENER else {}
        verify(config, posted)
        records = _records(_settings(export), posted)
        for run in self._keep(export, records):
            self.rooms.engine.submit(run)
        return _reply(_settings(export))

    def _keep(self, export: Export, records: Sequence[Any]) -> list[Run]:
        """The runs that are new."""
        with self.rooms.store.begin() as work:
            flows = [flow for flow in work.flows.list(export.org, enabled=True) if _begins(flow, export.id)]
            return [run for flow in flows if (run := self._given(work, flow, export, records))]

    def _given(self, work: UnitOfWork, flow: Flow, export: Export, records: Sequence[Any]) -> Run | None:
        """Keep the records for the flow; its new run, if none waits already."""
        waiting = _waiting(work, flow, export)
        run = waiting or work.runs.add(
            flow.org, Run(org=flow.org, flow=flow.id, cause="webhook", streams=(export.id,))
        )
        number = len(work.values.keys(flow.org, run.id))
        work.values.put(
            flow.org, run.id, f"{GIVEN}{number:06}", {"step": export.id, "records": list(records)}
        )
        if waiting is None:
            audit(work, flow.org, self.actor, "run.start", run.id, flow=flow.name, full=False)
        return None if waiting else run


def _waiting(work: UnitOfWork, flow: Flow, export: Export) -> Run | None:
    """The newest queued run of the listener's that has room for one more request; it stays queued until the
    unit of work ends.
    """
    queued = work.runs.list(
        flow.org, flow=flow.id, status=RunStatus.QUEUED, cause="webhook", newest_first=True, limit=1
    )
    for run in queued:
        # Whoever would begin it now waits for us, and then finds the records.
        work.runs.lock(flow.org, run.id)
        now = work.runs.get(flow.org, run.id)
        free = now.status is RunStatus.QUEUED and not now.cancel_requested and now.streams == (export.id,)
        if free and len(work.values.keys(flow.org, run.id)) < _MOST:
            return now
    return None


def _begins(flow: Flow, export: str) -> bool:
    return flow.pipeline is not None and any(item.step == export for item in flow.pipeline.generators)


def _settings(export: Export) -> Mapping[str, Any]:
    return export.spec.pages.request if export.spec.pages else {}


def _records(said: Mapping[str, Any], posted: Posted) -> list[Any]:
    """The records of a request: those at the path, else the whole body; a list is one record each."""
    body, path = posted.parsed, said.get("records_path")
    if body is None:
        raise DataError(
            "listener.no_records",
            "The body of the request is not JSON.",
            hint="Send a JSON object, or a list of them.",
        )
    found = compile_path(path).get(body) if path else body
    if found is None or (path and not found and not isinstance(found, list)):
        raise DataError(
            "listener.no_records",
            f"There is nothing at {path!r} in the body of the request.",
            hint="Correct pathToRecords of the export.",
        )
    records = list(found) if isinstance(found, list) else [found]
    if path and said.get("include_parent") and isinstance(body, Mapping):
        top = path.removeprefix("$.").partition(".")[0].partition("[")[0]
        around = {name: value for name, value in body.items() if name != top}
        return [{**around, **item} if isinstance(item, Mapping) else item for item in records]
    return records


def _reply(said: Mapping[str, Any]) -> Reply:
    body = said.get("body")
    return Reply(
        status=said.get("status", 200 if body not in (None, "") else 204),
        body=body,
        media_type=said.get("media_type"),
        headers=said.get("headers") or {},
    )


def _challenge(said: Mapping[str, Any], posted: Posted) -> str | None:
    parameter, path = said.get("parameter"), said.get("path")
    if parameter and parameter in posted.query:
        return posted.query[parameter]
    found = compile_path(path).get(posted.parsed) if path and posted.parsed is not None else None
    return str(found) if found else None
