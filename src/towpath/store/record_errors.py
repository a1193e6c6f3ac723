"""The error inbox."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, select

from towpath.core.errors import InternalError
from towpath.core.records import RecordError
from towpath.store import tables
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
            raise InternalError("store.wrong_organization", "A record error is of another organization")
        # In one order: two that report the same failures wait for each other, never in a circle.
        rest = iter(sorted(errors, key=lambda error: (error.run, error.stream, error.key)))
        return sum(self._report(chunk) for chunk in iter(lambda: list(islice(rest, _CHUNK)), []))

    def count(self, org: str, **equals: Any) -> int:
        query = select(func.count()).select_from(self._table).where(self._is(org, **equals))
        return self._connection.execute(query).scalar_one()

    def _report(self, errors: Sequence[RecordError]) -> int:
        rows = [{name: getattr(error, name) for name in error.__dataclass_fields__} for error in errors]
        new = insert_new(self._connection, self._table, rows).returning(self._table.c.id)
        with guarded(self._connection, self._table, rows[0]):
            return len(self._connection.execute(new).all())
