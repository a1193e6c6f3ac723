"""Records that failed: those of a job, and those of a step of a flow, whatever job they failed in."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from towpath.core.errors import ConfigError, ConflictError, NotFoundError
from towpath.core.records import DebugLine, ErrorStatus, Flow, RecordError
from towpath.core.repositories import Between, Standing, UnitOfWork
from towpath.services.context import UseCases, audit
from towpath.services.inbox import Inbox, has_data
from towpath.services.pipelines.jobs_shape import Job, Part, Whole

#: Rows that are looked at together.
_CHUNK = 1001

Detail = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A record that failed, and where."""

    error: RecordError
    part: str
    """Id of the step of the run; the run's own where its step is not known any more."""
    position: int
    """Place of the step in the flow."""


@dataclass(frozen=True)
class Step:
    """A step of a flow, whose errors are looked at."""

    flow: Flow
    id: str
    """Of the export or import."""

    @property
    def choice(self) -> dict[str, Any]:
        """What its errors have in common. Streams that are copied fail where they are written."""
        chosen = {"flow": self.flow.id}
        return chosen if self.flow.pipeline is None else {**chosen, "stream": self.id}


class Failures(UseCases):
    """The use cases of failed records."""

    def of_job(self, org: str, job: Job, family: Sequence[str], limit: int) -> Sequence[Failed]:
        """The oldest first, with those of runs that sent its records again: ``family`` are the ids of all."""
        with self.rooms.store.read() as work:
            chosen = _choice(job, family)
            return _placed(work, org, work.record_errors.list(org, limit=limit, **chosen))

    def every(self, org: str, job: Job, family: Sequence[str]) -> Iterator[Failed]:
        """All of them, a few at a time: there may be more than fit into memory."""
        after = None
        while True:
            with self.rooms.store.read() as work:
                rows = work.record_errors.list(org, limit=_CHUNK, after=after, **_choice(job, family))
                found = _placed(work, org, rows)
            if not found:
                return
            yield from found
            after = rows[-1].id

    def get(self, org: str, id: str) -> Failed:
        with self.rooms.store.read() as work:
            return _placed(work, org, [work.record_errors.get(org, id)])[0]

    def kept(
        self, org: str, limit: int, job: Job | None = None, family: Sequence[str] = ()
    ) -> Sequence[Failed]:
        """Those that are open and can be sent again, the newest first, of a job or of all."""
        chosen = {} if job is None else _choice(job, family)
        with self.rooms.store.read() as work:
            return _placed(work, org, _newest(work, org, limit, has_data, status=ErrorStatus.OPEN, **chosen))

    def step(self, org: str, flow: str, candidates: Sequence[str]) -> Step:
        """The step of the flow that has one of these ids; a former one, too, that has errors. Raises
        `NotFoundError`.
        """
        with self.rooms.store.read() as work:
            row = work.flows.get(org, flow)
            for id in candidates:
                known = id in row.exports or id in row.imports
                if known or work.record_errors.list(org, flow=flow, stream=id, limit=1):
                    return Step(row, id)
        raise NotFoundError("step.not_found", "The flow has no such step.", hint="Check its _id.")

    def of_step(
        self,
        org: str,
        step: Step,
        status: ErrorStatus | Sequence[ErrorStatus],
        *,
        limit: int,
        after: str | None = None,
        between: Between | None = None,
        takes: Callable[[RecordError], bool] = lambda _: True,
    ) -> Sequence[Failed]:
        """The newest first, before the one with the id ``after``."""
        with self.rooms.store.read() as work:
            chosen = {"after": after, "between": between, "status": status, **step.choice}
            return _placed(work, org, _newest(work, org, limit, takes, **chosen))

    def within(self, org: str, step: Step, ids: Sequence[str]) -> Sequence[RecordError]:
        """Those of the step's errors with these ids, in their order. Raises `NotFoundError` for any other."""
        with self.rooms.store.read() as work:
            return _within(work, org, step, ids)

    def standing(self, org: str, flows: Sequence[str]) -> Sequence[Standing]:
        """The steps that have open errors."""
        with self.rooms.store.read() as work:
            return work.record_errors.standing(org, flows)

    def resolve(self, org: str, step: Step, ids: Sequence[str]) -> int:
        """Say that open ones need no more care; returns how many there were. Others stay as they are."""
        with self.rooms.store.begin() as work:
            return self._resolve(work, org, step.flow.id, ids)

    def resolve_one(self, org: str, id: str) -> Failed:
        """Raises `ConflictError` (``error.not_open``) while it is sent again; done twice it is done once."""
        Inbox(self.rooms, self.actor).resolve(org, [id])
        return self.get(org, id)

    def resolve_all(self, org: str, job: Job, family: Sequence[str]) -> int:
        """All of a job that are open; returns how many there were."""
        count = 0
        while True:
            with self.rooms.store.begin() as work:
                chosen = {**_choice(job, family), "status": ErrorStatus.OPEN}
                ids = [row.id for row in work.record_errors.list(org, limit=_CHUNK, **chosen)]
                count += self._resolve(work, org, job.run.id, ids)
            if not ids:
                return count

    def delete_resolved(self, org: str, step: Step, ids: Sequence[str]) -> None:
        """Forget resolved ones: all of them, or none if one is not resolved."""
        with self.rooms.store.begin() as work:
            for row in _within(work, org, step, ids):
                if row.status is not ErrorStatus.RESOLVED:
                    raise ConflictError(
                        "error.not_resolved",
                        f"The error {row.id} is {row.status}.",
                        hint="Only resolved errors are deleted: resolve it first.",
                    )
                work.record_errors.delete(org, row.id)
            audit(work, org, self.actor, "error.delete", step.flow.id, errors=len(ids))

    def edit(self, org: str, id: str, record: Any) -> Failed:
        """Change the record that will be sent again. Raises `ConflictError` (``error.not_open``,
        ``retry.no_data``), `ConfigError` for what is no record.
        """
        with self.rooms.store.begin() as work:
            error = work.record_errors.get(org, id)
            flow = work.flows.find(org, id=error.flow)
            check_data(error)
            if type(record) is not type(error.record):
                kind = "a list of rows" if isinstance(error.record, list) else "an object"
                raise ConfigError(
                    "request.invalid", f"The record is {kind}.", hint="Send it as it was read.", field="data"
                )
            if flow is not None and flow.pipeline is not None:
                self._amend(work, org, error, record)
                return _placed(work, org, [work.record_errors.get(org, id)])[0]
        try:
            Inbox(self.rooms, self.actor).edit(org, id, record)
        except NotFoundError as missing:
            raise ConfigError("request.invalid", missing.message, hint=missing.hint, field="data") from None
        return self.get(org, id)

    def add(self, org: str, part: Part, record: Any) -> Failed:
        """Keep a record that is to be sent from this step on, as if it had failed there."""
        stage = "page" if part.row.selection.get("kind") == "export" else "map"
        error = RecordError(
            org=org,
            run=part.run.id,
            flow=part.run.flow,
            stream=part.row.stream,
            code="added",
            message="It was added by hand.",
            record=record,
            detail={"stage": stage, "source": "internal"},
        )
        error = replace(error, key=error.id)
        with self.rooms.store.begin() as work:
            work.record_errors.report(org, [error])
            audit(work, org, self.actor, "error.add", error.id, run=part.run.id)
        return self.get(org, error.id)

    def note(self, org: str, step: Step, ids: Sequence[str], change: Callable[[Detail], Detail]) -> None:
        """Change what is known of errors beside their records: whom they are assigned to, their tags."""
        with self.rooms.store.begin() as work:
            for row in _within(work, org, step, ids):
                work.record_errors.update(org, row.id, detail=dict(change(row.detail)))
            audit(work, org, self.actor, "error.note", step.flow.id, errors=len(ids))

    def captured(self, org: str, step: Step, error: RecordError) -> Sequence[DebugLine]:
        """What was captured of the step's requests in the run until the record failed; none if nobody
        debugged its connection.
        """
        with self.rooms.store.read() as work:
            connection = _connection(work, org, step)
            run = work.runs.get(org, error.run)
            lines = work.debug_lines.read(org, connection, step=step.id) if connection else []
        begun = run.started_at or run.created_at
        return [line for line in lines if begun <= line.at <= error.created_at]

    def is_captured(self, org: str, step: Step) -> bool:
        """Whether anything of the step's requests was captured."""
        with self.rooms.store.read() as work:
            connection = _connection(work, org, step)
            return bool(connection and work.debug_lines.read(org, connection, step=step.id, limit=1))

    def _resolve(self, work: UnitOfWork, org: str, object: str, ids: Sequence[str]) -> int:
        """One line of the audit trail for all: of the run, or the flow, that they belong to."""
        count = work.record_errors.resolve(org, ids)
        if count:
            audit(work, org, self.actor, "error.resolve", object, errors=list(ids))
        return count

    def _amend(self, work: UnitOfWork, org: str, error: RecordError, record: Any) -> None:
        if not work.record_errors.amend(org, error.id, record):
            raise not_open(error)
        audit(work, org, self.actor, "error.edit", error.id)


