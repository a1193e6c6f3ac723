"""What the server says of itself: streams with their columns and keys, and how a table can be read."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from towpath.connectors.mysql.connection import Connection, execute, text
from towpath.connectors.mysql.types import arrow_field, base_type, native_type
from towpath.sdk import ReadMode, Stream
from towpath.sdk.cursor import candidates

#: Engines whose consistent snapshots hold over many statements.
_SNAPSHOTS = frozenset({"innodb", "rocksdb"})
#: Prefix of the names of Towpath's own tables, which are no streams.
OWN = "_towpath_"
#: Read as text, but not in the order of text.
_NO_CURSORS = frozenset({"decimal", "enum", "set", "inet4", "inet6"})

_TABLES = """
SELECT t.TABLE_NAME, t.TABLE_ROWS, t.DATA_LENGTH, c.COLUMN_NAME,
  CAST(c.COLUMN_TYPE AS CHAR), c.IS_NULLABLE
FROM information_schema.TABLES t JOIN information_schema.COLUMNS c ON c.TABLE_NAME = t.TABLE_NAME
WHERE t.TABLE_SCHEMA = {0} AND c.TABLE_SCHEMA = {0}
  AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW') AND c.PRIVILEGES LIKE '%select%'
ORDER BY t.TABLE_NAME, c.ORDINAL_POSITION"""
_KEYS = """
SELECT TABLE_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = {} AND INDEX_NAME = 'PRIMARY'{} ORDER BY TABLE_NAME, SEQ_IN_INDEX"""
_JSON_CHECKS = """
SELECT TABLE_NAME, CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA = {}"""
_ENGINE = """
SELECT ENGINE, TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}"""


def version(connection: Connection) -> str:
    """Such as ``MariaDB 10.11.6``."""
    (told,) = execute(connection, "SELECT VERSION()")[0]
    number, _, rest = told.partition("-")
    return f"MariaDB {number}" if "mariadb" in rest.lower() else f"MySQL {number}"


def streams(connection: Connection, database: str) -> list[Stream]:
    """Every table and view of which the user may read a column, in the order of their names."""
    quoted = text(connection, database)
    keys = _keys(connection, quoted)
    json = _json_columns(connection, quoted)
    tables: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in execute(connection, _TABLES.format(quoted)):
        if not row[0].startswith(OWN):
            tables[row[0]].append(row)
    found = (_stream(database, rows, keys[table], json) for table, rows in tables.items())
    return sorted(found, key=lambda stream: stream.key)


def _stream(
    database: str, columns: Sequence[tuple[Any, ...]], key: Sequence[str], json: set[tuple[str, str]]
) -> Stream:
    table, rows, size, *_ = columns[0]
    schema = pa.schema(
        arrow_field(name, type, nullable=nullable == "YES", json=(table, name) in json)
        for _, _, _, name, type, nullable in columns
    )
    primary_key = tuple(key) if set(key) <= set(schema.names) else ()
    cursors = tuple(each for each in candidates(schema, primary_key) if is_cursor(schema.field(each)))
    modes = {ReadMode.FULL_REFRESH} | ({ReadMode.INCREMENTAL} if cursors else set())
    return Stream(
        name=table,
        schema=schema,
        namespace=database,
        primary_key=primary_key,
        read_modes=frozenset(modes),
        cursors=cursors,
        rows=None if rows is None else int(rows),
        bytes=None if size is None else int(size),
    )


def is_cursor(field: pa.Field) -> bool:
    """Whether a column whose Arrow type can be a cursor has the order that a cursor needs."""
    return not (pa.types.is_string(field.type) and base_type(native_type(field)) in _NO_CURSORS)


def _keys(connection: Connection, database: str) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = defaultdict(list)
    for table, column, _ in execute(connection, _KEYS.format(database, "")):
        keys[table].append(column)
    return keys


def _json_columns(connection: Connection, database: str) -> set[tuple[str, str]]:
    """MariaDB's JSON is text with a check that is named after its column; MySQL has a type for it."""
    if not version(connection).startswith("MariaDB"):
        return set()
    rows = execute(connection, _JSON_CHECKS.format(database))
    return {(table, column) for table, column, check in rows if check == f"json_valid(`{column}`)"}


class Layout(NamedTuple):
    """How a table can be read."""

    keys: list[str]
    """The primary key, if pages along it are of one snapshot and found by the index; else empty."""
    rows: int | None
    """About how many rows it has; None if the server does not say."""


def layout(connection: Connection, database: str, stream: Stream) -> Layout:
    """The table as it is now, which may be another than when it was discovered."""
    place, table = text(connection, database), text(connection, stream.name)
    ((engine, rows),) = execute(connection, _ENGINE.format(place, table)) or ((None, None),)
    estimate = None if rows is None else int(rows)
    if (engine or "").lower() not in _SNAPSHOTS:
        return Layout([], estimate)
    key = execute(connection, _KEYS.format(place, f" AND TABLE_NAME = {table}"))
    whole = all(prefix is None for _, _, prefix in key)
    return Layout([column for _, column, _ in key] if whole else [], estimate)
