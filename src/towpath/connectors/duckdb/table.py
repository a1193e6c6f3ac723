"""The target table: made, replaced or evolved, and what stands in the way of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from towpath.connectors.duckdb import catalog
from towpath.connectors.duckdb.connection import run
from towpath.connectors.duckdb.types import column_type, plain, type_of
from towpath.sdk import SchemaError, Target, WriteMode
from towpath.sdk.sql import quote
from towpath.sdk.widening import widest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class TablePlan:
    """What a commit has to do before it loads rows, and how to load them."""

    statements: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    """Name and type in the table of each field of the target's schema, in its order."""


def namespace(target: Target) -> str:
    return target.namespace or "main"


def table_name(target: Target) -> str:
    """The target, quoted, with its schema."""
    return f"{quote(namespace(target))}.{quote(target.name)}"


def plan_table(connection: "DuckDBPyConnection", target: Target) -> TablePlan:
    """How to bring the target into the shape that it needs.

    Raises `SchemaError` ``schema.incompatible``, ``column.duplicate`` or ``target.not_a_table``.
    """
    _check_names(target)
    wanted = tuple((field.name, column_type(connection, field)) for field in target.schema)
    types = catalog.columns(connection, namespace(target), _existing(connection, target) or "")
    if not types or target.mode is WriteMode.OVERWRITE:
        statements = [
            f"CREATE SCHEMA IF NOT EXISTS {quote(namespace(target))}",
            *_replace(target, types, wanted),
        ]
        return TablePlan(tuple(statements), wanted)
    return _evolve(connection, target, types, wanted)


def _check_names(target: Target) -> None:
    seen: dict[str, str] = {}
    for name in target.schema.names:
        other = seen.setdefault(name.lower(), name)
        if other is not name:
            raise SchemaError(
                "column.duplicate",
                f"The columns {other!r} and {name!r} of {target.stream!r} are one and the same to DuckDB.",
                hint="Select one of them, or rename one in the source.",
                stream=target.stream,
            )


def _existing(connection: "DuckDBPyConnection", target: Target) -> str | None:
    """The name of the table in the database's own spelling; None if there is none."""
    query = (
        "SELECT table_name, table_type FROM information_schema.tables "
        "WHERE table_catalog = current_database() AND table_schema = ? AND lower(table_name) = lower(?)"
    )
    found = run(connection, query, [namespace(target), target.name])
    if found and found[0][1] != "BASE TABLE":
        raise SchemaError(
            "target.not_a_table",
            f"{target.name!r} is a view in this database; records can only be written to a table.",
            hint="Give the stream another target name.",
            stream=target.stream,
        )
    return str(found[0][0]) if found else None


def _replace(target: Target, types: dict[str, str], wanted: tuple[tuple[str, str], ...]) -> Iterator[str]:
    """A table of the same shape keeps its constraints and indexes; another one is made anew."""
    table = table_name(target)
    if types and tuple(types.items()) == wanted:
        yield f"DELETE FROM {table}"
        return
    if types:
        yield f"DROP TABLE {table}"
    yield f"CREATE TABLE {table} ({', '.join(f'{quote(name)} {type}' for name, type in wanted)})"


def _evolve(
    connection: "DuckDBPyConnection",
    target: Target,
    types: dict[str, str],
    wanted: tuple[tuple[str, str], ...],
) -> TablePlan:
    """New columns are added, narrow ones widened; none is dropped. # Invariant 10"""
    spelled = {name.lower(): name for name in types}
    have = catalog.arrow_schema(connection, namespace(target), target.name, types)
    statements, columns = list[str](), list[tuple[str, str]]()
    for field, (_, type) in zip(target.schema, wanted, strict=True):
        name = spelled.get(field.name.lower())
        if name is None:
            statements.append(f"ALTER TABLE {table_name(target)} ADD COLUMN {quote(field.name)} {type}")
            columns.append((field.name, type))
            continue
        fits = types[name]
        if fits != type:
            fits = _fitting(connection, target, have.field(name), field.type, fits)
        if fits != types[name]:
            statements.append(f"ALTER TABLE {table_name(target)} ALTER {quote(name)} SET DATA TYPE {fits}")
        columns.append((name, fits))
    return TablePlan(tuple(statements), tuple(columns))


def _fitting(
    connection: "DuckDBPyConnection", target: Target, have: pa.Field, new: pa.DataType, type: str
) -> str:
    """The type that the column needs: its own, or a wider one."""
    old = plain(have.type)
    fits = widest(old, plain(new))
    if fits is None:
        raise SchemaError(
            "schema.incompatible",
            f"The column {have.name!r} of the table {target.name!r} has the type {type} "
            f"and cannot hold {new} without loss.",
            hint="Alter the column, give the stream another target, or write it in overwrite mode.",
            stream=target.stream,
            column=have.name,
        )
    return type if fits.equals(old) and not type.startswith("ENUM") else type_of(connection, fits)
