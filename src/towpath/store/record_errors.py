"""The error inbox."""

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, text, update

from towpath.core.errors import InternalError
from towpath.core.records import ErrorStatus, RecordError, now
from towpath.core.repositories import Standing
from towpath.store import tables
from towpath.store.lists import among
from towpath.store.references import guarded
from towpath.store.repository import SqlRepository
from towpath.store.upsert import insert_new

#: Rows in one INSERT; SQLite takes 32,766 values.
_CHUNK = 500


class SqlRecordErrors(SqlRepository[RecordError]):
    """The error inbox."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.record_errors, RecordError)

    def report(self, org: str, errors: Sequence[RecordError]) -> int:
        if any(error.org != org for error in errors):
            raise InternalError(
                "store.wrong_organization",
                "A record error is of another organization than the unit of work.",
                hint="This is a defect of Towpath: please report it.",
            )
        # In one order: two that report the same failures wait for each other, never in a circle.
        rest = iter(sorted(errors, key=lambda error: (error.run, error.stream, error.key)))
        return sum(self._report(chunk) for chunk in iter(lambda: list(islice(rest, _CHUNK)), []))

    def amend(self, org: str, id: str, record: Mapping[str, Any]) -> bool:
        return self._change(self._is(org, id=id, status=ErrorStatus.OPEN), record=record) > 0

    def claim(self, org: str, ids: Sequence[str], retry: str) -> int:
        taken = {"status": ErrorStatus.RETRYING, "retry": retry}
        # In one order: two that claim the same errors wait for each other, never in a circle.
        rest = iter(sorted(ids))
        chunks = iter(lambda: list(islice(rest, _CHUNK)), [])
        return sum(self._change(self._is(org, id=ids, status=ErrorStatus.OPEN), **taken) for ids in chunks)

    def settle(self, org: str, retry: str, sent: Collection[str]) -> None:
        taken = self._is(org, retry=retry, status=ErrorStatus.RETRYING)
        self._change(and_(taken, self._table.c.stream.in_(sent)), status=ErrorStatus.RESOLVED)
        streams = select(self._table.c.stream).where(taken).distinct()
        if unsent := list(self._connection.scalars(streams)):
            again = self._is(org, run=retry, stream=unsent, status=ErrorStatus.OPEN)
            self._change(again, status=ErrorStatus.RESOLVED)
            self._change(taken, status=ErrorStatus.OPEN, retry=None)

    def retried(self) -> Sequence[tuple[str, str]]:
        errors = self._table.c
        # In the words of the partial index: a parameter would not find it.
        query = select(errors.org, errors.retry).where(text("status = 'retrying'")).distinct()
        return [(org, retry) for org, retry in self._connection.execute(query)]

    def resolve(self, org: str, ids: Collection[str]) -> int:
        # In one order, as `claim` does it.
        rest = iter(sorted(set(ids)))
        chunks = iter(lambda: list(islice(rest, _CHUNK)), [])
        open_ones = (self._is(org, id=chunk, status=ErrorStatus.OPEN) for chunk in chunks)
        return sum(self._change(chosen, status=ErrorStatus.RESOLVED) for chosen in open_ones)

    def unresolved(self, org: str, runs: Collection[str]) -> Mapping[tuple[str, str], int]:
        errors = self._table.c
        first = or_(errors.key.not_like("%#%"), errors.key.like("%#1"))
        query = (
            select(errors.run, errors.stream, func.count())
            # In the words of the partial index: a parameter would not find it.
            .where(errors.org == org, text("status <> 'resolved'"), among(errors.run, "runs"), first)
            .group_by(errors.run, errors.stream)
        )
        rows = self._connection.execute(query, {"runs": list(runs)})
        return {(run, stream): count for run, stream, count in rows}

    def standing(self, org: str, flows: Collection[str]) -> Sequence[Standing]:
        errors = self._table.c
        query = (
            select(errors.flow, errors.stream, func.count(), func.max(errors.created_at))
            .where(errors.org == org, errors.status == ErrorStatus.OPEN, among(errors.flow, "flows"))
            .group_by(errors.flow, errors.stream)
            .order_by(errors.flow, errors.stream)
        )
        return [Standing(*row) for row in self._connection.execute(query, {"flows": list(flows)})]

    def count(self, org: str, **equals: Any) -> int:
        query = select(func.count()).select_from(self._table).where(self._is(org, **equals))
        return self._connection.execute(query).scalar_one()

    def _change(self, which: ColumnElement[bool], **values: Any) -> int:
        change = update(self._table).where(which).values(updated_at=now(), **values)
        return self._connection.execute(change).rowcount

    def _report(self, errors: Sequence[RecordError]) -> int:
        rows = [{name: getattr(error, name) for name in error.__dataclass_fields__} for error in errors]
        new = insert_new(self._connection, self._table, rows).returning(self._table.c.id)
        with guarded(self._connection, self._table, rows[0]):
            return len(self._connection.execute(new).all())
