"""Which type holds the values of two types without loss: the rule of schema evolution. # Invariant 10"""

import pyarrow as pa

_UNITS = ("s", "ms", "us", "ns")
_DECIMAL_MAX = 38


def widest(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The narrowest type that holds every value of both exactly; None if there is none.

    >>> print(widest(pa.int32(), pa.uint32()), widest(pa.float32(), pa.float64()))
    int64 double
    >>> print(widest(pa.decimal128(5, 2), pa.decimal128(9, 4)), widest(pa.int64(), pa.string()))
    decimal128(9, 4) None
    """
    one, other = _plain(one), _plain(other)
    if one.equals(other) or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    for kind, join in _KINDS:
        if kind(one) and kind(other):
            return join(one, other)
    return None


def holds(have: pa.DataType, new: pa.DataType) -> bool:
    """Whether a column of type ``have`` takes every value of type ``new`` without loss."""
    return bool(widest(have, new) == _plain(have))


def _plain(type: pa.DataType) -> pa.DataType:
    """The type without what only says how the values are laid out."""
    if pa.types.is_dictionary(type):
        return _plain(type.value_type)
    if pa.types.is_large_string(type) or pa.types.is_string_view(type):
        return pa.string()
    if pa.types.is_large_binary(type) or pa.types.is_binary_view(type):
        return pa.binary()
    if pa.types.is_large_list(type):
        return pa.list_(type.value_field)
    return type


def _integers(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    signed = {pa.types.is_signed_integer(one), pa.types.is_signed_integer(other)}
    if len(signed) == 1:
        return max(one, other, key=_width)
    unsigned = other if pa.types.is_signed_integer(one) else one
    width = max(unsigned.bit_width * 2, one.bit_width, other.bit_width)
    return {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}.get(width)


def _numbers(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Decimals with decimals or integers."""
    scales = [type.scale if pa.types.is_decimal(type) else 0 for type in (one, other)]
    whole = [_digits(type) - scale for type, scale in zip((one, other), scales, strict=True)]
    precision = max(whole) + max(scales)
    return pa.decimal128(precision, max(scales)) if precision <= _DECIMAL_MAX else None


def _digits(type: pa.DataType) -> int:
    if pa.types.is_decimal(type):
        return int(type.precision)
    return len(
        str(2**type.bit_width - 1 if pa.types.is_unsigned_integer(type) else 2 ** (type.bit_width - 1))
    )


def _floats(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    return max(one, other, key=_width)


def _timestamps(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if (one.tz is None) != (other.tz is None):
        return None
    return pa.timestamp(_finer(one, other).unit, one.tz) if _share_range(one, other) else None


def _durations(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    return _finer(one, other) if _share_range(one, other) else None


def _share_range(one: pa.DataType, other: pa.DataType) -> bool:
    """64 bits of nanoseconds are 584 years only: coarser values may lie outside."""
    return bool(one.unit == other.unit or "ns" not in (one.unit, other.unit))


def _finer(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    return max(one, other, key=_fineness)


def _fineness(type: pa.DataType) -> int:
    return _UNITS.index(type.unit)


def _width(type: pa.DataType) -> int:
    return int(type.bit_width)


def _number(type: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type) or pa.types.is_decimal128(type))


def _bytes(type: pa.DataType) -> bool:
    return bool(pa.types.is_binary(type) or pa.types.is_fixed_size_binary(type))


_KINDS = (
    (pa.types.is_integer, _integers),
    (_number, _numbers),
    (pa.types.is_floating, _floats),
    (pa.types.is_timestamp, _timestamps),
    (pa.types.is_time, _finer),
    (pa.types.is_duration, _durations),
    (_bytes, lambda _one, _other: pa.binary()),
)
