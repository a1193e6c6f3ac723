"""Which PostgreSQL type each Arrow column becomes, and how its values get there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from towpath.connectors.postgres.document import to_json_text
from towpath.connectors.postgres.native import Native, castable, direct_wire
from towpath.connectors.postgres.wire import Kind, Wire
from towpath.sdk import SchemaError
from towpath.sdk.sql import quote

Convert: TypeAlias = Callable[[pa.Array], pa.Array]


def _same(array: pa.Array) -> pa.Array:
    return array


@dataclass(frozen=True)
class Column:
    """One column of a target: what it is called, what it becomes, and how it is loaded."""

    name: str
    type: str
    """The type in the target, as PostgreSQL's ``format_type`` spells it."""
    wire: Wire
    convert: Convert = _same
    """Makes of an array one that is laid out as ``wire`` says. Raises `pyarrow.ArrowException`."""
    staged: str = ""
    """The type in staging where that differs: loaded as text, and cast when it is published."""
    note: str = ""
    """What an explicit cast does to the values; empty if nothing."""

    @property
    def load_type(self) -> str:
        return self.staged or self.type

    @property
    def expression(self) -> str:
        """SQL that reads the column's value from staging in the target's type."""
        return f"{quote(self.name)}::{self.type}" if self.staged else quote(self.name)


#: Arrow type → (PostgreSQL type, OID, kind, bytes): the types of fixed width that need no conversion.
_FIXED: dict[pa.DataType, tuple[str, int, Kind, int]] = {
    pa.bool_(): ("boolean", 16, Kind.BOOL, 0),
    pa.int8(): ("smallint", 21, Kind.INT8, 1),
    pa.uint8(): ("smallint", 21, Kind.UINT8, 1),
    pa.int16(): ("smallint", 21, Kind.INT16, 2),
    pa.uint16(): ("integer", 23, Kind.UINT16, 2),
    pa.int32(): ("integer", 23, Kind.INT32, 4),
    pa.uint32(): ("bigint", 20, Kind.UINT32, 4),
    pa.int64(): ("bigint", 20, Kind.INT64, 8),
    pa.uint64(): ("numeric(20,0)", 1700, Kind.UINT64, 8),
    pa.float32(): ("real", 700, Kind.INT32, 4),
    pa.float64(): ("double precision", 701, Kind.INT64, 8),
    pa.date32(): ("date", 1082, Kind.DATE, 4),
    pa.time64("us"): ("time without time zone", 1083, Kind.TIME, 8),
    pa.month_day_nano_interval(): ("interval", 1186, Kind.INTERVAL, 16),
}
_VARIABLE: dict[pa.DataType, tuple[str, int, Kind, bool]] = {
    pa.string(): ("text", 25, Kind.TEXT, False),
    pa.large_string(): ("text", 25, Kind.TEXT, True),
    pa.binary(): ("bytea", 17, Kind.BINARY, False),
    pa.large_binary(): ("bytea", 17, Kind.BINARY, True),
}
#: Types that Arrow itself turns exactly into one that is listed above.
_CASTS: dict[pa.DataType, pa.DataType] = {
    pa.float16(): pa.float32(),
    pa.date64(): pa.date32(),
    pa.time32("s"): pa.time64("us"),
    pa.time32("ms"): pa.time64("us"),
    pa.string_view(): pa.large_string(),
    pa.binary_view(): pa.large_binary(),
}
_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": -1_000}
_FINE = "values finer than a microsecond are rejected"
_MAX_PRECISION = 38
_DECIMAL_BITS = 128


@dataclass(frozen=True)
class _Scalar:
    """A value's type, OID, wire and conversion: a column or the element of an array."""

    type: str
    oid: int
    wire: Wire
    convert: Convert = _same
    note: str = ""


def column_of(field: pa.Field, native: Native | None, *, required: bool = False) -> Column:
    """The column that the field becomes; ``native``: its own PostgreSQL type, if it has one here."""
    plain = _plain(field.type)
    made = Column(field.name, plain.type, plain.wire, plain.convert, note=plain.note)
    if native is not None:
        made = _native(made, native)
    return replace(made, wire=replace(made.wire, required=required))


