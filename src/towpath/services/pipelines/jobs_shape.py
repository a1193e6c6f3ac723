"""What integrators call a job: a run with its steps, which are jobs too; their states and numbers.

The numbers of a run are the sums over its steps. Records that are sent again change no number of the run that
they failed in but how many of its errors are resolved.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from towpath.core.records import Flow, Run, RunStatus, RunStream, StreamStatus
from towpath.core.repositories import UnitOfWork


class Kind(StrEnum):
    """What a job is: the first two are runs, the others steps."""

    FLOW = "flow"
    RETRY = "retry"
    EXPORT = "export"
    IMPORT = "import"


RUNS = frozenset((Kind.FLOW, Kind.RETRY))


class State(StrEnum):
    """Life of a job, in the words of integrators."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELING = "canceling"
    CANCELED = "canceled"
    RETRYING = "retrying"


_ENDS: Mapping[RunStatus, State] = {
    RunStatus.SUCCEEDED: State.COMPLETED,
    RunStatus.FAILED: State.FAILED,
    RunStatus.CANCELLED: State.CANCELED,
}
_OVER = (StreamStatus.COMMITTED, StreamStatus.FAILED)


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Of one job."""

    success: int = 0
    error: int = 0
    ignore: int = 0
    resolved: int = 0
    generated: int = 0
    """Pages that were read."""
    processed: int = 0
    """Pages that came to an import."""

    @property
    def open(self) -> int:
        return self.error - self.resolved


@dataclass(frozen=True, kw_only=True)
class Part:
    """One step of a run."""

    row: RunStream
    run: Run
    flow: Flow | None
    kind: Kind
    position: int
    state: State
    numbers: Numbers
    retriable: bool
    """Whether records of it can be sent again."""

    @property
    def exported(self) -> bool:
        """Whether nothing more is read."""
        progress = self.row.state_after or {}
        return self.run.status.final or self.row.status in _OVER or bool(progress.get("done"))

    @property
    def files(self) -> Sequence[str]:
        """Names of the files that were read to their end."""
        found = (self.row.state_after or {}).get("files") or () if _is_step(self.row) else ()
        return [str(file["name"]) for file in found if file.get("name")]


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A run."""

    run: Run
    flow: Flow | None
    parts: Sequence[Part]
    """In the order of the flow."""
    state: State
    retries: Sequence[Run] = ()
    """Those that send its records again, and those that send theirs, the oldest first."""
    cancelled_by: str | None = None
    """Who asked for its end, as in the audit trail; None if nobody did."""

    @property
    def kind(self) -> Kind:
        return Kind.FLOW if self.run.parent is None else Kind.RETRY

    @property
    def numbers(self) -> Numbers:
        """The sums over all steps; pages count where they are read only."""
        found = [part.numbers for part in self.parts]
        return Numbers(
            success=sum(one.success for one in found),
            error=sum(one.error for one in found),
            ignore=sum(one.ignore for one in found),
            resolved=sum(one.resolved for one in found),
            generated=sum(one.generated for one in found),
        )

    @property
    def retriable(self) -> bool:
        return any(part.retriable for part in self.parts)

    @property
    def exported(self) -> bool:
        """Whether nothing more is read."""
        if self.run.status.final:
            return True
        exports = [part for part in self.parts if part.row.selection.get("kind") == "export"]
        return bool(exports) and all(part.exported for part in exports)

    @property
    def family(self) -> list[str]:
        """Ids of all runs whose errors are this one's."""
        return [self.run.id, *(run.id for run in self.retries)]


Job = Whole | Part


def wholes(work: UnitOfWork, org: str, runs: Sequence[Run]) -> list[Whole]:
    """These runs as jobs: as many queries for many as for one."""
    if not runs:
        return []
    ids = [run.id for run in runs]
    flows = {flow.id: flow for flow in work.flows.list(org, id=list({run.flow for run in runs}))}
    rows: dict[str, list[RunStream]] = defaultdict(list)
    for row in work.streams.of(org, ids):
        rows[row.run].append(row)
    retries = _retries(work, org, ids)
    unresolved = work.record_errors.unresolved(
        org, [*ids, *(one.id for more in retries.values() for one in more)]
    )
    cancelled = [run.id for run in runs if run.cancel_requested]
    actors = work.audit.actors(org, "run.cancel", cancelled) if cancelled else {}
    return [
        _whole(run, flows.get(run.flow), rows[run.id], retries[run.id], unresolved, actors.get(run.id))
        for run in runs
    ]


