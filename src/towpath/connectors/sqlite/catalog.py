"""What a SQLite file holds: tables and views, their columns, keys and types."""

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from towpath.connectors.sqlite.decode import MISFIT, decode
from towpath.connectors.sqlite.types import MIXED, arrow_type
from towpath.sdk import NATIVE_TYPE, ReadMode, Stream
from towpath.sdk.cursor import candidates
from towpath.sdk.sql import quote

#: Backticks: to SQLite a double-quoted name that no column has is a string, and never an error.
MARK = "`"
#: Prefix of the names of Towpath's own tables.
OWN = "_towpath_"

_SAMPLE = 1000
_COUNTED = 1_000_000
_HIDDEN = 1
_log = logging.getLogger("towpath.connectors.sqlite")


class Column(NamedTuple):
    """A column as the database declares it."""

    name: str
    declared: str
    key: int
    """Place in the primary key from 1; 0 if not part of it."""


def columns(connection: sqlite3.Connection, table: str) -> list[Column]:
    """The columns of a table or view in their order; none if there is no such thing."""
    rows = connection.execute("SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)", (table,))
    return [Column(name, declared, key) for name, declared, key, hidden in rows if hidden != _HIDDEN]


def tables(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Names and kinds (``table``, ``view``, ``virtual``) of all that can be read, in order of their names."""
    rows = connection.execute("SELECT name, type FROM pragma_table_list WHERE schema = 'main'")
    found = [(name, kind) for name, kind in rows if kind != "shadow"]
    return sorted(one for one in found if not one[0].startswith(("sqlite_", OWN)))


def streams(connection: sqlite3.Connection) -> Iterator[Stream]:
    """All tables and views as streams. A view that cannot be read is left out with a warning."""
    for name, kind in tables(connection):
        try:
            yield _stream(connection, name, kind)
        except sqlite3.OperationalError as error:
            _log.warning("The %s %r cannot be read and is left out: %s", kind, name, error)


def _stream(connection: sqlite3.Connection, name: str, kind: str) -> Stream:
    found = columns(connection, name)
    keyed = sorted((column for column in found if column.key), key=lambda column: column.key)
    primary_key = tuple(column.name for column in keyed)
    schema = pa.schema(list(_fields(connection, name, found)))
    cursors = candidates(schema, primary_key)
    modes = {ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL} if cursors else {ReadMode.FULL_REFRESH}
    rows = _rows(connection, name) if kind == "table" else None
    return Stream(name, schema, None, primary_key, frozenset(modes), cursors, rows)


def _rows(connection: sqlite3.Connection, name: str) -> int | None:
    """The number of rows, if a short look finds it."""
    counted = f"SELECT count(*) FROM (SELECT 1 FROM {quote(name, MARK)} LIMIT {_COUNTED + 1})"
    count = int(connection.execute(counted).fetchone()[0])
    return count if count <= _COUNTED else None


def _fields(connection: sqlite3.Connection, table: str, found: Sequence[Column]) -> Iterator[pa.Field]:
    names = ", ".join(quote(column.name, MARK) for column in found)
    sample = connection.execute(f"SELECT {names} FROM {quote(table, MARK)} LIMIT {_SAMPLE}").fetchall()
    values = list(zip(*sample, strict=True)) or [()] * len(found)
    for column, seen in zip(found, values, strict=True):
        field = _field(column, seen)
        if field.metadata[NATIVE_TYPE] == MIXED:
            _log.warning("The column %r of %r mixes texts and numbers: read as text", column.name, table)
        yield field


def _field(column: Column, sample: Sequence[Any]) -> pa.Field:
    """The first type that takes the sample: the declared one, or what is stored says.

    SQLite lets any column hold any value; a declaration that the data disproves is no use.
    """
    native = b"sqlite:" + column.declared.encode()
    for type in _possible(column.declared, sample):
        field = pa.field(column.name, type, metadata={NATIVE_TYPE: native})
        try:
            decode(sample, field)
        except MISFIT:
            continue
        return field
    return pa.field(column.name, pa.string(), metadata={NATIVE_TYPE: MIXED})


def _possible(declared: str, sample: Sequence[Any]) -> Iterator[pa.DataType]:
    promised = arrow_type(declared)
    if promised is not None:
        yield promised
        if pa.types.is_timestamp(promised) and promised.tz is None:
            yield pa.timestamp(promised.unit, "UTC")
    stored = {type(value) for value in sample} - {type(None)}
    if stored <= {str}:
        yield pa.string()
    elif stored == {int}:
        yield pa.int64()
    elif stored <= {int, float}:
        yield pa.float64()
    elif stored == {bytes}:
        yield pa.binary()
