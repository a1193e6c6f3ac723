"""Values as the template language sees them: the rules of JavaScript for text, truth, numbers and comparison.

One rule is ours: an object is written as JSON, not as ``[object Object]``, which nobody ever wants.
"""

import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

import orjson

from towpath.dataplane.dates import format_date
from towpath.dataplane.paths import MISSING

Number: TypeAlias = int | float

#: Text that JavaScript reads as a number.
_NUMERIC = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*")
_INTEGER = re.compile(r"\s*[+-]?\d+\s*")
#: Numbers from here on are written with an exponent, and those below the other.
_LARGE: Final = 1e21
_SMALL: Final = 1e-6
#: Longer texts of digits are no numbers to us: reading them takes long.
_DIGITS: Final = 400


def text(value: Any) -> str:
    """What is written: nothing for null and what is missing, lists joined by commas, objects as JSON.

    >>> [text(value) for value in (None, True, 1.50, 1e21, [1, None, "a"], {"a": [1]})]
    ['', 'true', '1.5', '1e+21', '1,,a', '{"a":[1]}']
    """
    if isinstance(value, str):
        return value
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() < 4 * _DIGITS else number_text(math.inf)
    return number_text(value) if isinstance(value, float) else _other(value)


def _other(value: Any) -> str:
    if isinstance(value, datetime):
        return format_date(value)
    if isinstance(value, Mapping):
        return json_text(value)
    if isinstance(value, (list, tuple)):
        plain = not any(isinstance(element, Mapping) for element in value)
        return ",".join(map(text, value)) if plain else json_text(value)
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else str(value)
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    return str(value)


def number_text(value: float) -> str:
    """A float as JavaScript writes it.

    >>> [number_text(value) for value in (3.0, 0.1, 1e-7, 0.00001, 1e20, -0.0)]
    ['3', '0.1', '1e-7', '0.00001', '100000000000000000000', '0']
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    size = abs(value)
    if _SMALL <= size < _LARGE:
        return str(int(value)) if value.is_integer() else _plain(value)
    digits, _, exponent = repr(value).partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent):+d}"


def _plain(value: float) -> str:
    shown = repr(value)
    return f"{Decimal(shown):f}" if "e" in shown else shown


def json_text(value: Any, *, sort: bool = False) -> str:
    """``value`` as JSON without spaces; what JSON lacks becomes text."""
    options = (
        orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS | (orjson.OPT_SORT_KEYS if sort else 0)
    )
    try:
        return orjson.dumps(value, default=_json_other, option=options).decode()
    except TypeError:
        import json

        return json.dumps(
            value, default=_json_other, separators=(",", ":"), skipkeys=True, check_circular=False
        )


def _json_other(value: Any) -> Any:
    if value is MISSING:
        return None
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Decimal) and value.is_finite():
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if type(value) is date else text(value)


def truthy(value: Any) -> bool:
    """Truth as of JavaScript: empty lists and objects are true.

    >>> [truthy(value) for value in ([], {}, "0", 0, "", None, float("nan"))]
    [True, True, True, False, False, False, False]
    """
    if isinstance(value, (list, tuple, Mapping)):
        return True
    return bool(value) and value == value  # noqa: PLR0124 - NaN is false


def filled(value: Any) -> bool:
    """Truth as of ``#if``: an empty list is false as well."""
    return bool(value) if isinstance(value, (list, tuple)) else truthy(value)


def number(value: Any) -> Number | None:
    """The number that ``value`` is or spells; None if it is none.

    >>> [number(value) for value in (3, "3", " 4.50 ", "1e3", "", "x", None, True)]
    [3, 3, 4.5, 1000.0, None, None, None, None]
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return _of_text(f"{value:f}") if value.is_finite() and abs(value.adjusted()) < _DIGITS else None
    return _of_text(value) if isinstance(value, str) else None


def _of_text(value: str) -> Number | None:
    if len(value) > _DIGITS or not value.isascii():
        return None
    if _INTEGER.fullmatch(value):
        return int(value)
    if not _NUMERIC.fullmatch(value):
        return None
    found = float(value)
    return found if math.isfinite(found) else None


def strict_equal(left: Any, right: Any) -> bool:
    """``===``: no text is a number; lists and objects are equal if they hold the same."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if left is MISSING or right is MISSING or left is None or right is None:
        return left is right
    return bool(left == right)


def loose_equal(left: Any, right: Any) -> bool:
    """``==``: text and number are compared as numbers, null equals what is missing.

    >>> loose_equal(5, "5"), loose_equal(None, MISSING), loose_equal(True, 1), loose_equal("a", "b")
    (True, True, True, False)
    """
    if left is None or left is MISSING or right is None or right is MISSING:
        return (left is None or left is MISSING) and (right is None or right is MISSING)
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    ours, theirs = _primitive(left), _primitive(right)
    if isinstance(ours, str) and isinstance(theirs, str) and type(left) is not type(right):
        return ours == theirs
    mine, other = _numeric(ours), _numeric(theirs)
    return mine == other if mine is not None and other is not None else strict_equal(left, right)


def less(left: Any, right: Any) -> bool | None:
    """``<``: two texts by character, anything else as numbers; None if they cannot be compared."""
    ours, theirs = _primitive(left), _primitive(right)
    if isinstance(ours, str) and isinstance(theirs, str):
        return ours < theirs
    mine, other = _numeric(ours), _numeric(theirs)
    return None if mine is None or other is None else mine < other


def _primitive(value: Any) -> Any:
    if value is None or value is MISSING or isinstance(value, (str, bool, int, float, Decimal)):
        return value
    return text(value)


def _numeric(value: Any) -> Number | None:
    if isinstance(value, bool) or value is None:
        return int(value or 0)
    if isinstance(value, str) and not value.strip():
        return 0
    return number(value)
