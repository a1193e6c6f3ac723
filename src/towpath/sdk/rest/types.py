"""The column types that a connector's file may name."""

import re

import pyarrow as pa

from towpath.sdk.rest.known import guess

_UTC = pa.timestamp("us", "UTC")
#: Name → Arrow type. The two epochs arrive as numbers, all timestamps but the local one are instants.
TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "decimal": pa.decimal128(38, 9),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": _UTC,
    "timestamp_local": pa.timestamp("us"),
    "epoch_s": _UTC,
    "epoch_ms": _UTC,
    "json": pa.json_(),
}
_DECIMAL = re.compile(r"decimal\(([0-9]{1,2}), ?([0-9]{1,2})\)")
_DIGITS = 38


def check(name: str) -> str:
    """The same name. Raises `ValueError` if it names no type."""
    arrow(name)
    return name


def arrow(name: str) -> pa.DataType:
    """The Arrow type of that name. Raises `ValueError`.

    >>> arrow("decimal(10,2)")
    Decimal128Type(decimal128(10, 2))
    """
    found = _DECIMAL.fullmatch(name)
    if found:
        precision, scale = int(found[1]), int(found[2])
        if 0 < precision <= _DIGITS and scale <= precision:
            return pa.decimal128(precision, scale)
    if name not in TYPES:
        others = f"{', '.join(TYPES)}, or decimal(digits,places)"
        raise ValueError(f"{name!r} is no type{guess(name, TYPES)}; types are {others}")
    return TYPES[name]
