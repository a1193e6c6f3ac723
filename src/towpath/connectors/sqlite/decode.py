"""SQLite's values into Arrow columns, exactly or not at all. # Invariant 6"""

import json
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from towpath.connectors.sqlite.types import MIXED, is_binary
from towpath.sdk import NATIVE_TYPE

Values = Sequence[Any]
#: What a failed conversion may raise.
MISFIT = (pa.ArrowException, ValueError, TypeError, OverflowError)
_NONE = type(None)
_Convert = Callable[[Values, pa.DataType], pa.Array]
_TIME32 = 32


def decode(values: Values, field: pa.Field) -> pa.Array:
    """The column. Raises one of `MISFIT` if any value does not fit the field's type as it is."""
    allowed, convert = _converter(field)
    found = set(map(type, values)) - {_NONE}
    if not found <= allowed:
        raise TypeError(f"{', '.join(sorted(kind.__name__ for kind in found - allowed))}")
    return convert(values, field.type)


def misfit(values: Values, field: pa.Field) -> int:
    """Position of the first value that does not fit; -1 if each alone does."""
    for place, value in enumerate(values):
        try:
            decode([value], field)
        except MISFIT:
            return place
    return -1


def _converter(field: pa.Field) -> tuple[set[type], _Convert]:
    """The Python types that may stand in the column, and what makes an Arrow array of them."""
    if (field.metadata or {}).get(NATIVE_TYPE) == MIXED:
        return {str, int, float}, _as_text
    found = ((allowed, convert) for fits, allowed, convert in _CONVERTERS if fits(field.type))
    return next(found, _AS_TEXT)


def _as_text(values: Values, _: pa.DataType | None = None) -> pa.Array:
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _from_text(values: Values, kind: pa.DataType) -> pa.Array:
    """Numbers, dates and times: Arrow's own parser refuses what would lose a digit."""
    return _as_text(values).cast(kind)


def _floats(values: Values, kind: pa.DataType) -> pa.Array:
    wide = pa.array(values, pa.float64())
    narrow = wide.cast(kind)
    if not narrow.cast(pa.float64()).equals(wide):
        raise ValueError("the number has more digits than the type")
    return narrow


def _booleans(values: Values, kind: pa.DataType) -> pa.Array:
    numbers = pa.array(values, pa.int64())
    if not pc.all(pc.is_in(numbers, value_set=pa.array([0, 1, None]))).as_py():
        raise ValueError("only 0 and 1 are booleans")
    return numbers.cast(kind)


def _uuids(values: Values, kind: pa.DataType) -> pa.Array:
    plain = [
        None if value is None else UUID(bytes=value) if isinstance(value, bytes) else UUID(value)
        for value in values
    ]
    return pa.array([None if value is None else value.bytes for value in plain], kind)


def _json(values: Values, kind: pa.DataType) -> pa.Array:
    texts = [
        None if value is None else value if isinstance(value, str) else json.dumps(value, allow_nan=False)
        for value in values
    ]
    return pa.ExtensionArray.from_storage(kind, pa.array(texts, kind.storage_type))


def _times(values: Values, kind: pa.DataType) -> pa.Array:
    text = pc.binary_join_element_wise("1970-01-01", _as_text(values), " ")
    ticks = text.cast(pa.timestamp(kind.unit)).view(pa.int64())
    return ticks.cast(pa.int32()).view(kind) if kind.bit_width == _TIME32 else ticks.view(kind)


def _durations(values: Values, kind: pa.DataType) -> pa.Array:
    return pa.array(values, pa.int64()).view(kind)


_AS_TEXT: tuple[set[type], _Convert] = ({str}, _from_text)
#: The first whose test the type passes counts; all others are texts that Arrow parses.
_CONVERTERS: tuple[tuple[Callable[[pa.DataType], bool], set[type], _Convert], ...] = (
    (pa.types.is_string, {str}, pa.array),
    (is_binary, {bytes}, pa.array),
    (pa.types.is_uint64, {int, str}, _from_text),
    (pa.types.is_integer, {int}, pa.array),
    (pa.types.is_floating, {int, float}, _floats),
    (pa.types.is_decimal, {int, float, str}, _from_text),
    (pa.types.is_boolean, {int}, _booleans),
    (pa.types.is_time, {str}, _times),
    (pa.types.is_duration, {int}, _durations),
    (pa.uuid().__eq__, {str, bytes}, _uuids),
    (pa.json_().__eq__, {str, int, float}, _json),
)
