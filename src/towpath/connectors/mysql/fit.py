"""Finds the values that a column cannot hold as they are. # Invariant 6"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from towpath.connectors.mysql import spelling
from towpath.connectors.mysql.columns import Column, is_binary, is_text
from towpath.connectors.mysql.dialect import Dialect
from towpath.connectors.mysql.encode import plain
from towpath.connectors.mysql.types import base_type
from towpath.sdk.jsonnumbers import rounded
from towpath.sdk.rejects import Fault

_LOST, _LONG = "value.unrepresentable", "value.too_large"
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY = 86_400
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31, counted from 1970
_LAST_SECOND = 2**31 - 1
_LONGEST_TIME = 838 * 3600 + 59 * 60 + 59
_FIRST_YEAR, _LAST_YEAR = 1901, 2155
_INTEGERS = range(-(2**63), 2**64)


def faults(batch: pa.RecordBatch, columns: Sequence[Column], dialect: Dialect) -> Iterator[Fault]:
    """What is at fault in the batch, whose columns are these."""
    for column, values in zip(columns, batch.columns, strict=True):
        if not dialect.exact_json and isinstance(values.type, pa.JsonType):
            yield from _found(
                rounded(values.storage, _holds), _LOST, f"MySQL would round a number in {column.name!r}."
            )
        for found in _faults(plain(values), column):
            yield from found


def _found(at: pa.Array | None, code: str, message: str) -> Iterator[Fault]:
    if at is not None and pc.any(at).as_py():
        yield Fault(at, code, message)


def _faults(values: pa.Array, column: Column) -> Iterator[Iterator[Fault]]:
    type, name = values.type, column.name
    if pa.types.is_floating(type):
        finite = pc.is_finite(values)
        yield _found(pc.invert(finite), _LOST, f"{name!r} is NaN or infinite, which MySQL does not know.")
    elif is_text(type) or is_binary(type):
        yield from _texts(values, column)
    elif pa.types.is_date(type):
        days = values.cast(pa.date32()).view(pa.int32())
        yield _found(_outside(days, _FIRST_DAY, _LAST_DAY), _LOST, _years(name))
    elif pa.types.is_timestamp(type) or pa.types.is_duration(type) or pa.types.is_time(type):
        yield from _times(values, column)
    elif base_type(column.type) == "year":
        odd = pc.and_(_outside(values, _FIRST_YEAR, _LAST_YEAR), pc.not_equal(values, 0))
        yield _found(odd, _LOST, f"The year of {name!r} is not one of 1901 to 2155.")


def _years(name: str) -> str:
    return f"The year of {name!r} is not one of 1 to 9999."


def _outside(values: pa.Array, low: int, high: int) -> pa.Array:
    return pc.or_(pc.less(values, low), pc.greater(values, high))


def _times(values: pa.Array, column: Column) -> Iterator[Iterator[Fault]]:
    unit, name = values.type.unit, column.name
    ticks, per = values.view(pa.int32() if pa.types.is_time32(values.type) else pa.int64()), _PER_SECOND[unit]
    if unit == "ns":
        rest = pc.subtract(ticks, pc.multiply(pc.divide(ticks, 1000), 1000))
        yield _found(pc.not_equal(rest, 0), _LOST, f"{name!r} is finer than a microsecond.")
    if pa.types.is_duration(values.type):
        most = _LONGEST_TIME * per
        yield _found(_outside(ticks, -most, most), _LOST, f"{name!r} is longer than 838:59:59.")
    elif pa.types.is_timestamp(values.type) and base_type(column.type) == "timestamp":
        outside = _outside(ticks, per, (_LAST_SECOND + 1) * per - 1)
        yield _found(outside, _LOST, f"{name!r} is no TIMESTAMP between 1970 and 2038.")
    elif pa.types.is_timestamp(values.type) and unit != "ns":
        low, high = _FIRST_DAY * _DAY * per, (_LAST_DAY + 1) * _DAY * per - 1
        yield _found(_outside(ticks, low, high), _LOST, _years(name))


def _texts(values: pa.Array, column: Column) -> Iterator[Iterator[Fault]]:
    base, name = base_type(column.type), column.name
    if base not in spelling.TEXTS | spelling.BINARIES:
        return
    room = spelling.room(column.type)
    size, unit = pc.binary_length, "bytes"
    if base in spelling.CHARACTERS:
        size, unit = pc.utf8_length, "characters"
    long = pc.greater(size(values), room)
    yield _found(long, _LONG, f"{name!r} has more than {room:,} {unit}.")
    if column.pads and is_text(values.type):
        yield _found(pc.ends_with(values, " "), _LOST, f"{name!r} ends in a space, which MySQL ignores here.")


def _holds(number: str) -> bool:
    """Whether MySQL's JSON keeps the number exactly: integers of 64 bits and doubles."""
    if number.lstrip("-").isdigit():
        return int(number) in _INTEGERS
    try:
        return Decimal(repr(float(number))) == Decimal(number)
    except ArithmeticError:
        return False