def check_data(error: RecordError) -> None:
    """Raises `ConflictError` (``retry.no_data``)."""
    if not has_data(error):
        raise ConflictError(
            "retry.no_data",
            f"The record of the error {error.id} is not kept.",
            hint="Run the flow again, or retry the other error of the same record.",
        )


def not_open(error: RecordError) -> ConflictError:
    """Why nothing can be done with an error any more."""
    hint = "What is resolved stays as it was: run the flow again to have the record read again."
    if error.status is ErrorStatus.RETRYING:
        hint = "A job sends it again: wait for its end, or cancel it."
    return ConflictError("error.not_open", f"The error {error.id} is {error.status}.", hint=hint)


def _newest(
    work: UnitOfWork,
    org: str,
    limit: int,
    takes: Callable[[RecordError], bool],
    *,
    after: str | None = None,
    **chosen: Any,
) -> list[RecordError]:
    found: list[RecordError] = []
    while len(found) < limit:
        rows = work.record_errors.list(org, limit=_CHUNK, after=after, newest_first=True, **chosen)
        if not rows:
            break
        found += [row for row in rows if takes(row)]
        after = rows[-1].id
    return found[:limit]


def _choice(job: Job, family: Sequence[str]) -> dict[str, Any]:
    chosen: dict[str, Any] = {"run": list(family)}
    return chosen if isinstance(job, Whole) else {**chosen, "stream": job.row.stream}


def _within(work: UnitOfWork, org: str, step: Step, ids: Sequence[str]) -> Sequence[RecordError]:
    rows = {row.id: row for row in work.record_errors.list(org, id=list(ids), **step.choice)}
    for id in ids:
        if id not in rows:
            raise NotFoundError("error.not_found", f"The step has no error {id}.", hint="Check the errorId.")
    return [rows[id] for id in dict.fromkeys(ids)]


def _placed(work: UnitOfWork, org: str, errors: Sequence[RecordError]) -> Sequence[Failed]:
    rows = work.streams.of(org, {error.run for error in errors}) if errors else []
    parts = {(row.run, row.stream): row for row in rows}
    found = []
    for error in errors:
        row = parts.get((error.run, error.stream))
        position = int(row.selection.get("position", 0)) if row else 0
        found.append(Failed(error=error, part=row.id if row else error.run, position=position))
    return found


def _connection(work: UnitOfWork, org: str, step: Step) -> str | None:
    """Id of the connection that the step uses."""
    row = work.exports.find(org, id=step.id) or work.imports.find(org, id=step.id)
    return row.connection if row else None
