"""Reads a SQLite file: one read transaction, one ordered or unordered pass, batches bounded by bytes."""

import sqlite3
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from towpath.connectors.sqlite import catalog
from towpath.connectors.sqlite.catalog import MARK
from towpath.connectors.sqlite.config import SqliteConfig
from towpath.connectors.sqlite.connection import reading
from towpath.connectors.sqlite.decode import MISFIT, decode, misfit
from towpath.connectors.sqlite.keys import Keys
from towpath.sdk import (
    Batch,
    DataError,
    Plan,
    ReadMode,
    SchemaError,
    Selection,
    Slice,
    State,
    Stream,
    cursor,
)
from towpath.sdk.sql import clause, quote

_ROWS, _BYTES = 65_536, 32 * 2**20
_FIRST = 256
_WHOLE = Slice("whole")


class SqliteSource:
    """One connection for each call: nothing is held between calls, and nothing needs closing."""

    def __init__(self, config: SqliteConfig) -> None:
        self._config = config

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def check(self) -> str:
        with reading(self._config) as connection:
            return f"SQLite {connection.execute('SELECT sqlite_version()').fetchone()[0]}"

    def discover(self) -> Sequence[Stream]:
        with reading(self._config) as connection:
            return list(catalog.streams(connection))

    def plan(self, selection: Selection, state: State | None) -> Plan:
        """One slice: a read transaction cannot be shared by processes, and only it is consistent."""
        with reading(self._config) as connection:
            _check_table(connection, selection)
            cursor.check(selection, state)
            if selection.mode is ReadMode.FULL_REFRESH:
                return Plan((Slice("whole", rows=selection.stream.rows),))
            _check_nulls(connection, selection)
        return Plan((_WHOLE,), ordered=True)

    def read(self, selection: Selection, slice: Slice, state: State | None) -> Iterator[Batch]:
        with reading(self._config) as connection:
            _check_table(connection, selection)
            if selection.mode is ReadMode.FULL_REFRESH:
                yield from map(Batch, _batches(connection, selection, None))
            else:
                yield from cursor.follow(_batches(connection, selection, state), selection, state)

    def ack(self, selection: Selection, state: State) -> None:
        """Nothing to do: a table does not forget what was read."""


def _check_table(connection: sqlite3.Connection, selection: Selection) -> None:
    name = selection.stream.name
    if catalog.columns(connection, name):
        return
    near = get_close_matches(name, [other for other, _ in catalog.tables(connection)], n=1)
    guess = f"Did you mean {near[0]!r}? " if near else ""
    raise SchemaError(
        "stream.not_found",
        f"There is no table or view {name!r} in the database.",
        hint=f"{guess}`towpath discover` shows what there is.",
        stream=selection.stream.key,
    )


def _check_nulls(connection: sqlite3.Connection, selection: Selection) -> None:
    conditions = map(Keys(connection, selection).condition, selection.where)
    nulls = [f"{quote(name, MARK)} IS NULL" for name in cursor.names(selection)]
    where = clause(*conditions, *nulls)
    count = connection.execute(f"SELECT count(*) FROM {quote(selection.stream.name, MARK)}{where}").fetchone()
    if count[0]:
        raise cursor.null_cursor(selection, count[0])


def _batches(
    connection: sqlite3.Connection, selection: Selection, state: State | None
) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([selection.stream.schema.field(name) for name in cursor.columns(selection)])
    rows = connection.execute(_query(connection, selection, state, schema))
    reader = _Rows(selection.stream.key, schema, has_rowid=len(rows.description) > len(schema))
    return reader.batches(rows)


def _query(
    connection: sqlite3.Connection, selection: Selection, state: State | None, schema: pa.Schema
) -> str:
    keys = Keys(connection, selection)
    table = quote(selection.stream.name, MARK)
    where = clause(*keys.following(selection, state), *map(keys.condition, selection.where))
    order = f" ORDER BY {keys.cursor(selection)}" if selection.cursor else ""
    names = [quote(name, MARK) for name in schema.names]
    if _has_rowid(connection, selection.stream):
        names.append("rowid")
    return f"SELECT {', '.join(names)} FROM {table}{where}{order}"


def _has_rowid(connection: sqlite3.Connection, stream: Stream) -> bool:
    """Whether the rows have numbers that an error can name; views and WITHOUT ROWID tables have none."""
    query = "SELECT type = 'table' AND NOT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?"
    found = connection.execute(query, (stream.name,)).fetchone()
    return bool(found and found[0])


class _Rows:
    """Makes record batches of SQLite's rows."""

    def __init__(self, table: str, schema: pa.Schema, *, has_rowid: bool) -> None:
        self._table, self._schema, self._has_rowid = table, schema, has_rowid

    def batches(self, rows: sqlite3.Cursor) -> Iterator[pa.RecordBatch]:
        """Batches of up to `_ROWS` records and about `_BYTES`: each sets the size of the next."""
        size = _FIRST
        while part := rows.fetchmany(size):
            batch = self._batch(part)
            per_row = max(batch.nbytes // batch.num_rows, 1)
            size = max(1, min(_ROWS, _BYTES // per_row))
            yield batch

    def _batch(self, rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
        columns = list(zip(*rows, strict=True))
        arrays = [
            self._column(values, field, columns) for values, field in zip(columns, self._schema, strict=False)
        ]
        return pa.record_batch(arrays, schema=self._schema)

    def _column(self, values: Sequence[Any], field: pa.Field, columns: Sequence[Sequence[Any]]) -> pa.Array:
        try:
            return decode(values, field)
        except MISFIT as error:
            place = misfit(values, field)
            raise self._misfit(field, columns[-1][place] if self._has_rowid else None, error) from error

    def _misfit(self, field: pa.Field, rowid: int | None, error: Exception) -> DataError:
        where = "" if rowid is None else f" in the row with rowid {rowid}"
        return DataError(
            "value.unrepresentable",
            f"The column {field.name!r} of {self._table!r} holds a value{where} that is no {field.type}.",
            hint="Correct the value, leave the column out, or read a view that casts the column.",
            stream=self._table,
            column=field.name,
            rowid=rowid,
            cause=type(error).__name__,
        )
