"""How a target's columns change to take what comes: additive, never losing a value. # Invariant 10"""

from collections.abc import Sequence

import psycopg

from towpath.connectors.postgres import shape as shapes
from towpath.connectors.postgres.columns import Column
from towpath.connectors.postgres.fit import widened
from towpath.connectors.postgres.shape import Found, Shape
from towpath.connectors.postgres.wire import Kind
from towpath.sdk import AuthError, SchemaError, Target, WriteMode
from towpath.sdk.sql import quote


def changes(shape: Shape, target: Target, columns: Sequence[Column]) -> list[str]:
    """Clauses of the ALTER TABLE that makes the target fit; empty if it fits.

    Raises `SchemaError` if no lossless change does, and for columns that cannot be written.
    """
    clauses = [clause for column in columns if (clause := _change(shape, target, column))]
    names = [column.name for column in columns]
    if target.mode is WriteMode.OVERWRITE:
        clauses += [f"DROP COLUMN {quote(name)}" for name in shape.columns if name not in names]
    elif needs := shapes.unknown_needs(shape, names):
        raise SchemaError(
            "schema.incompatible",
            f"Column {needs[0]!r} of {shape.table} takes no nulls, and the stream does not give it.",
            hint="Give the column of the table a default, or let it be null.",
            column=needs[0],
        )
    if clauses and not shape.owned:
        raise AuthError(
            "permission.denied",
            f"{shape.table} must change ({', '.join(clauses)}), and only its owner may do that.",
            hint="Make the change yourself, or make the user a member of the owning role.",
        )
    return clauses


def _change(shape: Shape, target: Target, column: Column) -> str | None:
    found = shape.columns.get(column.name)
    if found is None:
        return f"ADD COLUMN {quote(column.name)} {column.type}"
    if found.generated:
        raise SchemaError(
            "schema.incompatible",
            f"Column {column.name!r} of {shape.table} is computed by the table itself.",
            hint="Leave the column out of the flow.",
            column=column.name,
        )
    if column.type in (found.type, found.base) or column.wire.kind is Kind.NULL:
        return None
    if target.mode is WriteMode.OVERWRITE:  # no row is left whose value could be lost
        return f"ALTER COLUMN {quote(column.name)} TYPE {column.type} USING NULL"
    return _widen(shape, column, found)


def _widen(shape: Shape, column: Column, found: Found) -> str | None:
    wide = widened(found.base, column.type)
    if wide is None or found.base not in (found.type, wide):
        raise shapes.incompatible(column.name, found.type, column.type, shape.table)
    return None if wide == found.base else f"ALTER COLUMN {quote(column.name)} TYPE {wide}"


def apply(connection: psycopg.Connection, shape: Shape, clauses: Sequence[str]) -> None:
    """Alter the target. Raises `SchemaError` if something else depends on what must change."""
    if not clauses:
        return
    try:
        connection.execute(f"ALTER TABLE {shape.table} {', '.join(clauses)}")
    except (psycopg.errors.DependentObjectsStillExist, psycopg.errors.FeatureNotSupported) as error:
        raise SchemaError(
            "schema.incompatible",
            f"{shape.table} cannot change ({', '.join(clauses)}): {error.diag.message_primary}.",
            hint="Drop what depends on the column, run the flow, and make it again.",
        ) from error
