"""Looking for jobs, and ending them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from towpath.core.errors import ConflictError
from towpath.core.records import RunStatus
from towpath.core.repositories import Between, UnitOfWork
from towpath.services.context import UseCases, audit
from towpath.services.pipelines.jobs_shape import RUNS, Job, Kind, Part, State, Whole, parts_of, wholes
from towpath.services.runs import Runs

#: Rows that are looked at together.
_CHUNK = 1001
_UNFINISHED = (RunStatus.QUEUED, RunStatus.RUNNING)
_FINAL = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)
#: The statuses of runs that may be in a state.
_RUN_STATUSES: Mapping[State, Sequence[RunStatus]] = {
    State.QUEUED: (RunStatus.QUEUED,),
    State.RUNNING: (RunStatus.RUNNING,),
    State.CANCELING: _UNFINISHED,
    State.COMPLETED: (RunStatus.SUCCEEDED,),
    State.FAILED: (RunStatus.FAILED,),
    State.CANCELED: (RunStatus.CANCELLED,),
    State.RETRYING: _FINAL,
}
#: States in which steps of unfinished runs are, and no others.
_GOING = frozenset((State.QUEUED, State.RUNNING, State.CANCELING))

Span = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which jobs are looked for. None, and an empty mapping, do not choose; ids are ours."""

    kinds: frozenset[Kind]
    limit: int
    states: frozenset[State] | None = None
    flows: frozenset[str] | None = None
    integrations: frozenset[str] | None = None
    steps: frozenset[str] | None = None
    """Ids of exports and imports: steps that are one of them, and runs of flows that have one."""
    runs: frozenset[str] | None = None
    """Steps, and retries, of these runs."""
    created: Span = (None, None)
    started: Span = (None, None)
    least: Mapping[str, int] = field(default_factory=dict)
    """By the name of one of the `Numbers`."""
    most: Mapping[str, int] = field(default_factory=dict)
    retriable: bool | None = None

    def takes(self, job: Job) -> bool:
        """Whether the job is one of them, as far as the store does not look."""
        return (
            job.kind in self.kinds
            and (self.states is None or job.state in self.states)
            and (self.retriable is None or job.retriable is self.retriable)
            and all(getattr(job.numbers, name) >= bound for name, bound in self.least.items())
            and all(getattr(job.numbers, name) <= bound for name, bound in self.most.items())
        )

    @property
    def between(self) -> Between:
        spans = {"created_at": self.created, "started_at": self.started}
        return {name: span for name, span in spans.items() if span != (None, None)}


class Jobs(UseCases):
    """The use cases of jobs: runs of all flows, whoever made them, and their steps."""

    def list(self, org: str, wanted: Wanted) -> Sequence[Job]:
        """The newest first."""
        with self.rooms.store.read() as work:
            flows = _flows(work, org, wanted)
            found: list[Job] = []
            if flows is None or flows:
                if wanted.kinds & RUNS:
                    found += _first(_runs(work, org, wanted, flows), wanted.limit)
                if wanted.kinds - RUNS:
                    found += _first(_parts(work, org, wanted, flows), wanted.limit)
        found.sort(key=lambda job: (_row(job).created_at, _row(job).id), reverse=True)
        return found[: wanted.limit]

    def get(self, org: str, run: str, step: str) -> Job:
        """The run or the step with one of these ids. Raises `NotFoundError`."""
        with self.rooms.store.read() as work:
            return self.find(work, org, run, step)

    def find(self, work: UnitOfWork, org: str, run: str, step: str) -> Job:
        row = None if work.runs.find(org, id=run) else work.streams.find(org, step)
        job = whole(work, org, row.run if row else run)
        return job if row is None else next(part for part in job.parts if part.row.id == step)

    def whole(self, org: str, job: Job) -> Whole:
        """The run that the job is, or is a step of, as it is now."""
        with self.rooms.store.read() as work:
            return whole(work, org, run_of(job))

    def latest(self, org: str, flow: str) -> Sequence[Whole]:
        """What of the flow is queued or runs, the newest first; if nothing, the last one that ended."""
        with self.rooms.store.read() as work:
            work.flows.get(org, flow)
            runs = work.runs.list(org, flow=flow, status=list(_UNFINISHED), newest_first=True)
            return wholes(work, org, runs or work.runs.list(org, flow=flow, newest_first=True, limit=1))

    def retries(self, org: str, job: Whole) -> Sequence[Whole]:
        """Those that send its records again, the oldest first."""
        with self.rooms.store.read() as work:
            return wholes(work, org, job.retries)

    def cancel(self, org: str, job: Job) -> Whole:
        """Ask for the end of the run, with all of its steps; of one that has ended, of those that send its
        records again. Raises `ConflictError` (``run.ended``).
        """
        now = self.whole(org, job)
        again = [run for run in now.retries if not run.status.final]
        for run in again if now.run.status.final and again else [now.run]:
            Runs(self.rooms, self.actor).cancel(org, run.id)
        return self.whole(org, now)

    def cancel_all(self, org: str, flow: str) -> Sequence[Whole]:
        """Ask for the end of whatever of the flow is queued or runs."""
        found = [job for job in self.latest(org, flow) if not job.run.status.final]
        return [self.cancel(org, job) for job in found]

    def delete(self, org: str, job: Job) -> None:
        """Remove a run that has ended, with all that is known of it and with those that sent its records
        again. Raises `ConflictError` (``run.unfinished``, ``run.step``).
        """
        if isinstance(job, Part):
            raise ConflictError(
                "run.step",
                "The job is a step of another one, and goes with it.",
                hint="Delete the job that its _flowJobId names.",
            )
        with self.rooms.store.begin() as work:
            work.runs.lock(org, job.run.id)
            now = whole(work, org, job.run.id)
            if any(not run.status.final for run in (now.run, *now.retries)):
                raise ConflictError(
                    "run.unfinished",
                    f"The job is {now.state}.",
                    hint="Cancel it, or wait for its end.",
                )
            for run in (*reversed(now.retries), now.run):
                work.runs.delete(org, run.id)
                audit(work, org, self.actor, "run.delete", run.id)


