"""Starting, watching and ending runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from towpath.core.errors import ConflictError, NotFoundError
from towpath.core.records import Flow, Level, LogLine, Run, RunStatus, RunStream
from towpath.core.repositories import UnitOfWork
from towpath.engine import check_clearable
from towpath.services import flows
from towpath.services.context import UseCases, audit, missing


@dataclass(frozen=True)
class RunDetail:
    """A run, the name of its flow, and what became of each stream so far."""

    run: Run
    flow: str
    streams: Sequence[RunStream]
    project: str | None = None
    """Name of the flow's project."""

    @property
    def rejected(self) -> int:
        return sum(stream.counters.rejected for stream in self.streams)


class Runs(UseCases):
    """The use cases of runs. A run is named by its id, or by its flow: then its newest is meant."""

    def start(
        self,
        org: str,
        flow: str,
        *,
        streams: Sequence[str] = (),
        full: bool = False,
        cause: str = "manual",
    ) -> Run:
        """Queue a run; it begins when the earlier runs of the flow have ended. # Invariant 5"""
        with self.rooms.store.begin() as work:
            row = flows.find(work, org, flow)
            for stream in streams:
                _check_stream(work, org, row.exports, stream)
            run = Run(org=org, flow=row.id, cause=cause, streams=tuple(streams) or None, full=full)
            work.runs.add(org, run)
            audit(work, org, self.actor, "run.start", run.id, flow=row.name, full=full)
        self.rooms.engine.submit(run)
        return run

    def clear(self, org: str, flow: str, streams: Sequence[str] = ()) -> Run:
        """Queue a run that empties what the flow wrote last, in all streams or in these, and forgets how far
        they were read; it begins when the earlier runs of the flow have ended. # Invariant 5

        Raises `ConfigError` (``clear.unsupported``) where a destination cannot be emptied.
        """
        with self.rooms.store.begin() as work:
            run = self.clear_in(work, org, flows.find(work, org, flow), streams)
        self.rooms.engine.submit(run)
        return run

    def clear_in(self, work: UnitOfWork, org: str, flow: Flow, streams: Sequence[str] = ()) -> Run:
        """The same in a unit of work of the caller's, who may submit the run then: workers find it anyway."""
        for stream in streams:
            _check_stream(work, org, flow.exports, stream)
        for place in flow.imports:
            connection = work.connections.get(org, work.imports.get(org, place).connection)
            check_clearable(self.rooms.registry.get(connection.connector))
        run = Run(org=org, flow=flow.id, cause="clear", streams=tuple(streams) or None, clear=True)
        work.runs.add(org, run)
        audit(work, org, self.actor, "run.clear", run.id, flow=flow.name, streams=list(streams))
        return run

    def cancel(self, org: str, name: str) -> Run:
        """Ask for the end of a run. Raises `ConflictError` if it has ended already."""
        with self.rooms.store.begin() as work:
            run = find(work, org, name)
            if run.status.final:
                raise ConflictError(
                    "run.ended",
                    f"The run {run.id} has ended already: {run.status}.",
                    hint="`towpath runs list` shows what is running.",
                    run=run.id,
                )
            audit(work, org, self.actor, "run.cancel", run.id)
        return self.rooms.engine.cancel(org, run.id)

    def list(
        self, org: str, *, flow: str | None = None, status: RunStatus | None = None, limit: int = 20
    ) -> list[RunDetail]:
        """The newest runs first."""
        with self.rooms.store.read() as work:
            equals: dict[str, Any] = {}
            if flow is not None:
                equals["flow"] = flows.find(work, org, flow).id
            if status is not None:
                equals["status"] = status
            runs = work.runs.list(org, limit=limit, newest_first=True, **equals)
            return [_detail(work, org, run) for run in runs]

    def show(self, org: str, name: str) -> RunDetail:
        with self.rooms.store.read() as work:
            return _detail(work, org, find(work, org, name))

    def log(
        self,
        org: str,
        run: str,
        *,
        after: int = 0,
        limit: int = 1000,
        tail: bool = False,
        minimum: Level | None = None,
    ) -> Sequence[LogLine]:
        with self.rooms.store.read() as work:
            return work.log.read(org, run, after=after, limit=limit, tail=tail, minimum=minimum)


def find(work: UnitOfWork, org: str, name: str) -> Run:
    """The run with this id, or the newest run of the flow with this name or id."""
    run = work.runs.find(org, id=name)
    if run is not None:
        return run
    flow = flows.known(work, org, name)
    newest = work.runs.list(org, flow=flow.id, newest_first=True, limit=1) if flow else []
    if not newest:
        raise NotFoundError(
            "run.not_found",
            f"There is no run {name!r}." if flow is None else f"The flow {name!r} has not run yet.",
            hint="`towpath runs list` shows what there is.",
            run=name,
        )
    return newest[0]


def _detail(work: UnitOfWork, org: str, run: Run) -> RunDetail:
    flow = work.flows.find(org, id=run.flow)
    streams = work.streams.list(org, run.id)
    if flow is None:
        return RunDetail(run, run.flow, streams)
    project = work.projects.get(org, flow.project).name if flow.project else None
    return RunDetail(run, flow.name, streams, project)


def _check_stream(work: UnitOfWork, org: str, exports: Sequence[str], stream: str) -> None:
    """Refuse a stream that the flow does not have; one that reads all streams learns of it when it runs."""
    known = [read.name for export in exports for read in work.exports.get(org, export).spec.streams]
    if known and stream not in known:
        raise missing("stream", stream, known, "`towpath flows show` lists the streams of a flow.")
