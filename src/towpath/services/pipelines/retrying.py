"""Sending failed records again: a retry is a run of its own, and belongs to the one they failed in first.

A record that fails once more leaves one open error, with the run that sent it last; the earlier one is
resolved.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from towpath.core.errors import ConflictError
from towpath.core.records import ErrorStatus, RecordError, Run
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases, audit
from towpath.services.documents.bundles import Bundle, bundled
from towpath.services.inbox import has_data
from towpath.services.pipelines.failures import Step, check_data, not_open
from towpath.services.pipelines.jobs_shape import Job, Whole

#: Errors that are looked at together.
_CHUNK = 1000
#: How many errors of one record are looked for.
_MOST_OF_ONE = 5


class Retrying(UseCases):
    """The use cases of retries."""

    def some(self, org: str, ids: Sequence[str]) -> Sequence[Run]:
        """Send the records of these errors again: all of them, or none if that cannot be done with one.

        One run for each run that they failed in first; more if they are many. Raises `NotFoundError`, and
        `ConflictError` (``error.not_open``, ``retry.no_data``, ``retry.nothing``).
        """

        def choose(work: UnitOfWork) -> Iterable[RecordError]:
            errors = [work.record_errors.get(org, id) for id in dict.fromkeys(ids)]
            for error in errors:
                if error.status is not ErrorStatus.OPEN:
                    raise not_open(error)
                check_data(error)
            return errors

        return self._send(org, choose)

    def job(self, org: str, job: Job, family: Sequence[str]) -> Sequence[Run]:
        """Send all open records of a job again. Raises `ConflictError` (``retry.nothing``)."""
        chosen: dict[str, Any] = {"run": list(family)}
        if not isinstance(job, Whole):
            chosen["stream"] = job.row.stream
        return self._send(org, lambda work: _open(work, org, chosen))

    def step(self, org: str, step: Step) -> Sequence[Run]:
        """Send all open records of a step again. Raises `ConflictError` (``retry.nothing``)."""
        return self._send(org, lambda work: _open(work, org, step.choice))

    def _send(self, org: str, choose: Callable[[UnitOfWork], Iterable[RecordError]]) -> Sequence[Run]:
        roots: dict[str, str] = {}
        with self.rooms.store.begin() as work:
            errors = (replace(error, run=_root(work, org, error.run, roots)) for error in choose(work))
            made = [run for bundle in bundled(errors) if (run := self._retry(work, org, bundle))]
        if not made:
            raise ConflictError(
                "retry.nothing",
                "There are no failed records to send again.",
                hint="They were resolved, are being sent, or were not kept: run the flow again instead.",
            )
        for run in made:
            self.rooms.engine.submit(run)
        return made

    def _retry(self, work: UnitOfWork, org: str, bundle: Bundle) -> Run | None:
        """None if others have taken all of the records meanwhile."""
        run = Run(org=org, flow=bundle.flow, cause="retry", parent=bundle.run)
        count = work.record_errors.claim(org, bundle.ids, run.id)
        if not count:
            return None
        work.runs.add(org, run)
        for place in range(0, len(bundle.ids), _CHUNK):
            _claim_others(work, org, run.id, bundle.ids[place : place + _CHUNK])
        audit(work, org, self.actor, "error.retry", run.id, parent=bundle.run, records=count)
        return run


def _claim_others(work: UnitOfWork, org: str, retry: str, ids: Sequence[str]) -> None:
    """What else was told of the same records goes the way of their first error."""
    first = {
        (error.run, error.stream, error.key.rpartition("#")[0])
        for error in work.record_errors.list(org, id=ids, retry=retry)
        if "#" in error.key
    }
    keys = [f"{place}#{number}" for _, _, place in first for number in range(2, _MOST_OF_ONE + 1)]
    runs = list({run for run, _, _ in first})
    others = work.record_errors.list(org, run=runs, key=keys, status=ErrorStatus.OPEN) if keys else []
    same = [one.id for one in others if (one.run, one.stream, one.key.rpartition("#")[0]) in first]
    work.record_errors.claim(org, same, retry)


def _open(work: UnitOfWork, org: str, chosen: dict[str, Any]) -> Iterator[RecordError]:
    """The open errors whose records are kept, the oldest first."""
    after = None
    while rows := work.record_errors.list(org, limit=_CHUNK, after=after, status=ErrorStatus.OPEN, **chosen):
        yield from (row for row in rows if has_data(row))
        after = rows[-1].id


def _root(work: UnitOfWork, org: str, run: str, known: dict[str, str]) -> str:
    """The run that a retry, or the retry of a retry, began with."""
    if run not in known:
        row = work.runs.find(org, id=run)
        parent = work.runs.find(org, id=row.parent) if row and row.parent else None
        known[run] = run if parent is None else _root(work, org, parent.id, known)
    return known[run]
