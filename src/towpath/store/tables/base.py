"""What the tables are made of."""

from typing import Any

from sqlalchemy import (
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    text,
)

from towpath.store.types import Moment, Str

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def need(name: str, type: Any, default: str | None = None) -> Column[Any]:
    """A column that always has a value; ``default``, an SQL literal, is what rows got that were there before
    the column was.
    """
    return Column(name, type, nullable=False, server_default=None if default is None else text(default))


def may(name: str, type: Any) -> Column[Any]:
    """A column that may be empty."""
    return Column(name, type, nullable=True)


def refer(
    target: str, *columns: str, to: tuple[str, ...] = (), cascade: bool = False
) -> ForeignKeyConstraint:
    """A reference within the organization; ``cascade`` where this row is a part of the other."""
    remote = to or ("id",)
    return ForeignKeyConstraint(
        ("org", *columns),
        [f"{target}.{name}" for name in ("org", *remote)],
        ondelete="CASCADE" if cascade else None,
    )


def part(name: str, key: tuple[str, ...], *items: Any) -> Table:
    """A table of rows that an organization owns, keyed by it and ``key``."""
    return Table(
        name,
        metadata,
        Column("org", Str, ForeignKey("organizations.id"), nullable=False),
        need("created_at", Moment),
        need("updated_at", Moment),
        *items,
        PrimaryKeyConstraint("org", *key),
    )


def owned(name: str, *items: Any) -> Table:
    """A table of rows with an id of their own."""
    return part(name, ("id",), need("id", Str), *items)


def index_where(name: str, *columns: str, condition: str, unique: bool = False) -> Index:
    where = text(condition)
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


def unique_where(name: str, *columns: str, condition: str) -> Index:
    return index_where(name, *columns, condition=condition, unique=True)
