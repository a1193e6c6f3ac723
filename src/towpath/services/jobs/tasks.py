"""What a job has done: its runs, the newest first, and their logs page by page."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from towpath.core.errors import NotFoundError
from towpath.core.records import Counters, Flow, Level, LogLine, Project, Run, now
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases
from towpath.services.jobs.rows import one
from towpath.services.numbering import Kind, Numbering

#: How many runs a history shows at most.
MOST = 1000
#: Log lines below this level are for those who develop Towpath.
SHOWN = Level.INFO

#: Digits of a number. More are none of ours, and no store holds them.
_LONGEST = 9


@dataclass(frozen=True)
class Task:
    """A run of a job."""

    run: Run
    number: int
    """What the organization calls it: 1, 2, 3 …"""
    counters: Counters = field(default_factory=Counters)
    """Over all streams."""

    @property
    def seconds(self) -> int:
        """How long it ran, or has run until now; 0 before it starts."""
        if self.run.started_at is None:
            return 0
        return max(0, int(((self.run.ended_at or now()) - self.run.started_at).total_seconds()))


@dataclass(frozen=True)
class Page:
    """Some lines of a log in their order, and where its pages on both sides begin."""

    lines: Sequence[LogLine]
    older: int
    newer: int
    more_older: bool
    more_newer: bool


class Tasks(UseCases):
    """The use cases of a job's runs. What another project or job has is missing here. # Invariant 9"""

    def history(
        self, org: str, project: Project, job: int, *, limit: int = MOST, before: str | None = None
    ) -> list[Task]:
        """The newest runs first, or the newest of those before the run that ``before`` names."""
        with self.rooms.store.read() as work:
            flow = flow_of(work, org, project, job)
            after = None if before is None else _run_of(work, org, flow, before).id
            runs = work.runs.list(org, flow=flow.id, limit=limit, after=after, newest_first=True)
            totals = work.streams.totals(org, [run.id for run in runs])
        numbers = self._numbers(org, runs)
        return [Task(run, numbers[run.id], totals.get(run.id, Counters())) for run in runs]

    def get(self, org: str, project: Project, job: int, task: str) -> Task:
        """The run of the job with this number or id. Raises `NotFoundError`."""
        with self.rooms.store.read() as work:
            run = _run_of(work, org, flow_of(work, org, project, job), task)
        return self.task(org, run)

    def flow(self, org: str, project: Project, job: int) -> Flow:
        """The flow behind the job. Raises `NotFoundError`."""
        with self.rooms.store.read() as work:
            return flow_of(work, org, project, job)

    def of(self, org: str, flow: str, run: str) -> Task | None:
        """The run with this id, if it is one of the flow."""
        with self.rooms.store.read() as work:
            found = work.runs.find(org, id=run, flow=flow)
        return self.task(org, found) if found else None

    def newest(self, org: str, flow: str) -> Task | None:
        """The last run that was asked for."""
        with self.rooms.store.read() as work:
            runs = work.runs.list(org, flow=flow, limit=1, newest_first=True)
        return self.task(org, runs[0]) if runs else None

    def next(self, org: str, flow: str, after: str | None) -> Task | None:
        """The first run of the flow after the run with this id, or at all; None if it is still to come.

        Raises `NotFoundError` when the flow is deleted.
        """
        with self.rooms.store.read() as work:
            work.flows.get(org, flow)
            runs = work.runs.list(org, flow=flow, limit=1, after=after)
        return self.task(org, runs[0]) if runs else None

    def log(self, task: Task, cursor: int = -1, limit: int = MOST, *, newer: bool = False) -> Page:
        """The lines before the cursor, or with ``newer`` those after it; -1 is behind the last line.

        Cursors are ``older`` and ``newer`` of pages. Lines that are added meanwhile change no page but the
        last.
        """
        with self.rooms.store.read() as work:
            return page(work, task.run, cursor, limit, newer=newer and cursor >= 0)

    def task(self, org: str, run: Run) -> Task:
        """The run with its number and totals."""
        number = self._numbers(org, [run])[run.id]
        with self.rooms.store.read() as work:
            return Task(run, number, work.streams.totals(org, [run.id]).get(run.id, Counters()))

    def _numbers(self, org: str, runs: Sequence[Run]) -> dict[str, int]:
        # The oldest first, so that numbers grow with time.
        return dict(Numbering(self.rooms).of(org, Kind.RUN, sorted(run.id for run in runs)))


def flow_of(work: UnitOfWork, org: str, project: Project, job: int) -> Flow:
    """The flow with this number, if the project shows it. Raises `NotFoundError`."""
    # Where a customer's connection keeps the job out of sight, its past is so, too.
    return one(work, org, project, work.numbers.find(org, Kind.FLOW, job) or "").flow


def page(work: UnitOfWork, run: Run, cursor: int, limit: int, *, newer: bool) -> Page:
    """As `Tasks.log` says, in one state of the store."""
    if newer:
        lines = _read(work, run, after=cursor, limit=limit + 1)
        more, lines = len(lines) > limit, lines[:limit]
        first, last = (lines[0].seq, lines[-1].seq) if lines else (cursor + 1, cursor)
        return Page(lines, first, last, bool(_read(work, run, before=first, limit=1)), more)
    end = cursor if cursor >= 0 else None
    lines = _read(work, run, before=end, limit=limit + 1, tail=True)
    more, lines = len(lines) > limit, lines[-limit:]
    first, last = (lines[0].seq, lines[-1].seq) if lines else (max(0, cursor), max(0, cursor - 1))
    return Page(lines, first, last, more, bool(_read(work, run, after=last, limit=1)))


def _read(
    work: UnitOfWork, run: Run, *, limit: int, after: int = 0, before: int | None = None, tail: bool = False
) -> Sequence[LogLine]:
    return work.log.read(run.org, run.id, after=after, before=before, limit=limit, tail=tail, minimum=SHOWN)


def _run_of(work: UnitOfWork, org: str, flow: Flow, name: str) -> Run:
    """The run of the flow with this number or id."""
    id: str | None = name
    if name.isascii() and name.isdigit():
        id = work.numbers.find(org, Kind.RUN, int(name)) if len(name) <= _LONGEST else None
    run = work.runs.find(org, id=id, flow=flow.id) if id else None
    if run is None:
        raise NotFoundError(
            "run.not_found",
            f"The job has no task {name[:64]!r}.",
            hint="List the tasks of the job.",
            run=name[:64],
        )
    return run