def _native(column: Column, native: Native) -> Column:
    """The column with its very own type, if its Arrow type is one that can carry the values."""
    wire = direct_wire(native, column.type, column.wire)
    if wire is not None:
        return replace(column, type=native.type, wire=wire)
    if castable(native, column.type):
        return replace(column, type=native.type, staged=column.type)
    return column


def _plain(kind: pa.DataType) -> _Scalar:
    return _scalar(kind) or _array(kind) or _document(kind)


def _scalar(kind: pa.DataType) -> _Scalar | None:  # noqa: PLR0911 - one line per family of types
    """The types that are one value, not a structure of several."""
    types = pa.types
    if types.is_null(kind):
        return _Scalar("text", 25, Wire(Kind.NULL))
    if kind in _FIXED:
        name, oid, wire, width = _FIXED[kind]
        return _Scalar(name, oid, Wire(wire, width))
    if kind in _VARIABLE:
        name, oid, wire, wide = _VARIABLE[kind]
        return _Scalar(name, oid, Wire(wire, wide=wide))
    if kind in _CASTS:
        return _through(_CASTS[kind])
    if types.is_decimal(kind):
        return _decimal(kind)
    if types.is_temporal(kind):
        return _temporal(kind)
    if types.is_fixed_size_binary(kind):
        return _Scalar("bytea", 17, Wire(Kind.FIXED, kind.byte_width))
    if types.is_dictionary(kind):
        return _decoded(kind, lambda array: array.dictionary_decode())
    if types.is_run_end_encoded(kind):
        return _decoded(kind, pc.run_end_decode)
    return _extension(kind) if isinstance(kind, pa.BaseExtensionType) else None


def _through(kind: pa.DataType, note: str = "") -> _Scalar | None:
    inner = _scalar(kind)
    return inner and replace(inner, convert=lambda array: inner.convert(array.cast(kind)), note=note)


def _decoded(kind: pa.DataType, decode: Convert) -> _Scalar | None:
    inner = _scalar(kind.value_type)
    return inner and replace(inner, convert=lambda array: inner.convert(decode(array)))


def _extension(kind: pa.DataType) -> _Scalar | None:
    if isinstance(kind, pa.UuidType):
        return _Scalar("uuid", 2950, Wire(Kind.FIXED, 16), lambda array: array.storage)
    inner = _scalar(kind.storage_type)
    if inner is None:
        return None
    made = replace(inner, convert=lambda array: inner.convert(array.storage))
    if isinstance(kind, pa.JsonType):
        return replace(made, type="jsonb", oid=3802, wire=replace(inner.wire, kind=Kind.JSONB))
    return made


def _decimal(kind: pa.DataType) -> _Scalar:
    """``numeric(p,s)``. What 128 bits or PostgreSQL's oldest rules for scales cannot hold goes as text."""
    precision, scale = kind.precision, kind.scale
    digits = max(precision, scale) if scale >= 0 else precision - scale
    name = f"numeric({digits},{max(scale, 0)})"
    if scale < 0 or digits > _MAX_PRECISION or kind.bit_width > _DECIMAL_BITS:
        return _Scalar(name, 1700, Wire(Kind.NUMERIC), lambda array: array.cast(pa.string()))
    wide = pa.decimal128(precision, scale)
    return _Scalar(name, 1700, Wire(Kind.DECIMAL, 16, scale), _caster(kind, wide))


def _caster(kind: pa.DataType, wide: pa.DataType) -> Convert:
    return _same if kind == wide else lambda array: array.cast(wide)


