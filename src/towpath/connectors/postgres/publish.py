"""Publishes staged records: inside the one transaction of a commit, so that readers see all or nothing."""

import logging
from collections.abc import Sequence

import psycopg

from towpath.connectors.postgres import evolve, merge
from towpath.connectors.postgres import shape as shapes
from towpath.connectors.postgres import staging as stagings
from towpath.connectors.postgres.columns import Column
from towpath.connectors.postgres.shape import Shape
from towpath.connectors.postgres.staging import Staging
from towpath.sdk import SchemaError, Target, WriteMode
from towpath.sdk.sql import quote

_log = logging.getLogger("towpath.connectors.postgres")

#: What a swap cannot do although nothing that `shapes.attached` knows is in the way.
_SWAP_FAILS = (psycopg.errors.DependentObjectsStillExist, psycopg.errors.InsufficientPrivilege)


def publish(
    connection: psycopg.Connection, target: Target, staging: Staging, columns: Sequence[Column]
) -> None:
    """Make the staged records part of the target in the way of its mode, and leave the staging empty."""
    shape = shapes.read(connection, staging.namespace, target.name)
    if target.mode is not WriteMode.APPEND:
        # Rows that a policy hides from us must be an error, not left beside those that replace them.
        connection.execute("SET LOCAL row_security = off")
    if shape is None:
        become(connection, target, staging, columns, None)
    elif target.mode is WriteMode.OVERWRITE:
        _overwrite(connection, target, staging, columns, shape)
    elif target.mode is WriteMode.UPSERT:
        evolve.apply(connection, shape, evolve.changes(shape, target, columns))
        merge.upsert(connection, target, staging, columns, shape)
    else:
        evolve.apply(connection, shape, evolve.changes(shape, target, columns))
        merge.insert(connection, staging, columns, shape)
    if stagings.exists(connection, staging.table):
        connection.execute(f"TRUNCATE {staging.table}")
    connection.execute(f"DELETE FROM {staging.markers}")


def _overwrite(
    connection: psycopg.Connection,
    target: Target,
    staging: Staging,
    columns: Sequence[Column],
    shape: Shape,
) -> None:
    """By a swap where nothing is lost by it; else by deleting and inserting, so that all that its owner has
    attached to the table stays.
    """
    if swappable(connection, target, shape):
        try:
            with connection.transaction():
                become(connection, target, staging, columns, shape)
        except _SWAP_FAILS as error:
            _log.info("%s is filled in place: %s", shape.table, str(error).strip())
        else:
            return
    refill(connection, target, staging, columns, shape)


def swappable(connection: psycopg.Connection, target: Target, shape: Shape) -> bool:
    """True if a new table may take the target's place without anybody losing anything."""
    return shape.owned and shapes.attached(connection, shape, target.primary_key) is None


# ── staging becomes the target ───────────────────────────────────────────────────────────────────


def become(
    connection: psycopg.Connection,
    target: Target,
    staging: Staging,
    columns: Sequence[Column],
    old: Shape | None,
) -> None:
    """Turn the staging table into the target, in the place of ``old`` if there is one."""
    table = f"{quote(staging.namespace)}.{quote(target.name)}"
    if target.mode is WriteMode.UPSERT:
        merge.drop_outdated(connection, staging, columns, target.primary_key)
    key = _finish(connection, target, staging, columns)
    if old is not None:
        # Looked at again now that nobody can attach anything more.
        connection.execute(f"LOCK TABLE {old.table} IN ACCESS EXCLUSIVE MODE")
        if lost := shapes.attached(connection, old, target.primary_key):
            raise psycopg.errors.DependentObjectsStillExist(f"{lost} was attached to it meanwhile")
        shapes.carry_over(connection, old, staging.table)
        connection.execute(f"DROP TABLE {old.table}")
    connection.execute(f"ALTER TABLE {staging.table} RENAME TO {quote(target.name)}")
    if key is not None:
        name = _free_name(connection, staging.namespace, target.name)
        connection.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {quote(key)} TO {quote(name)}")


