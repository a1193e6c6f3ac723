"""How values are compared in a filter.

Values of one kind are compared as such, texts by their characters, upper case before lower. A text beside
a number, or beside true or false, is read as one if it spells one. No value (missing or null) equals no
value and nothing else; it is neither greater nor less than anything.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from towpath.core.errors import ConfigError
from towpath.dataplane.dates import parse_date
from towpath.dataplane.paths import MISSING
from towpath.dataplane.regexes import compile_regex
from towpath.dataplane.values import Refused, is_empty, number_in, to_boolean, to_text

_NUMBERS = (int, float, Decimal)
#: Those that are compared as they are.
_PLAIN_NUMBERS = frozenset({int, float})
_MILLISECONDS = 1000


def as_text(value: Any) -> str:
    """The text of a value; no value has an empty one, as has what is too deep or long to be written."""
    if type(value) is str:
        return value
    try:
        return to_text(value)
    except (RecursionError, ValueError):
        return ""


def as_number(value: Any) -> Any:
    """The number of a value; None if it has none."""
    if type(value) is str:
        return number_in(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, _NUMBERS):
        return value
    return number_in(value) if isinstance(value, str) else None


def as_boolean(value: Any) -> bool:
    """True and false and the words for them; of other values whether they are not empty."""
    try:
        return to_boolean(value)
    except Refused:
        return not is_empty(value)


def as_epoch(value: Any) -> int | None:
    """Milliseconds since 1970 of a date; a number is that already. None if it is no date."""
    if isinstance(value, _NUMBERS) and not isinstance(value, bool):
        return int(value) if math.isfinite(value) else None
    if not isinstance(value, (str, datetime, date)) or value == "":
        return None
    try:
        return round(
            parse_date(value if isinstance(value, str) else to_text(value)).timestamp() * _MILLISECONDS
        )
    except (ValueError, OverflowError):
        return None


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same, as the head of this file says."""
    kind = type(left)
    if kind is str and type(right) is str:
        return bool(left == right)
    if kind in _PLAIN_NUMBERS and type(right) in _PLAIN_NUMBERS:
        return bool(left == right)
    pair = _pair(left, right)
    if pair is not None:
        return bool(pair[0] == pair[1])
    if left is None or left is MISSING:
        return right is None or right is MISSING
    if isinstance(left, (Mapping, list)) and isinstance(right, (Mapping, list)):
        return left == right
    return False


def _pair(left: Any, right: Any) -> tuple[Any, Any] | None:
    """Both in a form in which they can be compared; None if there is none."""
    left, right = _scalar(left), _scalar(right)
    if isinstance(left, str) and isinstance(right, str):
        return left, right
    if isinstance(left, bool) or isinstance(right, bool):
        return _alike(left, right, _truth)
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        return _alike(left, right, _exact)
    return _alike(left, right, as_number)


def _exact(value: Any) -> Any:
    """The number of a value in the digits in which it is written."""
    number = as_number(value)
    if number is None or not math.isfinite(number):
        return None
    return Decimal(repr(number)) if isinstance(number, float) else number


def _scalar(value: Any) -> Any:
    return to_text(value) if isinstance(value, (date, time)) else value


def _alike(left: Any, right: Any, form: Callable[[Any], Any]) -> tuple[Any, Any] | None:
    left, right = form(left), form(right)
    return None if left is None or right is None else (left, right)


def _truth(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


def greater(left: Any, right: Any) -> bool:
    if type(left) in _PLAIN_NUMBERS and type(right) in _PLAIN_NUMBERS:
        return bool(left > right)
    pair = _pair(left, right)
    return pair is not None and bool(pair[0] > pair[1])


def greater_equal(left: Any, right: Any) -> bool:
    if type(left) in _PLAIN_NUMBERS and type(right) in _PLAIN_NUMBERS:
        return bool(left >= right)
    pair = _pair(left, right)
    return pair is not None and bool(pair[0] >= pair[1])


def contains(whole: Any, part: Any) -> bool:
    """Whether a list has an element that equals ``part``, or a text has it as a part of it."""
    if isinstance(whole, (list, tuple)):
        return any(equal(element, part) for element in whole)
    if whole is None or whole is MISSING or part is None or part is MISSING:
        return False
    return as_text(part) in as_text(whole)


def starts(whole: Any, part: Any) -> bool:
    return not _nothing(whole, part) and as_text(whole).startswith(as_text(part))


def ends(whole: Any, part: Any) -> bool:
    return not _nothing(whole, part) and as_text(whole).endswith(as_text(part))


def _nothing(*values: Any) -> bool:
    return any(value is None or value is MISSING for value in values)


def any_of(value: Any, choices: Any) -> bool:
    """Whether it equals one of the choices, a list or a single value."""
    elements = choices if isinstance(choices, (list, tuple)) else [choices]
    return any(equal(value, choice) for choice in elements)


def matches(value: Any, pattern: Any) -> bool:
    """Whether the expression is found in the text; one that comes from a record and is none is not."""
    try:
        return matcher(as_text(pattern))(value)
    except ConfigError:
        return False


def matcher(pattern: str) -> Callable[[Any], bool]:
    """Whether the expression is found in the text of a value. Raises ConfigError for what is none."""
    search = compile_regex(pattern).search
    if re.fullmatch(r"[\w \-,:;@/]+", pattern):  # plain words are found quicker as what they are
        return lambda value: not _nothing(value) and pattern in as_text(value)
    return lambda value: not _nothing(value) and search(as_text(value)) is not None


def rounded(how: Callable[[Any], int]) -> Callable[[Any], Any]:
    """``ceil``, ``floor`` … of the number of a value; None if it has none."""

    def function(value: Any) -> Any:
        number = as_number(value)
        return None if number is None or not math.isfinite(number) else how(number)

    return function


def absolute(value: Any) -> Any:
    number = as_number(value)
    return None if number is None else abs(number)
