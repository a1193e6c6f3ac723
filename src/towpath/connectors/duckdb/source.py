"""Reads a DuckDB file: one query, streamed as Arrow."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from types import TracebackType
from typing import TYPE_CHECKING, Self

import duckdb
import pyarrow as pa

from towpath.connectors.duckdb import catalog
from towpath.connectors.duckdb.batches import coalesced, refuse_infinities
from towpath.connectors.duckdb.config import DuckdbConfig
from towpath.connectors.duckdb.connection import opened, run
from towpath.connectors.duckdb.types import read_expression
from towpath.sdk import (
    Batch,
    ConfigError,
    Operator,
    Plan,
    ReadMode,
    SchemaError,
    Selection,
    Slice,
    State,
    Stream,
    comparisons,
    cursor,
)
from towpath.sdk.sql import clause, coalesce, literal, quote, where

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: DuckDB's own unit: a reader gives batches of a multiple of it.
_VECTOR = 2048


class DuckdbSource:
    """Opens the file for each call, read-only, so that other readers may have it open too."""

    def __init__(self, config: DuckdbConfig) -> None:
        self._config = config

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def check(self) -> str:
        with opened(self._config, read_only=True) as connection:
            return f"DuckDB {run(connection, 'SELECT version()')[0][0]}"

    def discover(self) -> Sequence[Stream]:
        with opened(self._config, read_only=True) as connection:
            return sorted(catalog.streams(connection), key=lambda stream: stream.key)

    def plan(self, selection: Selection, state: State | None) -> Plan:
        """One slice: DuckDB itself reads with all cores, and a transaction cannot be shared by processes."""
        with opened(self._config, read_only=True) as connection:
            types = _types(connection, selection)
            cursor.check(selection, state)
            _check_filter(connection, selection, types)
            if selection.mode is ReadMode.FULL_REFRESH:
                return Plan((Slice("whole", rows=selection.stream.rows),))
            _check_nulls(connection, selection)
        return Plan((Slice("whole"),), ordered=True)

    def read(self, selection: Selection, slice: Slice, state: State | None) -> Iterator[Batch]:
        with opened(self._config, read_only=True) as connection:
            batches = _batches(connection, selection, state)
            if selection.mode is ReadMode.FULL_REFRESH:
                yield from map(Batch, batches)
            else:
                yield from cursor.follow(batches, selection, state)

    def ack(self, selection: Selection, state: State) -> None:
        """Nothing to do: a table does not forget what was read."""


def _types(connection: "DuckDBPyConnection", selection: Selection) -> dict[str, str]:
    """DuckDB's types of the stream's columns. Raises `SchemaError` ``stream.not_found``."""
    stream = selection.stream
    found = catalog.columns(connection, stream.namespace or "main", stream.name)
    if found:
        return found
    near = get_close_matches(stream.key, [other.key for other in catalog.streams(connection)], n=1)
    guess = f"Did you mean {near[0]!r}? " if near else ""
    raise SchemaError(
        "stream.not_found",
        f"There is no table or view {stream.key!r} in the database.",
        hint=f"{guess}`towpath discover` shows what there is.",
        stream=stream.key,
    )


def _table(selection: Selection) -> str:
    return f"{quote(selection.stream.namespace or 'main')}.{quote(selection.stream.name)}"


def _check_filter(connection: "DuckDBPyConnection", selection: Selection, types: dict[str, str]) -> None:
    """Raise `ConfigError` ``filter.invalid`` for a value that is none of its column's type."""
    for item in comparisons(selection.where):
        values = item.value if item.operator is Operator.IN else [item.value]
        if item.operator is Operator.LIKE or not values:
            continue
        type = types.get(item.column, "VARCHAR")
        casts = ", ".join(f"CAST({literal(value)} AS {type})" for value in values)
        try:
            run(connection, f"SELECT {casts}")
        except duckdb.DataError as error:
            raise ConfigError(
                "filter.invalid",
                f"The condition on {item.column!r} of {selection.stream.key!r} holds a value that is no "
                f"{type}: {str(error).splitlines()[0]}.",
                hint="Write the value as the column's values are written.",
                field="where",
            ) from error


def _check_nulls(connection: "DuckDBPyConnection", selection: Selection) -> None:
    nulls = clause(where(selection.where), f"{_cursor(selection)} IS NULL")
    count = run(connection, f"SELECT count(*) FROM {_table(selection)}{nulls}")[0][0]
    if count:
        raise cursor.null_cursor(selection, count)


def _cursor(selection: Selection) -> str:
    return coalesce([quote(name) for name in cursor.names(selection)])


def _batches(
    connection: "DuckDBPyConnection", selection: Selection, state: State | None
) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([selection.stream.schema.field(name) for name in cursor.columns(selection)])
    query = _query(selection, state, schema, _types(connection, selection))
    reader = connection.sql(query).to_arrow_reader(_VECTOR)
    for batch in coalesced(reader):
        refuse_infinities(batch, selection.stream.key)
        yield batch.cast(schema) if batch.schema != schema else batch.replace_schema_metadata(schema.metadata)


def _query(selection: Selection, state: State | None, schema: pa.Schema, types: dict[str, str]) -> str:
    names = ", ".join(read_expression(name, types.get(name, "")) for name in schema.names)
    low = cursor.since(selection, state)
    following = f"{_cursor(selection)} >= {cursor.sql(low)}" if low is not None else ""
    order = f" ORDER BY {_cursor(selection)}" if selection.cursor else ""
    return f"SELECT {names} FROM {_table(selection)}{clause(following, where(selection.where))}{order}"
