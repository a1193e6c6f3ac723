"""The types of columns in this dialect's words, a closed list."""

import pyarrow as pa

from towpath.core.model import Stream

_UNITS = {"s": "timestamp", "ms": "timestamp_milli", "us": "timestamp_micro", "ns": "timestamp_nano"}

INTEGERS = frozenset({"integer", "integer_small"})
NUMBERS = frozenset({"number", "number_small"})
TIMES = frozenset(_UNITS.values())

_TESTS = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_null, "null"),
    (pa.types.is_date, "timestamp"),
    (pa.types.is_decimal, "number"),
    (pa.types.is_float64, "number"),
    (pa.types.is_floating, "number_small"),
    (pa.types.is_int64, "integer"),
    (pa.types.is_uint64, "integer"),
    (pa.types.is_uint32, "integer"),
    (pa.types.is_integer, "integer_small"),
    (pa.types.is_struct, "object"),
    (pa.types.is_map, "object"),
    (pa.types.is_list, "array"),
    (pa.types.is_large_list, "array"),
    (pa.types.is_fixed_size_list, "array"),
)


def word_of(type: pa.DataType) -> str:
    """The word for values of the type; ``string`` for what has no other: binaries, times of day."""
    if isinstance(type, pa.JsonType):
        return "object"
    if pa.types.is_timestamp(type):
        return _UNITS[type.unit]
    return next((word for test, word in _TESTS if test(type)), "string")


def words_of(stream: Stream) -> dict[str, str]:
    """The word of each column."""
    return {field.name: word_of(field.type) for field in stream.schema}
