"""The target table: what it looks like, and how it is brought into the shape that it needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from towpath.connectors.snowflake.columns import Column, Kind
from towpath.connectors.snowflake.names import Place, literal
from towpath.connectors.snowflake.session import Session
from towpath.sdk import SchemaError, Target, WriteMode
from towpath.sdk.sql import quote

_DIGITS = 38
_FAMILIES = {"TIMESTAMP_LTZ": "TIMESTAMP_TZ", "VARCHAR": "TEXT", "FIXED": "NUMBER"}


class Found(NamedTuple):
    """A column that is there."""

    family: str
    precision: int
    scale: int


@dataclass(frozen=True)
class Plan:
    """What a commit has to do before it publishes rows."""

    statements: tuple[str, ...] = ()
    """DDL, to be run before the transaction: Snowflake commits with each."""
    replace: bool = False
    """The table is made anew together with its rows."""
    born: bool = False
    """The statements make the table."""


def plan_table(session: Session, place: Place, target: Target, columns: Sequence[Column]) -> Plan:
    """How to bring the target into the shape that it needs.

    Raises `SchemaError` ``schema.incompatible`` or ``target.not_a_table``.
    """
    found = _read(session, place, target)
    if target.mode is WriteMode.OVERWRITE:
        wanted = {column.name: column.kind for column in columns}
        same = list(found) == list(wanted) and all(_equal(found[name], wanted[name]) for name in wanted)
        return Plan(replace=not same)
    if not found:
        declared = ", ".join(f"{quote(column.name)} {column.kind.type}" for column in columns)
        mark = f"COMMENT = {literal(place.birthmark)}"
        return Plan((f"CREATE TABLE IF NOT EXISTS {place.table} ({declared}) {mark}",), born=True)
    changes = (_change(place, target, column, found.get(column.name)) for column in columns)
    return Plan(tuple(change for change in changes if change))


def _read(session: Session, place: Place, target: Target) -> dict[str, Found]:
    """The columns of the target in their order; empty if there is no such table."""
    schema = f"{quote(place.database)}.INFORMATION_SCHEMA"
    here = f"TABLE_SCHEMA = {literal(place.namespace)} AND TABLE_NAME = {literal(place.target)}"
    kinds = session.run(f"SELECT TABLE_TYPE FROM {schema}.TABLES WHERE {here}")
    if kinds and kinds[0][0] != "BASE TABLE":
        raise SchemaError(
            "target.not_a_table",
            f"{place.table} is a {kinds[0][0].lower()}; records can only be written to a table.",
            hint="Give the stream another target name.",
            stream=target.stream,
        )
    rows = session.run(
        f"SELECT COLUMN_NAME, DATA_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE FROM {schema}.COLUMNS"
        f" WHERE {here} ORDER BY ORDINAL_POSITION"
    )
    return {name: Found(_FAMILIES.get(type, type), int(p or 0), int(s or 0)) for name, type, p, s in rows}


def _equal(found: Found, kind: Kind) -> bool:
    if kind.family == "NUMBER" and found.family == "NUMBER":
        return kind.type == f"NUMBER({found.precision},{found.scale})"
    return found.family == kind.family


def _change(place: Place, target: Target, column: Column, found: Found | None) -> str | None:
    """The statement that makes room for the column; None if there is nothing to do. # Invariant 10"""
    name, kind = quote(column.name), column.kind
    if found is None:
        return f"ALTER TABLE {place.table} ADD COLUMN {name} {kind.type}"
    if pa.types.is_null(target.schema.field(column.name).type):
        return None
    if found.family != kind.family:
        raise _incompatible(place, target, column, found)
    if kind.family != "NUMBER" or (found.precision - found.scale >= kind.whole and found.scale >= kind.scale):
        return None
    precision = max(found.precision, kind.whole + found.scale)
    if found.scale < kind.scale or precision > _DIGITS:
        raise _incompatible(place, target, column, found)
    return f"ALTER TABLE {place.table} ALTER COLUMN {name} SET DATA TYPE NUMBER({precision},{found.scale})"


def _incompatible(place: Place, target: Target, column: Column, found: Found) -> SchemaError:
    digits = f"({found.precision},{found.scale})" if found.family == "NUMBER" else ""
    return SchemaError(
        "schema.incompatible",
        f"The column {column.name!r} of {place.table} has the type {found.family}{digits} "
        f"and cannot hold {column.kind.type} without loss.",
        hint="Alter the column, give the stream another target, or write it in overwrite mode.",
        stream=target.stream,
        column=column.name,
    )
