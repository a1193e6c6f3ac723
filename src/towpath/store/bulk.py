"""Adding many rows with as little work for each as there can be."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Table, insert

from towpath.store.types import Moment, Str

Writer = Callable[[Any], Any]

#: How many times are remembered as a database writes them: rows that are added together share theirs.
_TIMES = 64


class Bulk:
    """``INSERT`` into one table: what SQLAlchemy would do again for each row is done once for all."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._prepared = cache(self._prepare)

    def insert(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Each row has a value for every column of the table."""
        statement, writers, positional = self._prepared(connection.dialect)
        if positional:
            places: Any = [tuple([write(row[name]) for name, write in writers]) for row in rows]
            connection.exec_driver_sql(statement, places)
        else:
            connection.exec_driver_sql(
                statement, [{name: write(row[name]) for name, write in writers} for row in rows]
            )

    def _prepare(self, dialect: Dialect) -> tuple[str, Sequence[tuple[str, Writer]], bool]:
        compiled = insert(self._table).compile(dialect=dialect)
        names = compiled.positiontup or list(self._table.c.keys())
        writers = [(name, _writer(self._table.c[name], dialect)) for name in names]
        return str(compiled), writers, compiled.positiontup is not None


def _writer(column: Column[Any], dialect: Dialect) -> Writer:
    write: Writer = column.type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is
    if isinstance(column.type, Moment):
        return lru_cache(maxsize=_TIMES)(write)
    return _plain_or(write) if isinstance(column.type, Str) else write


def _plain_or(write: Writer) -> Writer:
    """For texts, which are nearly always such as any database holds."""

    def plainly(value: Any) -> Any:
        return value if value is None or (value.isascii() and "\x00" not in value) else write(value)

    return plainly


def _as_it_is(value: Any) -> Any:
    return value
