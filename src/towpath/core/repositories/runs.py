"""Runs, and who works on them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from towpath.core.records import Attempt, Counters, Run, RunSlice, RunStatus, RunStream, Worker
from towpath.core.repositories.base import Between, Repository


class Runs(Repository[Run], Protocol):
    """Runs and their life."""

    def claim(self, org: str, id: str) -> Run | None:
        """Make a queued run running, or confirm that it runs. None if it is final or its cancel was asked
        for while it was queued (it is then cancelled). Raises `BusyError` (``flow.busy``) while another run
        of the flow runs: the unique index behind it is the last guard. # Invariant 5
        """
        ...

    def finish(self, org: str, id: str, status: RunStatus, error: Mapping[str, Any] | None = None) -> Run:
        """Make the run final. Does nothing to a run that is final already."""
        ...

    def lock(self, org: str, id: str) -> None:
        """Wait until no other unit of work holds the run, and hold it until this one ends: for decisions that
        hang on what belongs to the run. Raises `NotFoundError`.
        """
        ...

    def request_cancel(self, org: str, id: str) -> Run:
        """Ask for the cancel of a run; a final run stays as it is."""
        ...

    def latest(self, org: str, flows: Collection[str]) -> Mapping[str, Run]:
        """The newest run of each of these flows, by flow, in one query; flows that never ran are left out."""
        ...

    def unfinished(self) -> Sequence[Run]:
        """Queued and running runs of *all* organizations, oldest first: for recovery at start."""
        ...


class RunStreams(Protocol):
    """The streams of a run with their plans and progress."""

    def save_plan(self, org: str, stream: RunStream, slices: Sequence[RunSlice]) -> None:
        """Store or replace the plan of (run, stream): a later epoch replaces an earlier one and its slices;
        the same epoch again changes nothing.
        """
        ...

    def get(self, org: str, run: str, stream: str) -> RunStream:
        """Raises `NotFoundError` (``stream.not_found``)."""
        ...

    def list(self, org: str, run: str) -> Sequence[RunStream]:
        """In stream order."""
        ...

    def of(self, org: str, runs: Collection[str]) -> Sequence[RunStream]:
        """Those of all of these runs, in one query, by run and stream."""
        ...

    def find(self, org: str, id: str) -> RunStream | None:
        """The one with this id."""
        ...

    def search(
        self,
        org: str,
        *,
        limit: int,
        after: str | None = None,
        runs: Collection[str] | None = None,
        flows: Collection[str] | None = None,
        status: Collection[RunStatus] | None = None,
        between: Between | None = None,
    ) -> Sequence[RunStream]:
        """Those of these runs, of runs of these flows, and of runs that are in one of these states: the
        newest first, by id, before the id ``after``. None does not choose.
        """
        ...

    def totals(self, org: str, runs: Collection[str]) -> Mapping[str, Counters]:
        """The sums over the streams of each of these runs, by run, in one query; runs without streams are
        left out.
        """
        ...

    def update(self, org: str, run: str, stream: str, **changes: Any) -> RunStream: ...

    def slices(self, org: str, run: str, stream: str) -> Sequence[RunSlice]:
        """The slices of the stream's present epoch, in slice order."""
        ...

    def slice_done(
        self,
        org: str,
        run: str,
        stream: str,
        epoch: int,
        slice: str,
        receipt: Mapping[str, Any],
        counters: Counters,
    ) -> None:
        """Remember that the slice is staged. The first report wins; later ones change nothing."""
        ...


class Attempts(Protocol):
    """Tries of pieces of work."""

    def begin(self, org: str, run: str, task: str, worker: str) -> Attempt: ...

    def end(self, org: str, id: str, outcome: str, error: Mapping[str, Any] | None = None) -> None:
        """The first end wins."""
        ...

    def list(self, org: str, run: str, task: str | None = None) -> Sequence[Attempt]: ...

    def live(self, org: str, run: str, within: timedelta) -> Sequence[Attempt]:
        """Attempts without an end whose worker has beaten within that time."""
        ...


class Workers(Protocol):
    """Processes that run slices."""

    def beat(self, worker: Worker) -> None: ...
    def alive(self, within: timedelta) -> Sequence[Worker]: ...
    def forget(self, before: datetime) -> None:
        """Remove workers that have not beaten since."""
        ...
