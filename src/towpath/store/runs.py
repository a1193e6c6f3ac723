"""Runs and their life."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, exc, func, select, update

from towpath.core.errors import BusyError
from towpath.core.records import Run, RunStatus, now
from towpath.store import tables
from towpath.store.lists import among
from towpath.store.references import missing
from towpath.store.repository import SqlRepository
from towpath.store.savepoint import savepoint

_UNFINISHED = (RunStatus.QUEUED, RunStatus.RUNNING)


class SqlRuns(SqlRepository[Run]):
    """Runs. Deleting one deletes its streams, slices, attempts, log and record errors."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.runs, Run)

    def claim(self, org: str, id: str) -> Run | None:
        if not self._start(org, id):
            self._cancel_unstarted(org, id)
        run = self.get(org, id)
        return run if run.status is RunStatus.RUNNING else None

    def finish(self, org: str, id: str, status: RunStatus, error: Mapping[str, Any] | None = None) -> Run:
        if not status.final:
            raise ValueError(f"a run does not finish as {status}")
        self._change(org, id, {"status": _UNFINISHED}, status=status, error=error, ended_at=now())
        return self.get(org, id)

    def lock(self, org: str, id: str) -> None:
        row = select(tables.runs.c.id).where(self._is(org, id=id)).with_for_update(key_share=True)
        if not self._connection.execute(row).first():
            raise missing(tables.runs, id)

    def request_cancel(self, org: str, id: str) -> Run:
        self._change(org, id, {"status": _UNFINISHED, "cancel_requested": False}, cancel_requested=True)
        return self.get(org, id)

    def latest(self, org: str, flows: Collection[str]) -> Mapping[str, Run]:
        runs, flow, other = tables.runs.c, tables.flows.c, tables.runs.alias()
        # For each flow one look at the end of the index, however many runs it has had.
        newest = (
            select(func.max(other.c.id))
            .where(other.c.org == flow.org, other.c.flow == flow.id)
            .correlate(tables.flows)
            .scalar_subquery()
        )
        query = (
            select(*self._columns)
            .select_from(tables.flows.join(tables.runs, runs.id == newest))
            .where(flow.org == org, among(flow.id, "flows"), runs.org == org)
        )
        found = self._load(self._connection.execute(query, {"flows": list(flows)}).all())
        return {run.flow: run for run in found}

    def unfinished(self) -> Sequence[Run]:
        runs = tables.runs.c
        query = select(*self._columns).where(runs.status.in_(_UNFINISHED)).order_by(runs.id)
        return self._load(self._connection.execute(query).all())

    def _start(self, org: str, id: str) -> bool:
        queued = {"status": RunStatus.QUEUED, "cancel_requested": False}
        try:
            with savepoint(self._connection):
                return self._change(org, id, queued, status=RunStatus.RUNNING, started_at=now())
        except exc.IntegrityError as error:  # Invariant 5: the unique index of running runs
            raise BusyError(
                "flow.busy",
                f"Another run of the flow of {id} is running.",
                hint="It is started when the other one has ended.",
                id=id,
            ) from error

    def _cancel_unstarted(self, org: str, id: str) -> None:
        asked = {"status": RunStatus.QUEUED, "cancel_requested": True}
        self._change(org, id, asked, status=RunStatus.CANCELLED, ended_at=now())

    def _change(self, org: str, id: str, seen: Mapping[str, Any], **values: Any) -> bool:
        """Compare and set: change the run if it still is as ``seen``."""
        change = update(tables.runs).where(self._is(org, id=id, **seen))
        return self._connection.execute(change.values(updated_at=now(), **values)).rowcount > 0
