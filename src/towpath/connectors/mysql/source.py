"""Reads the tables and views of one database."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

import pyarrow as pa

from towpath.connectors.mysql import backfill, catalog, query
from towpath.connectors.mysql.config import MySQLConfig, SpecialValues
from towpath.connectors.mysql.connection import Connection, execute
from towpath.connectors.mysql.errors import translated
from towpath.connectors.mysql.pages import PAGE_ROWS, Merged, paged, ranges
from towpath.connectors.mysql.query import Query
from towpath.connectors.mysql.reading import COMPILED, Read, reader
from towpath.connectors.mysql.snapshot import connected, snapshot
from towpath.sdk import Batch, Plan, ReadMode, SchemaError, Selection, Slice, State, Stream
from towpath.sdk import cursor as cursors

_CHECK_SECONDS = 2
#: Below this many rows a second connection costs more time than it saves.
_PARALLEL_ROWS = 1 << 17


class MySQLSource:
    """It holds no connection between calls: a snapshot lives as long as the read that uses it."""

    def __init__(self, config: MySQLConfig, *, compiled: bool = COMPILED, page_rows: int = PAGE_ROWS) -> None:
        self._config = config
        self._compiled = compiled
        self._page_rows = page_rows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def check(self) -> str:
        with (
            translated(database=self._config.database),
            connected(self._config, _CHECK_SECONDS) as connection,
        ):
            return catalog.version(connection)

    def discover(self) -> Sequence[Stream]:
        with translated(database=self._config.database), connected(self._config) as connection:
            return catalog.streams(connection, self._config.database)

    def plan(self, selection: Selection, state: State | None) -> Plan:
        """One slice: a full read goes along the primary key in one snapshot, a later one is ordered."""
        cursors.check(selection, state)
        with translated(stream=selection.stream.key), snapshot(self._config) as (connection,):
            execute(connection, self._rows(selection).limited(0).sql())  # is all of it there?
            if selection.mode is not ReadMode.INCREMENTAL:
                return Plan((self._whole(connection, selection),))
            self._check_cursor(connection, selection)
            if cursors.start(state) is not None:
                return Plan((Slice("new"),), ordered=True)
            return self._backfill(connection, selection)

    def read(self, selection: Selection, slice: Slice, state: State | None) -> Iterator[Batch]:
        with translated(stream=selection.stream.key):
            if "pages" in slice.spec:
                yield from self._read_all(selection, slice)
            else:
                yield from self._read_new(selection, state)

    def ack(self, selection: Selection, state: State) -> None:
        """The server keeps nothing for us."""

    # ── planning ─────────────────────────────────────────────────────────────────────────────────

    def _whole(self, connection: Connection, selection: Selection) -> Slice:
        keys, rows = catalog.layout(connection, self._config.database, selection.stream)
        known = [selection.stream.schema.field(key) for key in keys if key in selection.stream.schema.names]
        pages = keys if len(known) == len(keys) and all(map(query.pageable, known)) else []
        return Slice("all", {"pages": pages}, rows)

    def _backfill(self, connection: Connection, selection: Selection) -> Plan:
        whole = self._whole(connection, selection)
        upto = backfill.state(self._reader(selection), connection, self._rows(selection), selection)
        return Plan((Slice(whole.id, {**whole.spec, "upto": upto}, whole.rows),), upto)

    def _check_cursor(self, connection: Connection, selection: Selection) -> None:
        fields = [selection.stream.schema.field(name) for name in cursors.names(selection)]
        for field in fields:
            if catalog.is_cursor(field):
                continue
            raise SchemaError(
                "cursor.unusable",
                f"The values of {field.name!r} are read as text, and text has another order.",
                hint=f"Use one of: {', '.join(selection.stream.cursors) or '(the stream has none)'}.",
            )
        if all(field.nullable for field in fields):
            empty = self._rows(selection).also(*(f"{query.name(field.name)} IS NULL" for field in fields))
            ((count,),) = execute(connection, empty.count())
            if int(count):
                raise cursors.null_cursor(selection, int(count))

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def _read_all(self, selection: Selection, slice: Slice) -> Iterator[Batch]:
        upto, keys = slice.spec.get("upto"), slice.spec["pages"]
        if "upto" in slice.spec and upto is None:
            return  # it was empty when the state was taken: what has come since follows it
        rows = self._rows(selection, also=keys)
        rows = rows.also(backfill.condition(selection, upto)) if upto else rows
        with self._snapshot(selection, slice) as connections:
            batches = self._batches(selection, connections, rows, keys)
            for batch in backfill.covered(batches, selection, upto) if upto else batches:
                yield Batch(_only(batch, selection.schema))

    def _snapshot(self, selection: Selection, slice: Slice) -> AbstractContextManager[Sequence[Connection]]:
        keys = slice.spec["pages"]
        divisible = keys and pa.types.is_integer(selection.stream.schema.field(keys[0]).type)
        large = (slice.rows or 0) >= _PARALLEL_ROWS
        return snapshot(self._config, self._config.parallel if divisible and large else 1)

    def _batches(
        self, selection: Selection, connections: Sequence[Connection], rows: Query, keys: Sequence[str]
    ) -> Iterable[pa.RecordBatch]:
        read = self._reader(selection, keys)
        if len(connections) > 1:
            pieces = ranges(connections[0], rows, keys[0], len(connections))
            return Merged(read, connections, pieces, keys, self._page_rows)
        if keys:
            return paged(read, connections[0], rows, keys, self._page_rows)
        return read(connections[0], rows)

    def _read_new(self, selection: Selection, state: State | None) -> Iterator[Batch]:
        since = cursors.since(selection, state)
        if since is None:
            raise ValueError("an ordered slice is read from a state on")
        cursor = query.cursor_expression(selection)
        rows = self._rows(selection).also(f"{cursor} >= {query.cursor_literal(since)}").ordered(cursor)
        with snapshot(self._config) as (connection,):
            yield from cursors.follow(self._reader(selection)(connection, rows), selection, state)

    def _rows(self, selection: Selection, also: Sequence[str] = ()) -> Query:
        """What the selection reads, and the columns needed besides."""
        names = dict.fromkeys([*cursors.columns(selection), *also])
        stream = selection.stream
        return Query(
            table=query.name(self._config.database, stream.name),
            fields=tuple(stream.schema.field(name) for name in names),
            conditions=tuple(filter(None, [query.row_filter(selection)])),
        )

    def _reader(self, selection: Selection, keys: Sequence[str] = ()) -> Read:
        needed = {*selection.stream.primary_key, *keys, *cursors.names(selection)}
        lenient = self._config.special_values is SpecialValues.NULL
        strict = needed if lenient else {*selection.stream.schema.names}
        return reader(strict, compiled=self._compiled)


def _only(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([batch.column(name) for name in schema.names], schema=schema)
