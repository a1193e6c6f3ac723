"""What a DuckDB file holds: tables and views with their columns and keys."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from towpath.connectors.duckdb.connection import run
from towpath.connectors.duckdb.types import read_expression, schema_of
from towpath.sdk import NATIVE_TYPE, ReadMode, Stream
from towpath.sdk.cursor import candidates
from towpath.sdk.sql import quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Prefix of the names of Towpath's own tables.
OWN = "_towpath_"

_HERE = "database_name = current_database() AND NOT internal"


def streams(connection: "DuckDBPyConnection") -> Iterator[Stream]:
    """All tables and views that are not Towpath's own, in no order."""
    query = (
        f"SELECT schema_name, table_name, estimated_size FROM duckdb_tables() WHERE {_HERE} UNION ALL "
        f"SELECT schema_name, view_name, NULL FROM duckdb_views() WHERE {_HERE}"
    )
    for namespace, name, rows in run(connection, query):
        if not name.startswith(OWN):
            yield _stream(connection, namespace, name, rows)


def columns(connection: "DuckDBPyConnection", namespace: str, name: str) -> dict[str, str]:
    """Names and DuckDB's types of the columns, in their order; empty if there is no such table or view."""
    query = (
        "SELECT column_name, data_type FROM duckdb_columns() "
        f"WHERE {_HERE} AND schema_name = ? AND table_name = ? ORDER BY column_index"
    )
    return dict(run(connection, query, [namespace, name]))


def _stream(connection: "DuckDBPyConnection", namespace: str, name: str, rows: int | None) -> Stream:
    types = columns(connection, namespace, name)
    key = _primary_key(connection, namespace, name)
    schema = arrow_schema(connection, namespace, name, types)
    cursors = candidates(schema, key)
    modes = {ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL} if cursors else {ReadMode.FULL_REFRESH}
    return Stream(name, schema, namespace, key, frozenset(modes), cursors, rows)


def arrow_schema(
    connection: "DuckDBPyConnection", namespace: str, name: str, types: dict[str, str]
) -> pa.Schema:
    """What the table is read as; each field knows its type in DuckDB."""
    names = ", ".join(read_expression(column, type) for column, type in types.items())
    found = schema_of(connection, f"SELECT {names} FROM {quote(namespace)}.{quote(name)} LIMIT 0")
    return pa.schema(
        [
            pa.field(field.name, field.type, metadata={NATIVE_TYPE: f"duckdb:{types[field.name]}".encode()})
            for field in found
        ]
    )


def _primary_key(connection: "DuckDBPyConnection", namespace: str, name: str) -> tuple[str, ...]:
    query = (
        "SELECT constraint_column_names FROM duckdb_constraints() WHERE database_name = current_database() "
        "AND schema_name = ? AND table_name = ? AND constraint_type = 'PRIMARY KEY'"
    )
    found = run(connection, query, [namespace, name])
    return tuple(found[0][0]) if found else ()