def _temporal(kind: pa.DataType) -> _Scalar:
    """Timestamps, durations and times that `_FIXED` does not list."""
    unit, fine = _UNITS[kind.unit], _FINE if kind.unit == "ns" else ""
    if pa.types.is_duration(kind):
        return _Scalar("interval", 1186, Wire(Kind.DURATION, 8, unit), note=fine)
    if pa.types.is_time(kind):
        return _Scalar("time without time zone", 1083, Wire(Kind.TIME, 8, unit), note=fine)
    wire = Wire(Kind.TIMESTAMP, 8, unit)
    if kind.tz is None:
        return _Scalar("timestamp without time zone", 1114, wire, note=fine)
    lost = (
        "" if kind.tz in ("UTC", "Etc/UTC", "+00:00", "Z") else f"instants are kept, not the zone {kind.tz}"
    )
    return _Scalar("timestamp with time zone", 1184, wire, note=", ".join(filter(None, (lost, fine))))


def _array(kind: pa.DataType) -> _Scalar | None:
    """An array of one dimension, for lists of scalars; None for anything else."""
    types = pa.types
    if types.is_list_view(kind) or types.is_large_list_view(kind) or types.is_fixed_size_list(kind):
        plain = pa.large_list(kind.value_type)
        inner = _array(plain)
        return inner and replace(inner, convert=lambda array: inner.convert(array.cast(plain)))
    item = _scalar(kind.value_type) if types.is_list(kind) or types.is_large_list(kind) else None
    if item is None:
        return None
    wire = Wire(Kind.LIST, wide=types.is_large_list(kind), element=item.oid, item=item.wire)
    convert = _same if item.convert is _same else lambda array: _convert_items(array, item.convert)
    return _Scalar(f"{item.type}[]", 0, wire, convert, item.note)


def _convert_items(array: pa.Array, convert: Convert) -> pa.Array:
    """The list array with its elements converted; its offsets and nulls stay."""
    items = convert(array.values)
    make = pa.large_list if pa.types.is_large_list(array.type) else pa.list_
    return pa.Array.from_buffers(
        make(items.type), len(array), array.buffers()[:2], offset=array.offset, children=[items]
    )


def _document(kind: pa.DataType) -> _Scalar:
    """jsonb, for everything that has a structure."""
    wire = Wire(Kind.JSONB, wide=True)
    return _Scalar("jsonb", 3802, wire, to_json_text, f"{kind} is stored as jsonb")


def columns_of(
    schema: pa.Schema, natives: Mapping[str, Native], key: tuple[str, ...] = ()
) -> tuple[Column, ...]:
    """The columns of a target. ``natives``: by column name, the types that exist there; ``key``: the columns
    in which a null is a problem.

    Raises `SchemaError` for names that PostgreSQL cannot take.
    """
    check_names(schema)
    return tuple(column_of(field, natives.get(field.name), required=field.name in key) for field in schema)


#: Columns that every table has already.
_SYSTEM = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
#: What helps if a name does not do.
_OTHER_NAME = {
    "column": "Leave the column out with `columns:`, or read a view that renames it.",
    "table": "Write to another `target`.",
    "schema": "Write to another `namespace`.",
}
NAME_BYTES = 63


def check_names(schema: pa.Schema) -> None:
    if not schema.names:
        raise SchemaError("schema.empty", "The stream has no columns.", hint="Select at least one column.")
    for name in schema.names:
        check_name(name, "column")
        if name in _SYSTEM:
            raise SchemaError(
                "name.invalid",
                f"PostgreSQL keeps the column name {name!r} for itself.",
                hint="Leave the column out with `columns:`, or read a view that renames it.",
                column=name,
            )
        if schema.names.count(name) > 1:
            raise SchemaError(
                "column.duplicate",
                f"Two columns are named {name!r}.",
                hint="Select one of them with `columns:`, or read a view that renames one.",
                column=name,
            )


def check_name(name: str, what: str) -> None:
    """PostgreSQL would cut a longer name without a word."""
    size = len(name.encode())
    if not 0 < size <= NAME_BYTES:
        raise SchemaError(
            "name.too_long" if size else "name.invalid",
            f"The {what} name {name!r} has {size} bytes; PostgreSQL takes 1 to {NAME_BYTES}.",
            hint=_OTHER_NAME[what],
        )
    quote(name)
