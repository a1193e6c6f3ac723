"""Rows that are read again and again, and seldom change: made into records once."""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, ColumnElement, CursorResult, Dialect, type_coerce
from sqlalchemy.types import NullType

from towpath.store.types import Json

T = TypeVar("T")

#: How many rows are remembered, and how long a JSON text in one may be, in characters: a few MB in all.
_SIZE, _LONG = 4096, 4096


class Memo(Generic[T]):
    """What is remembered is a function of all that the database sent, and of nothing else: it cannot be out
    of date. It holds no more than the rows do, so no secret in the clear.
    """

    def __init__(self, columns: Sequence[Column[Any]], make: Callable[[Sequence[Any]], T]) -> None:
        self.columns: Sequence[ColumnElement[Any]] = [
            type_coerce(column, NullType()).label(f"{column.table.name}_{column.name}") for column in columns
        ]
        """To select: they come as the driver has them."""
        self._columns = columns
        self._make = make
        self._texts = [place for place, column in enumerate(columns) if isinstance(column.type, Json)]
        self._remembered = lru_cache(maxsize=_SIZE)(self._decode)
        self._readers = cache(self._make_readers)

    def records(self, dialect: Dialect, result: CursorResult[Any]) -> list[T]:
        """The records of all rows."""
        return [self._record(dialect, tuple(row)) for row in result]

    def _record(self, dialect: Dialect, row: tuple[Any, ...]) -> T:
        if any(len(row[place] or "") > _LONG for place in self._texts):
            return self._decode(dialect, row)
        return self._remembered(dialect, row)

    def _decode(self, dialect: Dialect, row: tuple[Any, ...]) -> T:
        pairs = zip(self._readers(dialect), row, strict=True)
        return self._make([read(value) if read else value for read, value in pairs])

    def _make_readers(self, dialect: Dialect) -> Sequence[Callable[[Any], Any] | None]:
        """What SQLAlchemy would do to each column."""
        return [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in self._columns]
