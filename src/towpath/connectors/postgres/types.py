"""What becomes of each PostgreSQL type: Arrow type, form on the wire, and how it is selected.

A type without an exact equal in Arrow, or without a decoder, is read as PostgreSQL's own text of it; it is
never guessed and never left out. The name of the PostgreSQL type travels in the field's metadata.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from towpath.connectors.postgres.config import Arrays
from towpath.sdk import NATIVE_TYPE
from towpath.sdk.sql import quote

_MAX_PRECISION = 38
_UTC = pa.timestamp("us", "UTC")

#: Of the schema pg_catalog: name → (Arrow type, form on the wire).
_BUILT_IN: dict[str, tuple[pa.DataType, str]] = {
    "bool": (pa.bool_(), "bool"),
    "int2": (pa.int16(), "int16"),
    "int4": (pa.int32(), "int32"),
    "int8": (pa.int64(), "int64"),
    "oid": (pa.uint32(), "uint32"),
    "float4": (pa.float32(), "float32"),
    "float8": (pa.float64(), "float64"),
    "text": (pa.string(), "text"),
    "varchar": (pa.string(), "text"),
    "bpchar": (pa.string(), "text"),
    "name": (pa.string(), "text"),
    "bytea": (pa.binary(), "bytes"),
    "uuid": (pa.uuid(), "uuid"),
    "json": (pa.json_(), "text"),
    "jsonb": (pa.json_(), "jsonb"),
    "date": (pa.date32(), "date"),
    "time": (pa.time64("us"), "time"),
    "timestamp": (pa.timestamp("us"), "timestamp"),
    "timestamptz": (_UTC, "timestamp"),
    "interval": (pa.month_day_nano_interval(), "interval"),
}
#: Types whose order and equality are those of the Arrow values, so that they can be cursors.
_ORDERED = {"int2", "int4", "int8", "numeric", "text", "varchar", "uuid", "date", "timestamp", "timestamptz"}


@dataclass(frozen=True)
class TypeRow:
    """One row of pg_type."""

    name: str
    """Bare name if it is of pg_catalog, an empty text if of another schema."""
    kind: str
    """``typtype``: b base, d domain, e enum, c composite, r range, m multirange."""
    element: int
    """OID of the elements' type if it is an array, 0 if not."""
    base: int
    """OID of the type that a domain is over, 0 if it is none."""
    modifier: int
    """A domain's own type modifier, -1 if it has none."""


@dataclass(frozen=True)
class Column:
    """A column of a relation and how it is read."""

    name: str
    type: pa.DataType
    wire: str | None
    """Its form on the wire, as `_decode` knows it; None if it is read as text."""
    native: str
    """The full name of its PostgreSQL type, with modifiers."""
    cursor: bool = False
    """It can be the cursor of an incremental read."""
    required: bool = False
    """It holds no nulls."""

    @property
    def field(self) -> pa.Field:
        return pa.field(self.name, self.type, metadata={NATIVE_TYPE: f"postgres:{self.native}"})

    @property
    def expression(self) -> str:
        """What to select, of the relation called ``t``."""
        column = f"t.{quote(self.name)}"
        return column if self.wire else f"{column}::text"


def resolve(
    types: Mapping[int, TypeRow], oid: int, modifier: int, dimensions: int, arrays: Arrays
) -> tuple[pa.DataType, str | None, bool]:
    """Arrow type, form on the wire (None: as text), and whether it can be a cursor, of a column's type."""
    oid, modifier = _base(types, oid, modifier)
    row = types.get(oid)
    if row is None:
        return pa.string(), None, False
    if row.element and row.name.startswith("_"):
        return (*_array(types, row, modifier, dimensions, arrays), False)
    found, wire = _scalar(row, modifier)
    return found, wire, wire is not None and row.name in _ORDERED


def _base(types: Mapping[int, TypeRow], oid: int, modifier: int) -> tuple[int, int]:
    """The type below all domains, and the modifier that holds for it."""
    while (row := types.get(oid)) and row.kind == "d":
        oid, modifier = row.base, modifier if modifier >= 0 else row.modifier
    return oid, modifier


def _array(
    types: Mapping[int, TypeRow], row: TypeRow, modifier: int, dimensions: int, arrays: Arrays
) -> tuple[pa.DataType, str | None]:
    element, modifier = _base(types, row.element, modifier)
    found, wire = _scalar(types[element], modifier) if element in types else (pa.string(), None)
    if wire in (None, "interval") or dimensions > 1 or arrays is Arrays.TEXT:
        return pa.string(), None
    return pa.list_(found), f"{wire}[]"


def _scalar(row: TypeRow, modifier: int) -> tuple[pa.DataType, str | None]:
    if row.kind == "e":
        return pa.string(), "text"
    if row.name == "numeric":
        return _numeric(modifier)
    return _BUILT_IN.get(row.name, (pa.string(), None))


def _numeric(modifier: int) -> tuple[pa.DataType, str | None]:
    """Decimal for a declared precision of up to 38 digits. A scale below zero or beyond the precision,
    which few systems know, is carried by a decimal that is as wide as it takes.
    """
    if modifier < 0:
        return pa.string(), None
    precision, scale = (modifier - 4) >> 16 & 0xFFFF, (((modifier - 4) & 0x7FF) ^ 1024) - 1024
    precision, scale = max(precision - min(scale, 0), scale), max(scale, 0)
    if precision > _MAX_PRECISION:
        return pa.string(), None
    return pa.decimal128(precision, scale), "decimal"
