"""The error inbox: records that failed."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from towpath.core.errors import ConflictError
from towpath.core.model import Target
from towpath.core.records import ErrorStatus, RecordError, Run
from towpath.core.repositories import UnitOfWork
from towpath.services import flows
from towpath.services.context import UseCases, audit, missing
from towpath.services.documents.bundles import Bundle, bundled
from towpath.services.runs import find

_PAGE = 500


class Inbox(UseCases):
    """The use cases of failed records."""

    def list(
        self,
        org: str,
        *,
        flow: str | None = None,
        run: str | None = None,
        status: ErrorStatus | None = ErrorStatus.OPEN,
        limit: int = 100,
    ) -> Sequence[RecordError]:
        """The newest first."""
        with self.rooms.store.read() as work:
            chosen = _choice(work, org, flow, run) | ({} if status is None else {"status": status})
            return work.record_errors.list(org, limit=limit, newest_first=True, **chosen)

    def get(self, org: str, id: str) -> RecordError:
        with self.rooms.store.read() as work:
            return work.record_errors.get(org, id)

    def edit(self, org: str, id: str, values: Mapping[str, Any]) -> RecordError:
        """Change columns of a record before it is sent again; the values are plain JSON.

        Raises `NotFoundError` for a column that the stream does not have, `ConflictError` unless the error
        is open. Whether a value fits its column shows when it is sent.
        """
        with self.rooms.store.begin() as work:
            error = work.record_errors.get(org, id)
            stream = work.streams.get(org, error.run, error.stream)
            # A step of a pipeline takes whatever fields there are.
            known = Target.from_json(stream.target).schema.names if stream.target else None
            for name in values:
                if known is not None and name not in known:
                    raise missing("column", name, known, f"It has: {', '.join(known)}.")
            if not work.record_errors.amend(org, id, {**error.record, **values}):
                raise _not_open(error)
            audit(work, org, self.actor, "error.edit", id, columns=sorted(values))
            return work.record_errors.get(org, id)

    def retry(
        self, org: str, ids: Sequence[str] = (), *, flow: str | None = None, run: str | None = None
    ) -> Sequence[Run]:
        """Send open records again: the named ones, or all of a flow, of a run, or that there are.

        Makes a child run of each run that rejected some of them, more if they are many. An error that is
        not open any more, or has no record, is left out: nothing is sent twice. Raises `NotFoundError` for an
        unknown id.
        """
        with self.rooms.store.begin() as work:
            if ids:
                errors = iter([work.record_errors.get(org, id) for id in dict.fromkeys(ids)])
            else:
                parent = None if run is None else find(work, org, run).id
                errors = _all(work, org, _choice(work, org, flow, parent))
            still_open = (error for error in errors if error.status is ErrorStatus.OPEN and has_data(error))
            made = [self._retry(work, org, bundle) for bundle in bundled(still_open)]
        runs = [run for run in made if run is not None]
        for started in runs:
            self.rooms.engine.submit(started)
        return runs

    def resolve(self, org: str, ids: Sequence[str]) -> Sequence[RecordError]:
        """Say that the records need no more care: all of them, or none if one is unknown or being sent."""
        with self.rooms.store.begin() as work:
            return [self._resolve(work, org, id) for id in ids]

    def _retry(self, work: UnitOfWork, org: str, bundle: Bundle) -> Run | None:
        """None if others have taken all of the records meanwhile."""
        run = Run(org=org, flow=bundle.flow, cause="retry", parent=bundle.run)
        count = work.record_errors.claim(org, bundle.ids, run.id)
        if not count:
            return None
        work.runs.add(org, run)
        audit(work, org, self.actor, "error.retry", run.id, parent=bundle.run, records=count)
        return run

    def _resolve(self, work: UnitOfWork, org: str, id: str) -> RecordError:
        error = work.record_errors.get(org, id)
        if error.status is ErrorStatus.RETRYING:
            raise _not_open(error)
        resolved = work.record_errors.update(org, id, status=ErrorStatus.RESOLVED)
        audit(work, org, self.actor, "error.resolve", id)
        return resolved


def has_data(error: RecordError) -> bool:
    """Whether its record is kept, and can be sent again."""
    return error.detail.get("stage") != "done"


def _choice(work: UnitOfWork, org: str, flow: str | None, run: str | None) -> dict[str, Any]:
    chosen = {} if run is None else {"run": run}
    if flow is not None:
        chosen["flow"] = flows.find(work, org, flow).id
    return chosen


def _all(work: UnitOfWork, org: str, chosen: Mapping[str, Any]) -> Iterator[RecordError]:
    """The open errors, page by page: there may be more of them than fit into memory."""

    def pages() -> Iterator[Sequence[RecordError]]:
        after = None
        while page := work.record_errors.list(
            org, limit=_PAGE, after=after, status=ErrorStatus.OPEN, **chosen
        ):
            yield page
            after = page[-1].id

    return chain.from_iterable(pages())


def _not_open(error: RecordError) -> ConflictError:
    hint = "What is resolved stays as it was; run the flow again to have the record read again."
    if error.status is ErrorStatus.RETRYING:
        hint = f"The run {error.retry} sends it again: wait for its end, or cancel it."
    return ConflictError("error.not_open", f"The error {error.id} is {error.status}.", hint=hint, id=error.id)
