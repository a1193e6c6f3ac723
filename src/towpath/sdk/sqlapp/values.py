"""Values of rows as plain JSON, and back."""

import base64
import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from towpath.core.model import Record

_LARGEST = 2**63


def record_of(names: Sequence[str], row: Sequence[Any]) -> Record:
    """The row as a record; of columns with one name the last wins."""
    return {name: plain(value) for name, value in zip(names, row, strict=True)}


def plain(value: Any) -> Any:
    """The value as JSON. What JSON cannot say exactly becomes exact text: decimals, whole numbers beyond 64
    bits, dates and times (ISO 8601), intervals, uuids; bytes become base64. # Invariant 6

    >>> plain([Decimal("12.50"), 2**70, float("nan"), b"x"])
    ['12.50', '1180591620717411303424', 'nan', 'eA==']
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    return value if _is_json(value) else _text(value)


def _is_json(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return -_LARGEST <= value < _LARGEST
    return value is None or isinstance(value, str)


def _text(value: Any) -> str:
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode()
    return format(value, "f") if isinstance(value, Decimal) and value.is_finite() else str(value)


def bound(values: Sequence[Any], bind: Callable[[Any], Any]) -> list[Any]:
    """Parameters for the JSON values."""
    return [
        orjson.dumps(value).decode() if isinstance(value, Mapping | list) else bind(value) for value in values
    ]
