"""SQL that carries staged rows into a target that stays: insert, upsert, delete what is gone."""

from collections.abc import Sequence

import psycopg

from towpath.connectors.postgres.columns import Column
from towpath.connectors.postgres.shape import Shape
from towpath.connectors.postgres.staging import PREFIX, Staging
from towpath.connectors.postgres.wire import Kind
from towpath.sdk import Target
from towpath.sdk.sql import quote


def _names(names: Sequence[str], prefix: str = "") -> str:
    return ", ".join(prefix + quote(name) for name in names)


def _values(columns: Sequence[Column], shape: Shape) -> str:
    """What is selected of staging: each column in the target's own type."""
    return ", ".join(
        f"NULL::{shape.columns[column.name].type} AS {quote(column.name)}"
        if column.wire.kind is Kind.NULL and column.name in shape.columns
        else f"{column.expression} AS {quote(column.name)}"
        for column in columns
    )


def insert(connection: psycopg.Connection, staging: Staging, columns: Sequence[Column], shape: Shape) -> None:
    """Add the staged rows."""
    connection.execute(
        f"INSERT INTO {shape.table} ({_names([column.name for column in columns])}) OVERRIDING SYSTEM VALUE"
        f" SELECT {_values(columns, shape)} FROM {staging.table}"
    )


def upsert(
    connection: psycopg.Connection,
    target: Target,
    staging: Staging,
    columns: Sequence[Column],
    shape: Shape,
) -> None:
    """Update the rows whose key is staged, insert the others; of several with one key the last one counts."""
    drop_outdated(connection, staging, columns, target.primary_key)
    if frozenset(target.primary_key) in shape.keys:
        _insert_on_conflict(connection, target, staging, columns, shape)
    else:
        # No unique index to lean on: nobody else may write until we are done.
        connection.execute(f"LOCK TABLE {shape.table} IN SHARE ROW EXCLUSIVE MODE")
        update_and_insert(connection, target, staging, columns, shape)


def _insert_on_conflict(
    connection: psycopg.Connection,
    target: Target,
    staging: Staging,
    columns: Sequence[Column],
    shape: Shape,
) -> None:
    names = [column.name for column in columns]
    rest = [name for name in names if name not in target.primary_key]
    changes = ", ".join(f"{quote(name)} = EXCLUDED.{quote(name)}" for name in rest)
    connection.execute(
        f"INSERT INTO {shape.table} ({_names(names)}) OVERRIDING SYSTEM VALUE"
        f" SELECT {_values(columns, shape)} FROM {staging.table}"
        f" ON CONFLICT ({_names(target.primary_key)}) DO {f'UPDATE SET {changes}' if rest else 'NOTHING'}"
    )


def update_and_insert(
    connection: psycopg.Connection,
    target: Target,
    staging: Staging,
    columns: Sequence[Column],
    shape: Shape,
) -> None:
    """The same without a unique index. The caller keeps other writers away."""
    names = [column.name for column in columns]
    staged = f"(SELECT {_values(columns, shape)} FROM {staging.table}) AS s"
    same = _same_key(target)
    rest = [name for name in names if name not in target.primary_key]
    if rest:
        changes = ", ".join(f"{quote(name)} = s.{quote(name)}" for name in rest)
        connection.execute(f"UPDATE {shape.table} AS t SET {changes} FROM {staged} WHERE {same}")
    connection.execute(
        f"INSERT INTO {shape.table} ({_names(names)}) OVERRIDING SYSTEM VALUE SELECT {_names(names, 's.')}"
        f" FROM {staged} WHERE NOT EXISTS (SELECT FROM {shape.table} AS t WHERE {same})"
    )


def delete_missing(
    connection: psycopg.Connection,
    target: Target,
    staging: Staging,
    columns: Sequence[Column],
    shape: Shape,
) -> None:
    """Delete the rows whose key is not staged."""
    connection.execute(
        f"DELETE FROM {shape.table} AS t WHERE NOT EXISTS (SELECT FROM"
        f" (SELECT {_values(columns, shape)} FROM {staging.table}) AS s WHERE {_same_key(target)})"
    )


def _same_key(target: Target) -> str:
    return " AND ".join(f"t.{quote(name)} = s.{quote(name)}" for name in target.primary_key)


def drop_outdated(
    connection: psycopg.Connection, staging: Staging, columns: Sequence[Column], key: Sequence[str]
) -> None:
    """Of staged rows with one key leave only the last, in the order of slices and of rows within each."""
    by_name = {column.name: column for column in columns}
    keys = ", ".join(by_name[name].expression for name in key)
    twice = connection.execute(
        f"SELECT FROM {staging.table} GROUP BY {keys} HAVING count(*) > 1 LIMIT 1"
    ).fetchone()
    if twice is None:
        return
    # The markers' columns get names of ours: the stream may have a column named "slice".
    markers = f"(SELECT xid AS {PREFIX}xid, slice AS {PREFIX}slice FROM {staging.markers}) AS m"
    ranked = (
        f"SELECT s.ctid AS place, row_number() OVER (PARTITION BY {keys}"
        f" ORDER BY {PREFIX}slice DESC, {quote(staging.order)} DESC) AS age"
        f" FROM {staging.table} AS s JOIN {markers} ON {PREFIX}xid = s.xmin::text"
    )
    connection.execute(
        f"DELETE FROM {staging.table} WHERE ctid IN (SELECT place FROM ({ranked}) AS r WHERE age > 1)"
    )
