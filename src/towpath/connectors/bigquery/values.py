"""Arrow columns as they travel to BigQuery, and the values that it cannot hold."""

from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from towpath.connectors.bigquery.columns import Kind, kind_of
from towpath.sdk.jsonnumbers import rounded
from towpath.sdk.jsontext import json_text
from towpath.sdk.rejects import Fault

_DAY = 86_400
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31, counted from 1970
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_NANOS = 1000


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
    if kind.type == "JSON":
        return json_text(column, name).cast(pa.large_string())
    if pa.types.is_duration(type):
        return _seconds(column)
    if pa.types.is_interval(type):
        return pa.array(map(_iso, column.to_pylist()), pa.large_string())
    if pa.types.is_decimal(type) and kind.type == "STRING":
        texts = (None if value is None else f"{value:f}" for value in column.to_pylist())
        return pa.array(texts, pa.large_string())
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
    """The records that BigQuery cannot hold."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        yield from _faults(column, name)


def _faults(column: pa.Array, name: str) -> Iterator[Fault]:
    type = column.type
    if isinstance(type, pa.JsonType):
        if (at := rounded(column.storage, _holds)) is not None:
            yield Fault(at, "value.unrepresentable", f"BigQuery would round a number in {name!r}.")
    elif pa.types.is_date32(type):
        yield from _years(column.view(pa.int32()), 1, name)
    elif pa.types.is_timestamp(type) and type.unit != "ns":
        yield from _years(column.view(pa.int64()), _DAY * _PER_SECOND[type.unit], name)
    elif pa.types.is_timestamp(type) or type == pa.time64("ns"):
        yield from _fine(column.view(pa.int64()), name)


def _holds(number: str) -> bool:
    """Whether BigQuery keeps the JSON number exactly: as an integer of 64 bits, or else as a double."""
    if number.lstrip("-").isdigit() and -(2**63) <= int(number) < 2**64:
        return True
    try:
        return Decimal(repr(float(number))) == Decimal(number)
    except ArithmeticError:
        return False


def _years(column: pa.Array, per_day: int, name: str) -> Iterator[Fault]:
    low, high = _FIRST_DAY * per_day, (_LAST_DAY + 1) * per_day
    outside = pc.or_(pc.less(column, low), pc.greater_equal(column, high))
    if pc.any(outside).as_py():
        yield Fault(outside, "value.unrepresentable", f"The year of {name!r} is not one of 1 to 9999.")


def _fine(ticks: pa.Array, name: str) -> Iterator[Fault]:
    at = pc.not_equal(ticks, pc.multiply(pc.divide(ticks, _NANOS), _NANOS))
    if pc.any(at).as_py():
        yield Fault(at, "value.unrepresentable", f"BigQuery cannot hold the nanoseconds in {name!r}.")
