"""Arrow columns as they travel to Snowflake, and the values that it cannot hold."""

from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from towpath.connectors.snowflake.columns import Kind, is_binary, is_text, kind_of
from towpath.sdk.jsonnumbers import rounded
from towpath.sdk.jsontext import json_text
from towpath.sdk.rejects import Fault

#: Bytes that a VARCHAR and a BINARY hold unless a table says otherwise.
_TEXT, _BINARY = 16 * 2**20, 8 * 2**20
_DIGITS = 38
_DAY = 86_400
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31, counted from 1970
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def travelling(column: pa.Array, name: str) -> pa.Array:
    """The column in the type in which it travels."""
    type = column.type
    if pa.types.is_dictionary(type):
        return travelling(column.dictionary_decode(), name)
    if isinstance(type, pa.JsonType):
        return column.storage.cast(pa.large_string())
    if isinstance(type, pa.UuidType):
        texts = [None if value is None else str(UUID(bytes=value)) for value in column.storage.to_pylist()]
        return pa.array(texts, pa.large_string())
    if isinstance(type, pa.BaseExtensionType):
        return travelling(column.storage, name)
    return _plain(column, kind_of(type), name)


def _plain(column: pa.Array, kind: Kind, name: str) -> pa.Array:
    type = column.type
    if pa.types.is_timestamp(type):
        text = column.view(pa.timestamp(type.unit)).cast(pa.large_string())
        ends = [pa.scalar(end, pa.large_string()) for end in ("+00:00", "")]
        return text if type.tz is None else pc.binary_join_element_wise(text, *ends)
    if pa.types.is_duration(type):
        return _seconds(column)
    if pa.types.is_interval(type):
        return pa.array(map(_iso, column.to_pylist()), pa.large_string())
    if pa.types.is_decimal(type) and not pa.types.is_decimal(kind.travels):
        texts = (None if value is None else f"{value:f}" for value in column.to_pylist())
        return pa.array(texts, pa.large_string())
    if kind.cast == "PARSE_JSON({})":
        return json_text(column, name).cast(pa.large_string())
    return column.cast(kind.travels)


def _seconds(column: pa.Array) -> pa.Array:
    per = _PER_SECOND[column.type.unit]
    ticks = column.view(pa.int64()).to_pylist()
    return pa.array([None if tick is None else Decimal(tick) / per for tick in ticks], pa.decimal128(38, 9))


def _iso(value: pa.MonthDayNano | None) -> str | None:
    """Months, days and seconds of one interval, each with its own sign."""
    if value is None:
        return None
    seconds = Decimal(value.nanoseconds).scaleb(-9)
    return f"P{value.months}M{value.days}DT{seconds:f}S"


def faults(batch: pa.RecordBatch) -> Iterator[Fault]:
    """The records that Snowflake cannot hold."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        yield from _faults(column, name)


def _faults(column: pa.Array, name: str) -> Iterator[Fault]:
    type = column.type
    if isinstance(type, pa.JsonType):
        if (at := rounded(column.storage, _holds)) is not None:
            yield Fault(at, "value.unrepresentable", f"Snowflake would round a number in {name!r}.")
    elif pa.types.is_date32(type):
        yield from _years(column.view(pa.int32()), 1, name)
    elif pa.types.is_timestamp(type) and type.unit != "ns":
        yield from _years(column.view(pa.int64()), _DAY * _PER_SECOND[type.unit], name)
    elif is_text(type):
        yield from _length(column, _TEXT, name)
    elif is_binary(type):
        yield from _length(column, _BINARY, name)


def _holds(number: str) -> bool:
    """Whether a VARIANT keeps the JSON number exactly: 38 digits, or a double where it has an exponent."""
    if "e" in number or "E" in number:
        try:
            return Decimal(repr(float(number))) == Decimal(number)
        except ArithmeticError:
            return False
    return len(number.lstrip("-").replace(".", "").lstrip("0")) <= _DIGITS


def _years(column: pa.Array, per_day: int, name: str) -> Iterator[Fault]:
    low, high = _FIRST_DAY * per_day, (_LAST_DAY + 1) * per_day
    outside = pc.or_(pc.less(column, low), pc.greater_equal(column, high))
    if pc.any(outside).as_py():
        yield Fault(outside, "value.unrepresentable", f"The year of {name!r} is not one of 1 to 9999.")


def _length(column: pa.Array, most: int, name: str) -> Iterator[Fault]:
    at = pc.greater(pc.binary_length(column), most)
    if pc.any(at).as_py():
        yield Fault(at, "value.too_large", f"The value of {name!r} has more than {most:,} bytes.")