def run_of(job: Job) -> str:
    """Id of the run that the job is, or is a step of."""
    return job.run.id


def whole(work: UnitOfWork, org: str, run: str) -> Whole:
    """Raises `NotFoundError`."""
    return wholes(work, org, [work.runs.get(org, run)])[0]


def _row(job: Job) -> Any:
    return job.row if isinstance(job, Part) else job.run


def _first(jobs: Iterator[Job], limit: int) -> list[Job]:
    return [job for job, _ in zip(jobs, range(limit), strict=False)]


def _flows(work: UnitOfWork, org: str, wanted: Wanted) -> frozenset[str] | None:
    """The only flows whose runs come into question; None for all."""
    found = wanted.flows
    if wanted.integrations is not None:
        rows = work.flows.list(org, integration=list(wanted.integrations))
        own = frozenset(flow.id for flow in rows)
        found = own if found is None else found & own
    if wanted.steps is not None and (found is None or found):
        chosen: dict[str, Any] = {} if found is None else {"id": list(found)}
        rows = work.flows.list(org, **chosen)
        found = frozenset(flow.id for flow in rows if wanted.steps & {*flow.exports, *flow.imports})
    return found


def _runs(work: UnitOfWork, org: str, wanted: Wanted, flows: frozenset[str] | None) -> Iterator[Job]:
    chosen: dict[str, Any] = {} if flows is None else {"flow": list(flows)}
    if wanted.states is not None:
        chosen["status"] = {status for state in wanted.states for status in _RUN_STATUSES[state]}
    if wanted.runs is not None:
        chosen["parent"] = list(wanted.runs)
    elif Kind.RETRY not in wanted.kinds:
        chosen["parent"] = None
    elif Kind.FLOW not in wanted.kinds:
        chosen["cause"] = "retry"
    after = None
    while rows := work.runs.list(
        org, limit=_CHUNK, after=after, newest_first=True, between=wanted.between, **chosen
    ):
        yield from (job for job in wholes(work, org, rows) if wanted.takes(job))
        after = rows[-1].id


def _parts(work: UnitOfWork, org: str, wanted: Wanted, flows: frozenset[str] | None) -> Iterator[Job]:
    going = wanted.states is not None and wanted.states <= _GOING
    after = None
    while rows := work.streams.search(
        org,
        limit=_CHUNK,
        after=after,
        runs=wanted.runs,
        flows=flows,
        status=_UNFINISHED if going else None,
        between=wanted.between,
    ):
        runs = work.runs.list(org, id=list({row.run for row in rows}))
        known = {part.row.id: part for part in parts_of(wholes(work, org, runs))}
        parts = (known[row.id] for row in rows)
        yield from (part for part in parts if _is_of(part, wanted.steps) and wanted.takes(part))
        after = rows[-1].id


def _is_of(part: Part, steps: frozenset[str] | None) -> bool:
    """Whether it is one of these steps. In flows that copy streams they have no names of their own."""
    copies = part.flow is not None and part.flow.pipeline is None
    return steps is None or copies or part.row.stream in steps
