"""Values that filters compare with, in the types of their columns."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from towpath.api.console.streams.types import INTEGERS, NUMBERS, TIMES

_BOOLEANS = {"true": True, "false": False}
#: Whole numbers above it fit no column.
_DIGITS = 40


def typed(value: Any, word: str) -> Any:
    """The value as our filters take it for a column of this type word. Raises `ValueError`, saying of what
    it should be.

    Dates stay texts, decimals that no double holds exactly become texts; a type that is not known changes
    nothing.
    """
    if word in INTEGERS or word in NUMBERS:
        return _number(value)
    if word == "boolean":
        return _boolean(value)
    if word in TIMES:
        return _time(value)
    if word == "string":
        return _text(value)
    return value


def _number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise ValueError("a number")  # noqa: TRY004 - one kind of error for whatever does not fit
    return number_of(value.strip())


def number_of(text: str) -> int | float | str:
    """The number that the text says, or the text where only that is exact. Raises `ValueError`."""
    try:
        exact = Decimal(text)
    except InvalidOperation:
        raise ValueError("a number") from None
    if not exact.is_finite() or len(text) > _DIGITS:
        raise ValueError("a number")
    if text.lstrip("+-").isdigit():
        return int(text)
    near = float(text)
    return near if Decimal(repr(near)) == exact else text


def _boolean(value: Any) -> bool:
    found = _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise ValueError("true or false")  # noqa: TRY004 - as above
    return found


def _time(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a date or time in ISO form, as text")  # noqa: TRY004 - as above
    try:
        datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError("a date or time in ISO form, such as 2026-01-31") from None
    return value.strip()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        raise ValueError("a text")  # noqa: TRY004 - as above
    return str(value)
