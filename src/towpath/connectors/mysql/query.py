"""The SELECTs that read a stream: what of it, from where on, in which order."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from towpath.connectors.mysql.types import base_type, native_type
from towpath.sdk import AnyOf, Clause, Condition, Selection
from towpath.sdk.cursor import names, sql
from towpath.sdk.sql import clause, coalesce, quote, where

_MARK = "`"
#: Types whose values sort and compare as the literals that `literal` writes for them do.
_PAGEABLE = {"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "bit", "year", "uuid"}
_PAGEABLE |= {"char", "varchar", "binary", "varbinary", "date", "datetime", "timestamp"}


def name(*parts: str) -> str:
    """A quoted name: of a column, or of a table after its database."""
    return ".".join(quote(part, _MARK) for part in parts)


def pageable(field: pa.Field) -> bool:
    """Whether a key column can tell where the next page begins."""
    return base_type(native_type(field)) in _PAGEABLE


def literal(value: pa.Scalar) -> str:
    """A value of a key or cursor column as SQL, exactly."""
    if pa.types.is_string(value.type):
        return f"_utf8mb4 X'{value.as_py().encode().hex()}'"
    if pa.types.is_binary(value.type):
        return f"X'{value.as_py().hex()}'"
    # Timestamps come with their offset, which MariaDB does not take; the session is in UTC anyway.
    return sql(value, backslashes=True).replace("+00:00'", "'")


@dataclass(frozen=True)
class Query:
    """One SELECT, put together from its parts."""

    table: str
    """Quoted."""
    fields: tuple[pa.Field, ...]
    conditions: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    """Expressions."""
    limit: int | None = None
    index: bool = False
    """Read along the primary key; else the server chooses."""

    def also(self, *conditions: str) -> "Query":
        """The same with more conditions."""
        return replace(self, conditions=(*self.conditions, *conditions))

    def ordered(self, *expressions: str) -> "Query":
        """The same in this order."""
        return replace(self, order=expressions)

    def limited(self, rows: int) -> "Query":
        """No more than so many of its rows."""
        return replace(self, limit=rows)

    def count(self) -> str:
        """How many rows it finds, as SQL."""
        return f"SELECT COUNT(*) FROM {self.table}{clause(*self.conditions)}"

    def sql(self, *, exact_floats: bool = False) -> str:
        """``exact_floats`` for the text protocol, which rounds floats but not doubles."""
        columns = ", ".join(_expression(field, exact_floats=exact_floats) for field in self.fields)
        index = " FORCE INDEX (PRIMARY)" if self.index else ""
        order = f" ORDER BY {', '.join(self.order)}" if self.order else ""
        limit = "" if self.limit is None else f" LIMIT {self.limit}"
        return f"SELECT {columns} FROM {self.table}{index}{clause(*self.conditions)}{order}{limit}"


def _expression(field: pa.Field, *, exact_floats: bool) -> str:
    column = name(field.name)
    return f"{column} * 1e0" if exact_floats and field.type == pa.float32() else column


def after(keys: Sequence[str], last: Sequence[str]) -> str:
    """The rows behind the one with these key values, in a form that every server finds by the index.

    >>> print(after(["a", "b"], ["1", "2"]))
    `a` >= 1 AND (`a` > 1 OR (`a` = 1 AND (`b` > 2)))
    """
    columns = [name(key) for key in keys]
    found = f"{columns[-1]} > {last[-1]}"
    for column, value in reversed(list(zip(columns[:-1], last[:-1], strict=True))):
        found = f"{column} > {value} OR ({column} = {value} AND ({found}))"
    return f"{columns[0]} >= {last[0]} AND ({found})" if len(columns) > 1 else found


def cursor_expression(selection: Selection) -> str:
    """The cursor as it is compared and ordered: text by its bytes.

    Under most collations different texts are equal.
    """
    columns = list(map(name, names(selection)))
    if pa.types.is_string(selection.stream.schema.field(selection.cursor).type):
        columns = [f"CAST(CONVERT({column} USING utf8mb4) AS BINARY)" for column in columns]
    return coalesce(columns)


def cursor_literal(value: pa.Scalar) -> str:
    """The literal to compare `cursor_expression` with."""
    if pa.types.is_timestamp(value.type):  # with a function, text would be compared as text
        return f"TIMESTAMP{literal(value)}"
    return f"X'{value.as_py().encode().hex()}'" if pa.types.is_string(value.type) else literal(value)


def row_filter(selection: Selection) -> str:
    """The row filter; numbers and moments that came as text are compared as what they are."""
    schema = selection.stream.schema
    return where([_exact(item, schema) for item in selection.where], mark=_MARK, backslashes=True)


def _exact(item: Clause, schema: pa.Schema) -> Clause:
    if isinstance(item, AnyOf):
        return AnyOf(tuple(_exactly(one, schema.field(one.column).type) for one in item.conditions))
    return _exactly(item, schema.field(item.column).type)


def _exactly(item: Condition, type: pa.DataType) -> Condition:
    many = isinstance(item.value, list)
    values = [_plain(value, type) for value in (item.value if many else [item.value])]
    return replace(item, value=values if many else values[0])


def _plain(value: Any, type: pa.DataType) -> Any:
    """The server would compare a decimal with text by way of doubles, and knows no offset in a timestamp."""
    if not isinstance(value, str):
        return value
    try:
        if pa.types.is_decimal(type):
            return Decimal(value)
        if pa.types.is_timestamp(type):
            return _in_utc(dt.datetime.fromisoformat(value))
    except (InvalidOperation, ValueError):
        pass  # a pattern for LIKE, or what only the server understands
    return value


def _in_utc(moment: dt.datetime) -> str:
    if moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return moment.isoformat(" ")
