"""What refers to what: the messages behind refused changes, worked out from the tables' own constraints."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, ForeignKeyConstraint, Select, Table, and_, exc, select

from towpath.core.errors import ConflictError, NotFoundError
from towpath.store import tables
from towpath.store.savepoint import savepoint

_UNIQUE_VIOLATION, _FOREIGN_KEY_VIOLATION = "23505", "23503"
_UNIQUE = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)

#: Commands that show the rows of a table.
_LISTING = {
    "connections": "connections list",
    "customers": "customers list",
    "flows": "flows list",
    "instances": "instances list",
    "keys": "keys list",
    "record_errors": "errors list",
    "runs": "runs list",
    "users": "users list",
}


def kind_of(table: Table) -> str:
    """What one row is called: ``record error`` for ``record_errors``."""
    return table.name.replace("_", " ").removesuffix("s")


def code_of(table: Table) -> str:
    """The first half of error codes: ``record_error``."""
    return kind_of(table).replace(" ", "_")


def missing(table: Table, id: Any) -> NotFoundError:
    """The error for a row that is not there, or another organization's. # Invariant 9"""
    return NotFoundError(
        f"{code_of(table)}.not_found", f"There is no {kind_of(table)} {id}.", hint=listing(table), id=id
    )


def listing(table: Table) -> str:
    """A hint: how to see what rows there are."""
    command = _LISTING.get(table.name)
    return (
        f"`towpath {command}` shows what there is." if command else "Check the id; it may have been deleted."
    )


@contextmanager
def guarded(connection: Connection, table: Table, values: Mapping[str, Any]) -> Iterator[None]:
    """Undo only what is done inside if a constraint refuses ``values``, and say why.

    Raises `NotFoundError` for a row that they refer to and that is not there, `ConflictError` for a twin.
    """
    try:
        with savepoint(connection):
            yield
    except exc.IntegrityError as error:
        if _is_foreign(error.orig):
            _raise_missing(connection, table, values)
        if _is_twin(error.orig):
            raise _exists(table, values) from error
        raise


def _is_twin(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.IntegrityError):
        return error.sqlite_errorcode in _UNIQUE
    return _sqlstate(error) == _UNIQUE_VIOLATION


def _is_foreign(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.IntegrityError):
        return error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
    return _sqlstate(error) == _FOREIGN_KEY_VIOLATION


def _sqlstate(error: BaseException | None) -> str | None:
    """PostgreSQL's code of the error; its driver need not be imported for stores in SQLite."""
    return getattr(error, "sqlstate", None)


def _exists(table: Table, values: Mapping[str, Any]) -> ConflictError:
    kind, name = kind_of(table), values.get("name")
    if name is None:
        return ConflictError(
            f"{code_of(table)}.exists",
            f"There is such a {kind} already.",
            hint=f"Use or change the {kind} that is there.",
        )
    return ConflictError(
        f"{code_of(table)}.exists",
        f"There is a {kind} {name!r} already.",
        hint=f"Choose another name, or change the {kind} that has it.",
        name=name,
    )


def _raise_missing(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    for constraint in table.foreign_key_constraints:
        wanted = {
            element.column: values.get(name)
            for name, element in zip(constraint.column_keys, constraint.elements, strict=True)
        }
        target = constraint.referred_table
        row = (
            select(1).select_from(target).where(and_(*(column == value for column, value in wanted.items())))
        )
        if None not in wanted.values() and not connection.execute(row).first():
            id = next(reversed(wanted.values()))
            raise missing(target, id)


def refuse_in_use(connection: Connection, table: Table, org: str, id: str) -> None:
    """Raise `ConflictError` if a row that is not a part of this one refers to it."""
    for kind, name in _users(connection, table, org, id):
        raise ConflictError(
            f"{code_of(table)}.in_use",
            f"The {kind_of(table)} {_called(connection, table, org, id)!r} is in use by the {kind} {name!r}.",
            hint=f"Delete or change the {kind} first.",
            id=id,
        )


def _called(connection: Connection, table: Table, org: str, id: str) -> str:
    """How people know the row: by its name, if it has one."""
    if "name" not in table.c:
        return id
    row = connection.execute(select(table.c.name).where(table.c.org == org, table.c.id == id)).first()
    return row.name if row else id


def _users(connection: Connection, table: Table, org: str, id: str) -> Iterator[tuple[str, str]]:
    """Kind and name of what refers to the row: flows before the exports and imports between."""
    for user, constraint in _references_to(table):
        column = user.c[constraint.column_keys[-1]]
        if user in (tables.flow_exports, tables.flow_imports):
            flows = _flow_names(user).where(user.c.org == org, column == id)
            yield from (("flow", row.name) for row in connection.execute(flows))
            continue
        named = select(user.c.id, user.c.name).where(user.c.org == org, column == id)
        rows = connection.execute(named).all()
        for row in rows if user in (tables.exports, tables.imports) else ():
            yield from _users(connection, user, org, row.id)
        yield from ((kind_of(user), row.name) for row in rows)


def _flow_names(ends: Table) -> Select[tuple[str]]:
    flows = tables.flows.c
    return select(flows.name).join(ends, and_(ends.c.org == flows.org, ends.c.flow == flows.id))


def _references_to(table: Table) -> Iterator[tuple[Table, ForeignKeyConstraint]]:
    for other in tables.metadata.sorted_tables:
        for constraint in other.foreign_key_constraints:
            if constraint.referred_table is table and constraint.ondelete != "CASCADE":
                yield other, constraint