def _retries(work: UnitOfWork, org: str, ids: Collection[str]) -> Mapping[str, list[Run]]:
    """By run: those that send its records again, and in turn theirs."""
    found: dict[str, list[Run]] = defaultdict(list)
    above = {id: {id} for id in ids}
    """The runs asked for that a run descends from."""
    while level := work.runs.list(org, parent=list(above)):
        below: dict[str, set[str]] = {}
        for run in level:
            below[run.id] = above[run.parent or ""]
            for root in below[run.id]:
                found[root].append(run)
        above = below
    return found


def _whole(
    run: Run,
    flow: Flow | None,
    rows: Sequence[RunStream],
    retries: Sequence[Run],
    unresolved: Mapping[tuple[str, str], int],
    cancelled_by: str | None,
) -> Whole:
    state = _state(run, retries)
    family = [run.id, *(one.id for one in retries)]
    ordered = sorted(rows, key=lambda row: row.selection.get("position", 0))
    pages = sum(_pages(row) for row in ordered)
    parts = []
    for position, row in enumerate(ordered):
        errors = row.counters.rejected + _failures(row)
        # A record that failed once more has its error with the run that sent it again.
        left = min(errors, sum(unresolved.get((one, row.stream), 0) for one in family))
        kind = kind_of(row)
        parts.append(
            Part(
                row=row,
                run=run,
                flow=flow,
                kind=kind,
                position=int(row.selection.get("position", position)),
                state=_part_state(row, run, state, left),
                numbers=Numbers(
                    success=row.counters.written,
                    error=errors,
                    ignore=row.counters.filtered,
                    resolved=errors - left,
                    generated=_pages(row),
                    processed=pages if kind is Kind.IMPORT and row.started_at is not None else 0,
                ),
                retriable=kind is Kind.IMPORT and left > 0 and _keeps(flow),
            )
        )
    return Whole(run=run, flow=flow, parts=parts, state=state, retries=retries, cancelled_by=cancelled_by)


def kind_of(row: RunStream) -> Kind:
    """A step that copies a stream is both, and called what it ends as."""
    return Kind.EXPORT if row.selection.get("kind") in ("export", "lookup") else Kind.IMPORT


def _is_step(row: RunStream) -> bool:
    return "position" in row.selection and "kind" in row.selection


def _pages(row: RunStream) -> int:
    if not _is_step(row) or row.selection["kind"] != "export":
        return 0
    return int((row.state_after or {}).get("page", 0))


def _failures(row: RunStream) -> int:
    """1 if the step failed as a whole, and an error of its own says so; see `towpath.engine.work_pages`."""
    failed = row.status is StreamStatus.FAILED and _is_step(row)
    return int(failed and (row.selection["kind"] == "export" or not row.counters.rejected))


def _keeps(flow: Flow | None) -> bool:
    """Whether what failed is kept to be sent again."""
    return flow is not None and not (flow.pipeline and flow.pipeline.skip_retries)


def _state(run: Run, retries: Sequence[Run]) -> State:
    if not run.status.final:
        if run.cancel_requested:
            return State.CANCELING
        return State.QUEUED if run.status is RunStatus.QUEUED else State.RUNNING
    if any(not one.status.final for one in retries):
        return State.RETRYING
    return _ENDS[run.status]


def _part_state(row: RunStream, run: Run, state: State, left: int) -> State:
    if state is State.RETRYING and left:
        return State.RETRYING
    if row.status is StreamStatus.COMMITTED or run.status is RunStatus.SUCCEEDED:
        return State.COMPLETED
    if row.status is StreamStatus.FAILED:
        return State.FAILED
    if run.status.final:
        return State.CANCELED
    if state is State.CANCELING:
        return state
    return State.RUNNING if row.status is StreamStatus.RUNNING else State.QUEUED


def parts_of(jobs: Sequence[Whole]) -> Iterator[Part]:
    for job in jobs:
        yield from job.parts
