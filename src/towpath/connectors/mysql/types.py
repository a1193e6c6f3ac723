"""Which Arrow type each type of the server has, and how the decoder reads it."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from towpath.sdk import NATIVE_TYPE, SchemaError

#: The most digits of a decimal128; MySQL has up to 65.
_DECIMAL_DIGITS = 38
_AGAIN = "Discover the streams again, and check what the flow makes of the new type."
GEOMETRIES = {"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring"}
GEOMETRIES |= {"multipolygon", "geometrycollection", "geomcollection"}

_PLAIN: dict[str, pa.DataType] = {
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
    "timestamp": pa.timestamp("us", "UTC"),
    "time": pa.duration("us"),
    "year": pa.int16(),
    "json": pa.json_(),
    "uuid": pa.uuid(),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), pa.binary()),
    **dict.fromkeys(GEOMETRIES, pa.binary()),
    "vector": pa.binary(),
}
_INTEGERS: dict[str, tuple[pa.DataType, pa.DataType]] = {
    "tinyint": (pa.int8(), pa.uint8()),
    "smallint": (pa.int16(), pa.uint16()),
    "mediumint": (pa.int32(), pa.uint32()),
    "int": (pa.int32(), pa.uint32()),
    "bigint": (pa.int64(), pa.uint64()),
}


def arrow_type(column_type: str, *, json: bool = False) -> pa.DataType:
    """The Arrow type of a ``COLUMN_TYPE`` of information_schema; ``json`` if a check says it holds JSON.

    Types that it does not know are read as the server's own text.

    >>> arrow_type("int(10) unsigned"), arrow_type("decimal(10,2)"), arrow_type("bit(1)")
    (DataType(uint32), Decimal128Type(decimal128(10, 2)), DataType(bool))
    """
    name, numbers = base_type(column_type), sizes(column_type)
    if json:
        return pa.json_()
    if name in _INTEGERS:
        return _INTEGERS[name]["unsigned" in column_type]
    if name == "decimal":
        digits, scale = (*numbers, 0)[:2]
        return pa.decimal128(digits, scale) if digits <= _DECIMAL_DIGITS else pa.string()
    if name == "bit":
        return pa.bool_() if numbers == [1] else pa.uint64()
    return _PLAIN.get(name, pa.string())


def base_type(column_type: str) -> str:
    """The bare name of a type.

    >>> base_type("enum('a','b')"), base_type("double unsigned")
    ('enum', 'double')
    """
    return re.split(r"[ (]", column_type, maxsplit=1)[0].lower()


def native_type(field: pa.Field) -> str:
    """The type in the server, as `arrow_field` has noted it; empty if it has not."""
    native: bytes = (field.metadata or {}).get(NATIVE_TYPE, b"")
    return native.decode().removeprefix("mysql:")


def arrow_field(name: str, column_type: str, *, nullable: bool, json: bool = False) -> pa.Field:
    """The field of a column; ``column_type`` goes along as `NATIVE_TYPE`."""
    native = {NATIVE_TYPE: f"mysql:{column_type.partition(' /*')[0]}".encode()}
    return pa.field(name, arrow_type(column_type, json=json), nullable, native)


def sizes(column_type: str) -> list[int]:
    """The numbers in a type's brackets, as many as there are."""
    found = re.match(r"\w+\((\d+)(?:,(\d+))?\)", column_type)
    return [int(size) for size in found.groups() if size] if found else []


class Wire(NamedTuple):
    """What the server says of one column of a result, as numbers of its protocol."""

    name: str
    type: int
    unsigned: bool
    binary: bool
    scale: int


class Reading(NamedTuple):
    """How the values of one column are read: what both decoders go by."""

    kind: str
    width: int = 0
    """Bytes of each value in the result and in Arrow, for the kind ``fixed``."""


_TINY, _SHORT, _LONG, _FLOAT, _DOUBLE, _TIMESTAMP, _LONGLONG, _INT24 = 1, 2, 3, 4, 5, 7, 8, 9
_NULL, _DATE, _TIME, _DATETIME, _YEAR, _NEWDATE, _VARCHAR, _BIT = 6, 10, 11, 12, 13, 14, 15, 16
_JSON, _NEWDECIMAL, _GEOMETRY = 245, 246, 255
_TEXTS = {_NULL, _VARCHAR, 242, 247, 248, 249, 250, 251, 252, 253, 254}
_WIDTHS = {_TINY: 1, _SHORT: 2, _YEAR: 2, _LONG: 4, _INT24: 4, _LONGLONG: 8}
_TEMPORAL = {
    _DATE: (pa.date32(), "date"),
    _NEWDATE: (pa.date32(), "date"),
    _DATETIME: (pa.timestamp("us"), "datetime"),
    _TIMESTAMP: (pa.timestamp("us", "UTC"), "datetime"),
    _TIME: (pa.duration("us"), "time"),
}


def reading(wire: Wire, type: pa.DataType) -> Reading | None:
    """How a result's column is read as this Arrow type; None if it does not fit it exactly.

    >>> reading(Wire("n", 8, unsigned=True, binary=True, scale=0), pa.uint64())
    Reading(kind='fixed', width=8)
    """
    if pa.types.is_integer(type) and wire.type in _WIDTHS:
        return _integer(wire, type)
    if wire.type == _BIT:
        kinds = {pa.bool_(): "bool", pa.uint64(): "bits"}
        return Reading(kinds[type]) if type in kinds else None
    if wire.type in (_FLOAT, _DOUBLE):
        wanted = pa.float32() if wire.type == _FLOAT else pa.float64()
        return Reading("fixed", wanted.bit_width // 8) if type == wanted else None
    if wire.type in _TEMPORAL:
        wanted, kind = _TEMPORAL[wire.type]
        return Reading(kind) if type == wanted else None
    return _text(wire, type)


def _integer(wire: Wire, type: pa.DataType) -> Reading | None:
    width = _WIDTHS[wire.type]
    signed = pa.types.is_signed_integer(type)
    # A year is told to be unsigned and fits either way.
    same_sign = signed is not wire.unsigned or wire.type == _YEAR
    return Reading("fixed", width) if type.bit_width == 8 * width and same_sign else None


def _text(wire: Wire, type: pa.DataType) -> Reading | None:
    if wire.type == _NEWDECIMAL:
        if pa.types.is_decimal128(type):
            return Reading("decimal") if type.scale == wire.scale else None
        return Reading("text") if pa.types.is_string(type) else None
    if wire.type == _GEOMETRY:
        return Reading("geometry") if pa.types.is_binary(type) else None
    if type == pa.uuid():
        return Reading("uuid") if wire.type in _TEXTS else None
    if wire.type in _TEXTS or wire.type == _JSON:
        textual = pa.types.is_string(type) or type == pa.json_()
        binary = wire.binary and wire.type != _JSON
        return Reading("text") if textual is not binary and (textual or pa.types.is_binary(type)) else None
    return None


def readings(columns: Sequence[Wire], schema: pa.Schema) -> list[Reading]:
    """How each column of a result is read. Raises `SchemaError` if one is not what the schema says."""
    if len(columns) != len(schema):
        raise SchemaError("schema.changed", "The result has other columns than asked for.", hint=_AGAIN)
    found = []
    for column, field in zip(columns, schema, strict=True):
        way = reading(column, field.type)
        if way is None:
            raise SchemaError(
                "schema.changed",
                f"The column {field.name!r} is no longer what it was when the stream was discovered "
                f"({native_type(field) or field.type}).",
                hint=_AGAIN,
                column=field.name,
            )
        found.append(way)
    return found
