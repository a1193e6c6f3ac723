"""What values are as text, number and truth: the one place where a type becomes another.

Nothing is guessed: what has no such form is `Refused`.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any

import orjson

from towpath.dataplane.dates import format_date
from towpath.dataplane.paths import MISSING

#: A number; with a group if it is not a whole one.
_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+(\.[0-9]*)?|(\.[0-9]+))([eE][+-]?[0-9]+)?\s*")
#: Above this a double is written with an exponent.
_LONGEST_WHOLE = 1e21
#: Digits that are still read as a whole number.
_LONGEST_TEXT = 4000
_TRUE = frozenset({"true", "1", "yes", "y", "t", "on"})
_FALSE = frozenset({"false", "0", "no", "n", "f", "off", ""})


class Refused(Exception):  # noqa: N818 - it never leaves the room: whoever catches it makes an error of it
    """A value is not what it would have to be. ``code`` and ``message`` as of the error it will be."""

    def __init__(self, code: str, message: str, hint: str = "", source: str = "mapping") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.source = source


def is_empty(value: Any) -> bool:
    """Missing, null, an empty text, list or object. Zero and false are values."""
    return not value and not isinstance(value, (bool, int, float, Decimal))


def shown(value: Any) -> str:
    """A value as it stands in messages: short, and of lists and objects only what they are."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    if isinstance(value, int) and abs(value) > _LONGEST_WHOLE:
        return "a very long number"
    text = repr(value) if isinstance(value, str) else to_text(value)
    return text if len(text) <= 60 else text[:59] + "…"  # noqa: PLR2004 - about a line with what is around it


def to_text(value: Any) -> str:
    """The value as text: what JSON calls it, texts without quotes, nothing for null and missing.

    >>> [to_text(value) for value in (True, 1.0, 12.5, None, {"a": [1]})]
    ['true', '1', '12.5', '', '{"a":[1]}']
    """
    if type(value) is str:
        return value
    make = _TEXTS.get(type(value))
    return _other_text(value) if make is None else make(value)


def _float_text(value: float) -> str:
    if not isfinite(value):
        return "NaN" if value != value else ("Infinity" if value > 0 else "-Infinity")  # noqa: PLR0124 - NaN
    if value.is_integer() and abs(value) < _LONGEST_WHOLE:
        return str(int(value))
    return orjson.dumps(value).decode()


def _other_text(value: Any) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        return to_json(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return format_date(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    return str(value)


def to_json(value: Any) -> str:
    """Compact JSON; what JSON has not is written as `to_text` writes it. Raises RecursionError."""
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()
    except TypeError:  # whole numbers of more than 64 bits, lone surrogates
        return json.dumps(value, default=_plain, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else _other_text(value)


_TEXTS: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    type(MISSING): lambda _: "",
    bool: lambda value: "true" if value else "false",
    int: str,
    float: _float_text,
    dict: to_json,
    list: to_json,
}


def to_number(value: Any) -> Any:
    """The value as a number: numbers as they are, texts that spell one, 1 and 0 for true and false."""
    kind = type(value)
    if kind is int or kind is Decimal:
        return value
    if kind is float and isfinite(value):
        return value
    if kind is bool:
        return int(value)
    if kind is str:
        number = number_in(value)
        if number is not None:
            return number
    raise Refused(
        "mapping.bad_value",
        f"{shown(value)} is not a number.",
        "Correct the value at its source, map it only if it is not empty, or let it be a string.",
    )


def number_in(text: str) -> int | float | None:
    """The number that a text spells, None if it spells none.

    >>> [number_in(text) for text in ("12", " -1.5e2 ", "1,200", "")]
    [12, -150.0, None, None]
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    if found.lastindex is None and len(text) < _LONGEST_TEXT:
        return int(text)
    number = float(text)
    return number if isfinite(number) else None


def to_boolean(value: Any) -> bool:
    """True and false, their words (yes, no, on, off, 1, 0 …), and numbers: zero is false."""
    if isinstance(value, (bool, int, float, Decimal)):
        return bool(value)
    word = value.strip().lower() if isinstance(value, str) else None
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise Refused(
        "mapping.bad_value",
        f"{shown(value)} is neither true nor false.",
        "Correct the value at its source, translate it by a lookup, or let it be a string.",
    )


def from_json(value: Any) -> Any:
    """A text of JSON as what it says; everything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise Refused(
            "mapping.bad_value", f"{shown(value)} is not JSON.", "Correct the value at its source."
        ) from None


def as_object(value: Any) -> Any:
    """An object, or a text of JSON that says one."""
    found = from_json(value) if isinstance(value, str) else value
    if isinstance(found, Mapping):
        return found
    raise Refused("mapping.bad_value", f"{shown(value)} is not an object.", "Look at what is extracted.")


def _each(cast: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def cast_all(value: Any) -> list[Any]:
        elements = value if isinstance(value, (list, tuple)) else [value]
        return [None if element is None else cast(element) for element in elements]

    return cast_all


#: How a value becomes of a type. None and `MISSING` are never given to them.
CASTS: Mapping[str, Callable[[Any], Any]] = {
    "string": to_text,
    "number": to_number,
    "boolean": to_boolean,
    "stringarray": _each(to_text),
    "numberarray": _each(to_number),
    "booleanarray": _each(to_boolean),
    "json": from_json,
    "object": as_object,
}
