"""INSERT … ON CONFLICT, which both databases have and SQLAlchemy spells once for each."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Insert = sqlite.Insert | postgresql.Insert


def insert(connection: Connection, table: Table) -> Insert:
    """An INSERT of the connection's dialect."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def insert_new(
    connection: Connection, table: Table, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]
) -> Insert:
    """Insert the rows that break no unique constraint; the others are left out."""
    return insert(connection, table).values(values).on_conflict_do_nothing()


def upsert(
    connection: Connection,
    table: Table,
    values: Mapping[str, Any],
    *,
    keep: Sequence[str] = (),
    change: Mapping[str, Any] | None = None,
    where: ColumnElement[bool] | None = None,
) -> Insert:
    """Insert the row, or set the columns of the one with the same primary key that meets ``where``.

    ``change`` overrides what an existing row is set to; the columns in ``keep`` stay as they are there.
    """
    key = [column.name for column in table.primary_key]
    fresh = {name: value for name, value in values.items() if name not in (*key, *keep)}
    return (
        insert(connection, table)
        .values(values)
        .on_conflict_do_update(index_elements=key, set_=fresh | dict(change or {}), where=where)
    )
