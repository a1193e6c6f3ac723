"""Arrow columns as the text of SQL, column by column: no object is made for a value.

A row is ``(1,'text',NULL),`` and a line feed: what INSERT takes, and LOAD DATA when told so. Binaries are
hexadecimal digits, which INSERT wants marked with an X.
"""

import struct
from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from towpath.connectors.mysql.columns import Column, is_binary, is_text
from towpath.connectors.mysql.spelling import is_geometry
from towpath.connectors.mysql.types import base_type
from towpath.sdk.jsontext import json_text

TEXT = pa.large_string()
END = "),\n"
_MICROS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_HAS_SRID = 0x20000000
_GEOMETRY_HEAD = 9


def rows(batch: pa.RecordBatch, columns: Sequence[Column], tags: Sequence[pa.Array], mark: str) -> pa.Array:
    """One text for each record; ``tags``: integers to come after its values; ``mark`` of binaries."""
    parts = [_field(values, column, mark) for values, column in zip(batch.columns, columns, strict=True)]
    parts += [tag.cast(TEXT) for tag in tags]
    joined = pc.binary_join_element_wise(*parts, _text(","))
    return pc.binary_join_element_wise(_text("("), joined, _text(END), _text(""))


def _text(value: str) -> pa.Scalar:
    return pa.scalar(value, TEXT)


def _field(values: pa.Array, column: Column, mark: str) -> pa.Array:
    values = plain(values)
    if pa.types.is_null(values.type):
        return pa.repeat(_text("NULL"), len(values))
    text = _literal(values, column)
    if not (pa.types.is_integer(values.type) or pa.types.is_boolean(values.type)):
        text = _quoted(text, mark if is_binary(values.type) else "")
    return pc.fill_null(text, _text("NULL"))


def _quoted(text: pa.Array, mark: str) -> pa.Array:
    return pc.binary_join_element_wise(_text(f"{mark}'"), text, _text("'"), _text(""))


def plain(values: pa.Array) -> pa.Array:
    """The values in a type of their own: no dictionary, no extension; uuids and JSON as text."""
    type = values.type
    if pa.types.is_dictionary(type):
        return plain(values.dictionary_decode())
    if pa.types.is_run_end_encoded(type):
        return plain(pc.run_end_decode(values))
    if isinstance(type, pa.UuidType):
        return _uuids(values.storage)
    if pa.types.is_string_view(type) or pa.types.is_binary_view(type):
        return values.cast(TEXT if pa.types.is_string_view(type) else pa.large_binary())
    return plain(values.storage) if isinstance(type, pa.BaseExtensionType) else values


def _literal(values: pa.Array, column: Column) -> pa.Array:  # noqa: PLR0911 - one line per family of types
    type = values.type
    if is_binary(type):
        return hexadecimal(_internal(values) if is_geometry(column.type) else values)
    if pa.types.is_integer(type) and base_type(column.type) == "year":
        return pc.utf8_lpad(values.cast(TEXT), 4, "0")
    if pa.types.is_boolean(type):
        return values.cast(pa.int8()).cast(TEXT)
    if pa.types.is_floating(type):
        return values.cast(pa.float64()).cast(TEXT)  # a float's own short text is not always read exactly
    if pa.types.is_decimal(type):
        return values.cast(TEXT) if base_type(column.type) == "decimal" else _in_full(values)
    if is_text(type):
        return _escaped(values.cast(TEXT))
    if pa.types.is_integer(type):
        return values.cast(TEXT)
    moments = _temporal(values)
    return _escaped(json_text(values, column.name).cast(TEXT)) if moments is None else moments


def _temporal(values: pa.Array) -> pa.Array | None:
    type = values.type
    if pa.types.is_date(type):
        return values.cast(pa.date32()).cast(TEXT)
    if pa.types.is_timestamp(type):
        return values.view(pa.timestamp(type.unit)).cast(pa.timestamp("us")).cast(TEXT)
    if pa.types.is_time(type):
        return values.cast(pa.time64("us")).cast(TEXT)
    if pa.types.is_duration(type):
        return _span(values.cast(pa.duration("us")).view(pa.int64()))
    return pa.array(map(_iso, values.to_pylist()), TEXT) if pa.types.is_interval(type) else None


