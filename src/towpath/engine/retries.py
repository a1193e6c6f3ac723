"""Retries, as the store knows them: runs that send rejected records again. # Invariant 7"""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.core.records import ErrorStatus, RecordError, Run, StreamStatus
from towpath.core.repositories import UnitOfWork
from towpath.engine.books import Books


def origins(work: UnitOfWork, run: Run) -> dict[str, Any] | None:
    """For each stream of a retry, how its parent read and wrote it, and how many records are sent again;
    None for any other run.
    """
    if run.parent is None:
        return None
    counts: dict[str, int] = {}
    for error in _claimed(work, run):
        counts[error.stream] = counts.get(error.stream, 0) + 1
    parents = {stream.stream: stream for stream in work.streams.list(run.org, run.parent)}
    return {
        name: {"selection": parents[name].selection, "target": parents[name].target, "rows": rows}
        for name, rows in sorted(counts.items())
    }


def records(work: UnitOfWork, run: Run, stream: str) -> list[Mapping[str, Any]] | None:
    """The records that a retry sends again to one stream, always the same; None for any other run.
    # Invariant 3
    """
    if run.parent is None:
        return None
    return [error.record for error in _claimed(work, run, stream=stream)]


def settle_all(books: Books) -> None:
    """Settle the retries that ended without `settle`, or were deleted."""
    if books.read(_unsettled):
        books.write(_settle_those)


def _settle_those(work: UnitOfWork) -> None:
    for org, run in _unsettled(work):
        settle(work, org, run)


def _unsettled(work: UnitOfWork) -> list[tuple[str, str]]:
    known = [(org, id, work.runs.find(org, id=id)) for org, id in work.record_errors.retried()]
    return [(org, id) for org, id, run in known if run is None or run.status.final]


def settle(work: UnitOfWork, org: str, run: str) -> None:
    """End a retry's claim on its records, stream by stream: what was committed was sent, even if the run as a
    whole failed. In the records lane each record was settled when it was sent: the others are open again.
    """
    if _is_of_records(work, org, run):
        for error in work.record_errors.list(org, retry=run, status=ErrorStatus.RETRYING):
            work.record_errors.update(org, error.id, status=ErrorStatus.OPEN, retry=None)
        return
    streams = work.streams.list(org, run)
    sent = [stream.stream for stream in streams if stream.status is StreamStatus.COMMITTED]
    work.record_errors.settle(org, run, sent)


def _is_of_records(work: UnitOfWork, org: str, run: str) -> bool:
    found = work.runs.find(org, id=run)
    flow = None if found is None else work.flows.find(org, id=found.flow)
    return flow is not None and flow.pipeline is not None


def _claimed(work: UnitOfWork, run: Run, **equals: Any) -> Sequence[RecordError]:
    return work.record_errors.list(run.org, retry=run.id, **equals)
