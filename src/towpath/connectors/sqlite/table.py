"""The target table: made, replaced or evolved, and what stands in the way of it."""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from towpath.connectors.sqlite import catalog
from towpath.connectors.sqlite.catalog import OWN, Column
from towpath.connectors.sqlite.types import arrow_type, declared_type
from towpath.sdk import SchemaError, Target, WriteMode
from towpath.sdk.sql import quote
from towpath.sdk.widening import widest


@dataclass(frozen=True)
class TablePlan:
    """What a commit has to do before it loads rows."""

    statements: tuple[str, ...]
    schema: pa.Schema
    """What to cast the staged rows to: names as the table has them, in the order of the target's schema."""


def plan_table(connection: sqlite3.Connection | None, target: Target) -> TablePlan:
    """How to bring the target into the shape that it needs; ``connection`` is None if there is no file.

    Raises `SchemaError` ``schema.incompatible``, ``column.duplicate`` or ``target.not_a_table``.
    """
    _check_names(target)
    found = catalog.columns(connection, target.name) if connection else []
    if not found or connection is None:
        return TablePlan((_create(target.name, _wanted(target)),), target.schema)
    _check_is_table(connection, target)
    if target.mode is WriteMode.OVERWRITE:
        return TablePlan(tuple(_replace(target, found)), target.schema)
    return _evolve(connection, target, found)


def _check_names(target: Target) -> None:
    seen: dict[str, str] = {}
    for name in target.schema.names:
        other = seen.setdefault(_fold(name), name)
        if other is not name:
            raise SchemaError(
                "column.duplicate",
                f"The columns {other!r} and {name!r} of {target.stream!r} are one and the same to SQLite.",
                hint="Select one of them, or rename one in the source.",
                stream=target.stream,
            )


def _check_is_table(connection: sqlite3.Connection, target: Target) -> None:
    query = "SELECT type FROM pragma_table_list WHERE schema = 'main' AND name = ? COLLATE NOCASE"
    (kind,) = connection.execute(query, (target.name,)).fetchone()
    if kind != "table":
        raise SchemaError(
            "target.not_a_table",
            f"{target.name!r} is a {kind} in this database; records can only be written to a table.",
            hint="Give the stream another target name.",
            stream=target.stream,
        )


def _replace(target: Target, found: list[Column]) -> Iterator[str]:
    """A table of the same shape keeps its indexes and triggers; another one is made anew."""
    if [(column.name, column.declared) for column in found] == [column[:2] for column in _wanted(target)]:
        yield f"DELETE FROM {quote(target.name)}"
    else:
        yield f"DROP TABLE {quote(target.name)}"
        yield _create(target.name, _wanted(target))


def _evolve(connection: sqlite3.Connection, target: Target, found: list[Column]) -> TablePlan:
    """New columns are added, narrow ones widened; none is dropped. # Invariant 10"""
    existing = {_fold(column.name): column for column in found}
    fields, added, widened = list[pa.Field](), list[str](), dict[str, str]()
    for field in target.schema:
        column = existing.get(_fold(field.name))
        if column is None:
            added.append(f"ALTER TABLE {quote(target.name)} ADD COLUMN {_column(field)}")
            fields.append(field)
            continue
        fits = _fitting(target, column, field)
        fields.append(pa.field(column.name, fits))
        if not _declares(column, fits):
            widened[column.name] = declared_type(pa.field(column.name, fits))
    rebuilt = _rebuild(connection, target, found, widened) if widened else []
    return TablePlan((*rebuilt, *added, *_index(target, found)), pa.schema(fields))


def _fitting(target: Target, column: Column, field: pa.Field) -> pa.DataType:
    """The type that the column needs: its own, or a wider one."""
    have = arrow_type(column.declared)
    if have is None or declared_type(pa.field("", have)) == declared_type(pa.field("", field.type)):
        return field.type
    fits = widest(have, field.type)
    if fits is None:
        raise _incompatible(target, column, field.type)
    return fits


def _declares(column: Column, type: pa.DataType) -> bool:
    have = arrow_type(column.declared)
    wanted = declared_type(pa.field("", type))
    return have is None or declared_type(pa.field("", have)) == wanted


def _incompatible(target: Target, column: Column, type: pa.DataType) -> SchemaError:
    return SchemaError(
        "schema.incompatible",
        f"The column {column.name!r} of the table {target.name!r} is declared {column.declared!r} "
        f"and cannot hold {type} without loss.",
        hint="Alter the column, give the stream another target, or write it in overwrite mode.",
        stream=target.stream,
        column=column.name,
    )


def _rebuild(
    connection: sqlite3.Connection, target: Target, found: list[Column], widened: dict[str, str]
) -> list[str]:
    """SQLite cannot change a column's type: the rows move to a new table. Only for a table that we made.

    A table with constraints of its own would lose them.
    """
    sql = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE", (target.name,)
    ).fetchone()[0]
    if _squeezed(sql) != _squeezed(_create(target.name, found)):
        column = next(column for column in found if column.name in widened)
        raise _incompatible(target, column, target.schema.field(column.name).type)
    new = [column._replace(declared=widened.get(column.name, column.declared)) for column in found]
    query = "SELECT sql FROM sqlite_schema WHERE tbl_name = ? COLLATE NOCASE AND type <> 'table'"
    parts = connection.execute(f"{query} AND sql NOT NULL", (target.name,))
    interim = quote(f"{OWN}new_{_hash(target.name)}")
    return [
        _create(f"{OWN}new_{_hash(target.name)}", new),
        f"INSERT INTO {interim} SELECT * FROM {quote(target.name)}",
        f"DROP TABLE {quote(target.name)}",
        f"ALTER TABLE {interim} RENAME TO {quote(target.name)}",
        *(part for (part,) in parts.fetchall()),
    ]


def _index(target: Target, found: list[Column]) -> Iterator[str]:
    """An upsert finds rows by their key: without a primary key on it, an index serves."""
    keyed = {_fold(column.name) for column in found if column.key}
    if target.mode is WriteMode.UPSERT and keyed != set(map(_fold, target.primary_key)):
        names = ", ".join(map(quote, target.primary_key))
        index = quote(f"{OWN}key_{_hash(target.name, *target.primary_key)}")
        yield f"CREATE INDEX IF NOT EXISTS {index} ON {quote(target.name)} ({names})"


def _wanted(target: Target) -> list[Column]:
    """The columns of a new table. Only an upsert makes a primary key: elsewhere keys may repeat."""
    keys = target.primary_key if target.mode is WriteMode.UPSERT else ()
    places = {name: place for place, name in enumerate(keys, 1)}
    return [Column(field.name, declared_type(field), places.get(field.name, 0)) for field in target.schema]


def _create(name: str, columns: list[Column]) -> str:
    parts = [f"{quote(column.name)} {column.declared}".rstrip() for column in columns]
    keyed = sorted((column for column in columns if column.key), key=lambda column: column.key)
    if keyed:
        parts.append(f"PRIMARY KEY ({', '.join(quote(column.name) for column in keyed)})")
    return f"CREATE TABLE {quote(name)} ({', '.join(parts)})"


def _column(field: pa.Field) -> str:
    return f"{quote(field.name)} {declared_type(field)}".rstrip()


def _squeezed(sql: str) -> str:
    return re.sub(r"\s", "", sql)


def _fold(name: str) -> str:
    """SQLite folds the case of ASCII letters only."""
    return "".join(chr(ord(char) | 32) if "A" <= char <= "Z" else char for char in name)


def _hash(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()