def _escaped(text: pa.Array) -> pa.Array:
    for letter, safe in (("\\", "\\\\"), ("'", "\\'"), ("\0", "\\0")):
        text = pc.replace_substring(text, letter, safe)
    return text


def _in_full(values: pa.Array) -> pa.Array:
    texts = (None if value is None else f"{value:f}" for value in values.to_pylist())
    return pa.array(texts, TEXT)


def hexadecimal(values: pa.Array) -> pa.Array:
    """The bytes of each value as hexadecimal digits."""
    values = values.cast(pa.large_binary())
    marks = offsets(values)
    start, stop = marks[0].as_py(), marks[-1].as_py()
    digits = memoryview(values.buffers()[2])[start:stop].hex() if stop > start else ""
    doubled = pc.multiply(pc.subtract(marks, start), 2)
    text = pa.Array.from_buffers(
        TEXT, len(values), [None, doubled.buffers()[1], pa.py_buffer(digits.encode())]
    )
    return pc.if_else(values.is_valid(), text, None) if values.null_count else text


def offsets(values: pa.Array) -> pa.Array:
    """Where each value of a large text or binary begins in its buffer, and where the last one ends."""
    if not len(values):
        return pa.array([0], pa.int64())
    return pa.Array.from_buffers(pa.int64(), len(values) + 1, [None, values.buffers()[1]], 0, values.offset)


def _uuids(values: pa.Array) -> pa.Array:
    """Sixteen bytes as text in five groups."""
    digits = pc.utf8_lower(hexadecimal(values))
    groups = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    parts = [pc.utf8_slice_codeunits(digits, start, stop) for start, stop in groups]
    return pc.binary_join_element_wise(*parts, _text("-"))


def _span(micros: pa.Array) -> pa.Array:
    """Hours beyond a day, minutes, seconds and a fraction: ``-838:59:59.000000``."""
    size = pc.abs(micros)
    seconds = pc.divide(size, 1_000_000)
    minutes = pc.divide(seconds, 60)
    hours = pc.divide(minutes, 60)
    parts = [
        _padded(hours, 2),
        _padded(_rest(minutes, hours, 60), 2),
        _padded(_rest(seconds, minutes, 60), 2),
    ]
    clock = pc.binary_join_element_wise(*parts, _text(":"))
    fraction = _padded(_rest(size, seconds, 1_000_000), 6)
    sign = pc.if_else(pc.less(micros, 0), _text("-"), _text(""))
    return pc.binary_join_element_wise(sign, clock, _text("."), fraction, _text(""))


def _rest(value: pa.Array, quotient: pa.Array, by: int) -> pa.Array:
    return pc.subtract(value, pc.multiply(quotient, by))


def _padded(number: pa.Array, digits: int) -> pa.Array:
    return pc.utf8_lpad(number.cast(TEXT), digits, "0")


def _iso(value: pa.MonthDayNano | None) -> str | None:
    """Months, days and seconds of one interval, each with its own sign."""
    if value is None:
        return None
    seconds = Decimal(value.nanoseconds).scaleb(-9)
    return f"P{value.months}M{value.days}DT{seconds:f}S"


def _internal(values: pa.Array) -> pa.Array:
    """WKB, or EWKB with an SRID, as the server keeps geometries: the SRID before the WKB."""
    return pa.array(map(_geometry, values.to_pylist()), pa.large_binary())


def _geometry(value: bytes | None) -> bytes | None:
    if value is None or len(value) < _GEOMETRY_HEAD:
        return value
    order, type, srid = struct.unpack_from("<BII", value)
    if order != 1 or not type & _HAS_SRID:
        return bytes(4) + value
    return struct.pack("<IBI", srid, 1, type & ~_HAS_SRID) + value[_GEOMETRY_HEAD:]
