"""Which Arrow type a declared column type stands for, and the other way round.

SQLite checks no types: the declared one only sets an *affinity*, by the letters in its name. So every
type here is named such that SQLite leaves our values exactly as they are. Wide decimals, for
example, are ``DECIMAL TEXT(38, 10)``: a plain ``DECIMAL`` would become a float beyond 15 digits.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import pyarrow as pa

from towpath.sdk import NATIVE_TYPE

#: Digits that a number of SQLite's (a double) keeps exactly.
EXACT_DIGITS = 15
#: The value of `NATIVE_TYPE` of columns in which numbers stand among texts: they are read as text.
MIXED = b"sqlite:(mixed)"
_UNITS = {0: "s", 3: "ms", 6: "us", 9: "ns"}
_DIGITS = {unit: digits for digits, unit in _UNITS.items()}
_DECLARED = re.compile(r"\s*([^()]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*")

_EXACT = {
    "INT1": pa.int8(),
    "INT2": pa.int16(),
    "INT4": pa.int32(),
    "UINT1": pa.uint8(),
    "UINT2": pa.uint16(),
    "UINT4": pa.uint32(),
    "UNSIGNED TEXT": pa.uint64(),
    "FLOAT4": pa.float32(),
    "BOOLEAN": pa.bool_(),
    "BOOL": pa.bool_(),
    "DATE": pa.date32(),
    "UUID": pa.uuid(),
    "JSON TEXT": pa.json_(),
    "JSON": pa.json_(),
}
_AFFINITIES = (
    (("INT",), pa.int64()),
    (("CHAR", "CLOB", "TEXT"), pa.string()),
    (("BLOB",), pa.binary()),
    (("REAL", "FLOA", "DOUB"), pa.float64()),
)
_NAMES = {type: name for name, type in reversed(_EXACT.items())} | {
    pa.int64(): "INTEGER",
    pa.float16(): "REAL",
    pa.float64(): "REAL",
    pa.string(): "TEXT",
    pa.large_string(): "TEXT",
    pa.string_view(): "TEXT",
    pa.date64(): "DATE",
}


@lru_cache(maxsize=4096)
def arrow_type(declared: str) -> pa.DataType | None:
    """The Arrow type that a declaration promises; None if it promises nothing (no type, NUMERIC, others).

    >>> print(arrow_type("varchar(20)"), arrow_type("DECIMAL(10,2)"), arrow_type("bigint"), arrow_type(""))
    string decimal128(10, 2) int64 None
    """
    found = _DECLARED.fullmatch(declared)
    if found is None:
        return None
    name, one, two = " ".join(found[1].upper().split()), found[2], found[3]
    exact = _EXACT.get(name) or _with_arguments(name, int(one) if one else None, int(two or 0))
    return exact or next((type for parts, type in _AFFINITIES if any(p in name for p in parts)), None)


def _with_arguments(name: str, one: int | None, two: int) -> pa.DataType | None:
    unit = _UNITS.get(6 if one is None else one, "us")
    if name in ("TIMESTAMP", "DATETIME"):
        return pa.timestamp(unit)
    if name in ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"):
        return pa.timestamp(unit, "UTC")
    if name == "TIME":
        return pa.time32(unit) if unit in ("s", "ms") else pa.time64(unit)
    if name == "DURATION":
        return pa.duration(unit)
    if name in ("DECIMAL", "NUMERIC", "DECIMAL TEXT") and one and two <= one <= 76:  # noqa: PLR2004 - Arrow's most
        return pa.decimal128(one, two) if one <= 38 else pa.decimal256(one, two)  # noqa: PLR2004
    return None


def declared_type(field: pa.Field) -> str:
    """What to declare a column as, so that it holds every value of the field exactly; "" for no type.

    >>> print(*(declared_type(pa.field("a", type)) for type in (pa.decimal128(38, 10), pa.time32("ms"))))
    DECIMAL TEXT(38, 10) TIME(3)
    """
    native = (field.metadata or {}).get(NATIVE_TYPE, b"")
    if native.startswith(b"sqlite:") and native != MIXED:
        own = str(native.removeprefix(b"sqlite:"), "utf-8")
        if arrow_type(own) == field.type and not _is_wide_decimal(field.type):
            return own
    return _declared(field.type)


def _declared(type: pa.DataType) -> str:
    if pa.types.is_dictionary(type):
        return _declared(type.value_type)
    made = (make(type) for fits, make in _FAMILIES if fits(type))
    return _NAMES.get(type) or next(made, "" if pa.types.is_null(type) else "JSON TEXT")


def _decimal(type: pa.DataType) -> str:
    word = "DECIMAL TEXT" if _is_wide_decimal(type) else "DECIMAL"
    return f"{word}({type.precision}, {type.scale})"


def _timestamp(type: pa.DataType) -> str:
    return _with_digits("TIMESTAMP" if type.tz is None else "TIMESTAMPTZ", type)


def _with_digits(name: str, type: pa.DataType) -> str:
    return name if type.unit == "us" else f"{name}({_DIGITS[type.unit]})"


def _is_wide_decimal(type: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(type) and type.precision > EXACT_DIGITS)


def is_binary(type: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(type)
        or pa.types.is_large_binary(type)
        or pa.types.is_fixed_size_binary(type)
        or pa.types.is_binary_view(type)
    )


def is_json(type: pa.DataType) -> bool:
    """Whether values of the type are written as JSON text."""
    return _declared(type) == "JSON TEXT"


_FAMILIES: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType], str]], ...] = (
    (pa.types.is_decimal, _decimal),
    (pa.types.is_timestamp, _timestamp),
    (pa.types.is_time, lambda time: _with_digits("TIME", time)),
    (pa.types.is_duration, lambda duration: _with_digits("DURATION", duration)),
    (is_binary, lambda _: "BLOB"),
)
