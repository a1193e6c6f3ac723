"""What functions are called with, as JSON for programs whose numbers are doubles."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from towpath.core.errors import DataError

#: Up to here doubles hold every whole number.
_EXACT = 2**53


def body(value: Any, function: str) -> bytes:
    """The value as JSON, its names in their order. Raises `DataError` ``value.unrepresentable`` for a number
    that the function would see rounded, and for what is no JSON. # Invariant 6
    """
    try:
        wrong = _rounded(value)
        if wrong is None:
            return orjson.dumps(value, default=_number)
    except RecursionError:
        wrong = "a value that is nested too deeply"
    except TypeError as error:  # orjson: half a surrogate pair, a type that is not JSON
        wrong = f"a value that is not JSON ({error})"
    raise DataError(
        "value.unrepresentable",
        f"The function {function} was not called: the data has {wrong}.",
        hint="Make a text of it before the function, with a transformation or a mapping, or leave it out.",
        function=function,
    )


def _rounded(value: Any) -> str | None:
    """What a program with doubles would take for another value; None if there is nothing."""
    if value is None or isinstance(value, str | bool):
        return None
    if isinstance(value, Mapping):
        return next(filter(None, map(_rounded, value.values())), None)
    if isinstance(value, list | tuple):
        return next(filter(None, map(_rounded, value)), None)
    return None if _is_double(value) else f"the number {value}, which JavaScript rounds"


def _is_double(value: Any) -> bool:
    if isinstance(value, int):
        return -_EXACT <= value <= _EXACT
    if isinstance(value, Decimal):
        return value.is_finite() and Decimal(repr(float(value))) == value
    return not isinstance(value, float) or math.isfinite(value)


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)
