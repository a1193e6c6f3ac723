"""PostgreSQL's own types that a column may come from, and whether they exist where it goes to."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import psycopg
import pyarrow as pa

from towpath.connectors.postgres.fit import holds
from towpath.connectors.postgres.wire import Kind, Wire
from towpath.sdk import NATIVE_TYPE

_PREFIX = "postgres:"
#: Never part of a type's name, and dangerous in a statement.
_UNSAFE = ("--", "/*", ";")


@dataclass(frozen=True)
class Native:
    """A type that exists in the database that is written to."""

    type: str
    """As a statement may name it here, with its modifiers."""
    under: str
    """What a domain is over, with modifiers; ``type`` itself for all others."""
    base: str
    """``under`` without modifiers; of arrays, the type of their elements."""
    category: str
    """``pg_type.typtype`` of the base: ``b`` base, ``e`` enum, ``d`` domain, ``c`` composite, ``r`` range."""
    element: int
    """OID of the elements' type; 0 if it is not an array."""


def native_name(field: pa.Field) -> str | None:
    """The PostgreSQL type that the field says it has; None if it says none that a statement may name."""
    name: str = (field.metadata or {}).get(NATIVE_TYPE, b"").decode()
    if not name.startswith(_PREFIX) or any(part in name for part in _UNSAFE):
        return None
    return name.removeprefix(_PREFIX)


_LOOK_UP = """
SELECT n, CASE WHEN n LIKE '%%(%%' THEN n ELSE format_type(t.oid, -1) END,
       CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE n END,
       format_type(b.oid, NULL), b.typtype::text, coalesce(e.oid, 0)::int8
FROM unnest(%s::text[]) AS n JOIN pg_type t ON t.oid = to_regtype(n) LEFT JOIN pg_type e ON e.typarray = t.oid
JOIN pg_type d ON d.oid = coalesce(e.oid, t.oid)
JOIN pg_type b ON b.oid = CASE d.typtype WHEN 'd' THEN d.typbasetype ELSE d.oid END
"""


def look_up(connection: psycopg.Connection, schema: pa.Schema) -> dict[str, Native]:
    """By column name: the PostgreSQL types that the schema's fields name and that exist here."""
    named = {field.name: name for field in schema if (name := native_name(field))}
    names = sorted(set(named.values()))
    found = _look_up(connection, names)
    if found is None:  # one of them is not a type's name at all
        found = {}
        for name in names:
            found |= _look_up(connection, [name]) or {}
    return {column: found[name] for column, name in named.items() if name in found}


def _look_up(connection: psycopg.Connection, names: list[str]) -> dict[str, Native] | None:
    if not names:
        return {}
    try:
        with connection.transaction():
            rows = connection.execute(_LOOK_UP, [names]).fetchall()
    except (psycopg.errors.SyntaxError, psycopg.errors.InvalidParameterValue):
        return None
    return {name: Native(*facts) for name, *facts in rows}


def missing(schema: pa.Schema, found: Iterable[str]) -> dict[str, str]:
    """By column name: the types that the schema's fields name and that are not among ``found``."""
    known = set(found)
    return {field.name: name for field in schema if (name := native_name(field)) and field.name not in known}


#: Base types whose wire form is the text itself, checked by the server alone.
_TEXTUAL = frozenset({"text", "character varying", "character", "name", "xml", "citext"})
#: (base of the native type, kind of the plain wire) → kind: other wires than the plain type's own.
_REWIRED: dict[tuple[str, Kind], Kind] = {
    ("numeric", Kind.TEXT): Kind.NUMERIC,
    ("json", Kind.TEXT): Kind.JSON,
    ("json", Kind.JSONB): Kind.JSON,
    ("jsonb", Kind.TEXT): Kind.JSONB,
    ("oid", Kind.UINT32): Kind.INT32,
}
#: (base of the native type, plain type): staged as the plain one, and cast exactly.
_CASTABLE = {("money", "numeric"), ("oid", "bigint")}


def direct_wire(native: Native, plain: str, wire: Wire) -> Wire | None:
    """How a column of the native type is loaded as it is; None if it cannot be.

    ``plain`` and ``wire``: the type that the column would have without its native one, and its wire.
    """
    if native.element:
        if wire.item is None:
            return None
        scalar = replace(native, under=native.under.removesuffix("[]"), element=0)
        item = direct_wire(scalar, plain.removesuffix("[]"), wire.item)
        return item and replace(wire, element=native.element, item=item)
    if kind := _REWIRED.get((native.base, wire.kind)):
        return replace(wire, kind=kind)
    if wire.kind is Kind.TEXT:
        return wire if native.base in _TEXTUAL or native.category == "e" else None
    if native.base == "numeric":
        return wire if holds(native.under, plain) else None
    return wire if native.base == plain else None


def castable(native: Native, plain: str) -> bool:
    """True if values staged in the plain type can be cast to the native one and stay what they are."""
    return plain in ("text", "text[]") or (native.base, plain.partition("(")[0]) in _CASTABLE