def _finish(
    connection: psycopg.Connection, target: Target, staging: Staging, columns: Sequence[Column]
) -> str | None:
    """Give the staging table all that a target has; returns the name of its primary key."""
    clauses = [f"DROP COLUMN {quote(staging.order)}"] if staging.ordered else []
    clauses += [
        f"ALTER COLUMN {quote(column.name)} TYPE {column.type} USING {column.expression}"
        for column in columns
        if column.staged
    ]
    clauses.append("RESET (autovacuum_enabled, toast.autovacuum_enabled)")
    connection.execute(f"ALTER TABLE {staging.table} {', '.join(clauses)}")
    if not _logged(connection, staging):
        connection.execute(f"ALTER TABLE {staging.table} SET LOGGED")
    connection.execute(f"COMMENT ON TABLE {staging.table} IS NULL")
    return _add_key(connection, target, staging)


def _logged(connection: psycopg.Connection, staging: Staging) -> bool:
    row = connection.execute(
        "SELECT relpersistence = 'p' FROM pg_class WHERE oid = %s::regclass", [staging.table]
    ).fetchone()
    return bool(row and row[0])


def _add_key(connection: psycopg.Connection, target: Target, staging: Staging) -> str | None:
    """The primary key, if the stream has one that its records keep to. An append never has: the same
    record comes again with every change.
    """
    if not target.primary_key or target.mode is WriteMode.APPEND:
        return None
    name = f"{stagings.PREFIX}k_{staging.line}_{staging.run}"
    key = ", ".join(map(quote, target.primary_key))
    try:
        with connection.transaction():
            connection.execute(
                f"ALTER TABLE {staging.table} ADD CONSTRAINT {quote(name)} PRIMARY KEY ({key})"
            )
    except (psycopg.errors.UniqueViolation, psycopg.errors.NotNullViolation) as error:
        _log.warning("%s gets no primary key (%s): %s", target.name, key, error.diag.message_primary)
        return None
    return name


def _free_name(connection: psycopg.Connection, namespace: str, table: str) -> str:
    """A name for the primary key's index: PostgreSQL's usual one, or the first after it that is free."""
    number = 0
    while True:
        end = f"_pkey{number or ''}"
        name = table.encode()[: 63 - len(end)].decode(errors="ignore") + end
        if not stagings.exists(connection, f"{quote(namespace)}.{quote(name)}"):
            return name
        number += 1


# ── the target is filled again ───────────────────────────────────────────────────────────────────


def refill(
    connection: psycopg.Connection,
    target: Target,
    staging: Staging,
    columns: Sequence[Column],
    shape: Shape,
) -> None:
    """Replace the rows and leave the table itself as it is; readers go on with the old rows meanwhile."""
    connection.execute(f"LOCK TABLE {shape.table} IN SHARE ROW EXCLUSIVE MODE")
    clauses = evolve.changes(shape, target, columns)
    if _referenced(connection, shape):
        _refill_referenced(connection, target, staging, columns, shape, clauses)
        return
    _empty(connection, shape)
    evolve.apply(connection, shape, clauses)
    merge.insert(connection, staging, columns, shape)


def _empty(connection: psycopg.Connection, shape: Shape) -> None:
    """Take all rows out; readers wait for it only where a publication cannot tell of single deletions."""
    try:
        with connection.transaction():
            connection.execute(f"DELETE FROM {shape.table}")
    except psycopg.errors.ObjectNotInPrerequisiteState:
        connection.execute(f"TRUNCATE {shape.table}")


def _referenced(connection: psycopg.Connection, shape: Shape) -> bool:
    query = "SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = %s"
    return connection.execute(query, [shape.oid]).fetchone() is not None


def _refill_referenced(
    connection: psycopg.Connection,
    target: Target,
    staging: Staging,
    columns: Sequence[Column],
    shape: Shape,
    clauses: Sequence[str],
) -> None:
    """Rows that foreign keys point to must not vanish for a moment: delete what is gone, merge the rest."""
    if not target.primary_key or frozenset(target.primary_key) not in shape.keys or clauses:
        raise SchemaError(
            "schema.incompatible",
            f"Foreign keys of other tables point to {shape.table}: it cannot be replaced as a whole.",
            hint="Use upsert, write to another table, or give the stream the table's own key and columns.",
        )
    merge.delete_missing(connection, target, staging, columns, shape)
    merge.update_and_insert(connection, target, staging, columns, shape)
