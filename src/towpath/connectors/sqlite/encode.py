"""Arrow columns into the Python values that SQLite stores."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from towpath.connectors.sqlite.types import is_json
from towpath.sdk.jsontext import json_text
from towpath.sdk.rejects import Fault

_DAY = 86_400
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31, counted from 1970
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def encode(column: pa.Array, name: str) -> list[Any]:
    """What to bind for each value: int, float, str, bytes or None; see the table in the README."""
    type = column.type
    if pa.types.is_dictionary(type):
        return encode(column.dictionary_decode(), name)
    if type == pa.uuid():
        return [None if value is None else str(UUID(bytes=value)) for value in column.storage.to_pylist()]
    if type == pa.json_():
        return list(column.storage.to_pylist())
    if is_json(type):
        return list(json_text(column, name).to_pylist())
    return list(_plain(column, type).to_pylist())


def _plain(column: pa.Array, type: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(type):
        text = column.view(pa.timestamp(type.unit)).cast(pa.string())
        return text if type.tz is None else pc.binary_join_element_wise(text, "+00:00", "")
    if pa.types.is_duration(type):
        return column.view(pa.int64())
    if pa.types.is_decimal(type):
        return pa.array(map(_without_exponent, column.cast(pa.string()).to_pylist()), pa.string())
    if pa.types.is_time(type) or type == pa.date32() or type == pa.uint64():
        return column.cast(pa.string())
    if type == pa.date64():
        return column.cast(pa.date32()).cast(pa.string())
    return column.cast(pa.float32()) if type == pa.float16() else column


def _without_exponent(text: str | None) -> str | None:
    return f"{Decimal(text):f}" if text and "E" in text else text


def faults(batch: pa.RecordBatch) -> Iterator[Fault]:
    """The records that SQLite cannot hold: NaN would become null, years beyond 9999 cannot be read back."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        type = column.type
        if pa.types.is_floating(type):
            yield from _where(pc.is_nan(column), f"SQLite cannot hold the NaN in {name!r}.")
        elif pa.types.is_date32(type):
            yield from _years(column.view(pa.int32()), 1, name)
        elif pa.types.is_timestamp(type) and type.unit != "ns":
            yield from _years(column.view(pa.int64()), _DAY * _PER_SECOND[type.unit], name)


def _years(column: pa.Array, per_day: int, name: str) -> Iterator[Fault]:
    low, high = _FIRST_DAY * per_day, (_LAST_DAY + 1) * per_day
    outside = pc.or_(pc.less(column, low), pc.greater_equal(column, high))
    yield from _where(outside, f"The year of {name!r} is not one of 1 to 9999.")


def _where(at: pa.Array, message: str) -> Iterator[Fault]:
    if pc.any(at).as_py():
        yield Fault(at, "value.unrepresentable", message)
