"""Reads tables and views: as a whole, in parallel, or what is new by a cursor column."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Self

import psycopg

from towpath.connectors.postgres import catalog, late, slices
from towpath.connectors.postgres import snapshot as snapshots
from towpath.connectors.postgres.catalog import Relation
from towpath.connectors.postgres.config import PostgresConfig
from towpath.connectors.postgres.connection import connect
from towpath.connectors.postgres.errors import translate, translated
from towpath.connectors.postgres.query import Query, chosen, cursor_of
from towpath.connectors.postgres.reading import Reader, best
from towpath.connectors.postgres.snapshot import Snapshot
from towpath.connectors.postgres.types import Column
from towpath.sdk import (
    Batch,
    ConfigError,
    Plan,
    ReadMode,
    SchemaError,
    Selection,
    Slice,
    State,
    Stream,
    cursor,
)
from towpath.sdk.sql import where

#: `libpq` waits no less than this, so that a check takes less than three seconds.
_CHECK_SECONDS = 2


class PostgresSource:
    """Streams of one database. Full reads that one object has planned are all of one moment."""

    def __init__(
        self, config: PostgresConfig, reader: Callable[[PostgresConfig, Snapshot], Reader] | None = None
    ) -> None:
        self._config = config
        self._reader = reader or best()
        self._snapshot: Snapshot | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._snapshot is not None:
            self._snapshot.close()

    def check(self) -> str:
        with connect(self._config, timeout=_CHECK_SECONDS) as connection:
            return f"PostgreSQL {connection.info.parameter_status('server_version')}"

    def discover(self) -> Sequence[Stream]:
        with translated(), connect(self._config) as connection:
            found = catalog.relations(connection, self._config.arrays)
        schemas = self._config.schemas
        streams = (one.stream for one in found if not schemas or one.stream.namespace in schemas)
        return sorted(streams, key=lambda stream: stream.key)

    def plan(self, selection: Selection, state: State | None) -> Plan:
        cursor.check(selection, state)
        with translated(stream=selection.stream.key):
            if cursor.start(state) is not None:
                return self._plan_following(selection)
            return self._plan_all(selection)

    def read(self, selection: Selection, slice: Slice, state: State | None) -> Iterator[Batch]:
        with translated(stream=selection.stream.key):
            if "parts" in slice.spec:
                yield from self._read_parts(selection, slice)
            else:
                yield from self._read_following(selection, state or {})

    def ack(self, selection: Selection, state: State) -> None:
        """Nothing: a table forgets nothing."""

    # ── all of it ────────────────────────────────────────────────────────────────────────────────

    def _plan_all(self, selection: Selection) -> Plan:
        snapshot = self._snapshot = self._snapshot or snapshots.take(self._config)
        relation = self._checked(snapshot, selection)
        snapshot.hold(relation)
        state = None
        if selection.mode is ReadMode.INCREMENTAL:
            self._check_nulls(snapshot, relation, selection)
            state = self._state_of(snapshot, relation, selection)
        pieces = slices.cut(snapshot, relation, self._config.parallel)
        return Plan(pieces, state, pinned=True)

    def _read_parts(self, selection: Selection, slice: Slice) -> Iterator[Batch]:
        with self._reading(slice.spec["snapshot"]) as (snapshot, reader):
            relation = catalog.relation(snapshot.connection, selection.stream, self._config.arrays)
            columns = chosen(relation, selection, selection.schema.names)
            for part in slices.parts_of(slice.spec):
                query = Query(columns, part.relation, (where(selection.where), *part.conditions))
                yield from map(Batch, reader.batches(query))

    def _state_of(self, snapshot: Snapshot, relation: Relation, selection: Selection) -> State | None:
        """The state after all that the snapshot sees; None if that is nothing."""
        key, filter = cursor_of(selection), where(selection.where)
        last = Query((), relation.sql, (filter,), f"{key} DESC NULLS LAST").sql([key])
        at_last = (filter, f"{key} = ({last} LIMIT 1)")
        marks = {} if selection.lookback else late.marked(snapshot, relation)
        with self._reading(snapshot.id) as (_, reader):
            query = Query(chosen(relation, selection, cursor.columns(selection)), relation.sql, at_last)
            return cursor.boundary(reader.batches(query), selection, marks)

    # ── what follows ─────────────────────────────────────────────────────────────────────────────

    def _plan_following(self, selection: Selection) -> Plan:
        with snapshots.opened(self._config, None) as snapshot:
            relation = self._checked(snapshot, selection)
            self._check_nulls(snapshot, relation, selection)
        return Plan((Slice("following"),), ordered=True)

    def _read_following(self, selection: Selection, state: State) -> Iterator[Batch]:
        with self._reading(None) as (snapshot, reader):
            relation = self._checked(snapshot, selection)
            snapshot.hold(relation)
            marks = {} if selection.lookback else late.marked(snapshot, relation)
            base = late.unmarked(state) | dict(marks)
            yield from self._late(snapshot, reader, relation, selection, state, base)
            query = self._since(relation, selection, state, ">=")
            yield from cursor.follow(reader.batches(query), selection, base)

    def _late(
        self,
        snapshot: Snapshot,
        reader: Reader,
        relation: Relation,
        selection: Selection,
        state: State,
        after: State,
    ) -> Iterator[Batch]:
        """Records below the cursor that the read before could not see; the last batch has ``after``."""
        conditions = None if selection.lookback else late.conditions(snapshot, state)
        if conditions is None:
            return
        query = self._since(relation, selection, state, "<", *conditions)
        held: Batch | None = None
        for batch in reader.batches(query):
            if held is not None:
                yield held
            held = Batch(batch.select(selection.schema.names))
        if held is not None:
            held.state = after
            yield held

    def _since(self, relation: Relation, selection: Selection, state: State, sign: str, *more: str) -> Query:
        key, bound = cursor_of(selection), cursor.since(selection, state)
        bounds = () if bound is None else (f"{key} {sign} {cursor.sql(bound)}",)
        columns = chosen(relation, selection, cursor.columns(selection))
        return Query(columns, relation.sql, (where(selection.where), *bounds, *more), key)

    # ── both ─────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _reading(self, id: str | None) -> Iterator[tuple[Snapshot, Reader]]:
        with (
            snapshots.opened(self._config, id) as snapshot,
            closing(self._reader(self._config, snapshot)) as reader,
        ):
            yield snapshot, reader

    def _checked(self, snapshot: Snapshot, selection: Selection) -> Relation:
        """The relation, which has everything that the selection names."""
        relation = catalog.relation(snapshot.connection, selection.stream, self._config.arrays)
        chosen(
            relation,
            selection,
            (*cursor.columns(selection), *(name for part in selection.where for name in part.columns)),
        )
        for name in cursor.names(selection):
            self._check_cursor(relation.columns[name], selection)
        if selection.where:
            self._check_filter(snapshot, relation, selection)
        return relation

    def _check_cursor(self, column: Column, selection: Selection) -> None:
        if not column.cursor:
            raise SchemaError(
                "cursor.unusable",
                f"The column {column.field.name!r} of {selection.stream.key!r} is of type {column.native}, "
                "which cannot be a cursor.",
                hint=f"Use one of: {', '.join(selection.stream.cursors) or '(the stream has none)'}.",
                stream=selection.stream.key,
            )

    def _check_filter(self, snapshot: Snapshot, relation: Relation, selection: Selection) -> None:
        try:
            with snapshot.connection.transaction():
                query = Query((), relation.sql, (where(selection.where),)).sql(["1"])
                snapshot.connection.execute(f"{query} LIMIT 0".encode())
        except psycopg.DataError as error:
            raise ConfigError(
                "filter.invalid",
                f"The row filter does not fit {selection.stream.key!r}: {translate(error)}.",
                hint="Compare a column with values of its own type only.",
                stream=selection.stream.key,
            ) from error

    def _check_nulls(self, snapshot: Snapshot, relation: Relation, selection: Selection) -> None:
        if any(relation.columns[name].required for name in cursor.names(selection)):
            return
        query = Query((), relation.sql, (where(selection.where), f"{cursor_of(selection)} IS NULL"))
        [(count,)] = snapshot.connection.execute(query.sql(["count(*)"]).encode()).fetchall()
        if count:
            raise cursor.null_cursor(selection, count)
