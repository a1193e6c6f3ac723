"""Helpers that calculate, and those that write numbers. Numbers may be given as text.

Without a value there is no result: the helpers of one or two numbers write nothing; `add`, `sum` and `avg`
leave it out.
"""

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

from towpath.dataplane.templates.failures import HelperError
from towpath.dataplane.templates.helpers.base import Helper, absent, count, numeric, table
from towpath.dataplane.templates.values import Number, number, number_text, text

#: The most digits that may be asked for.
_DIGITS: Final = 100
_EXACT = Context(prec=1_000, rounding=ROUND_HALF_UP)
_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_TEENS: Final = range(11, 14)


def _finite(value: Number) -> Number:
    if isinstance(value, float) and not math.isfinite(value):
        raise HelperError("comes to no number that can be written")
    return value


def _unary(function: Callable[[Number], Number]) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        return "" if absent(value) else _finite(function(numeric(value)))

    return run


def _binary(function: Callable[[Number, Number], Number]) -> Callable[[Any, Any], Any]:
    def run(left: Any, right: Any) -> Any:
        if absent(left) or absent(right):
            return ""
        try:
            return _finite(function(numeric(left), numeric(right)))
        except ZeroDivisionError as error:
            raise HelperError("divides by zero") from error

    return run


def _round(value: Number) -> int:
    """Halves go up, as in JavaScript."""
    return value if isinstance(value, int) else math.floor(Decimal(value) + Decimal("0.5"))


def _divide(left: Number, right: Number) -> Number:
    return (
        left // right
        if isinstance(left, int) and isinstance(right, int) and left % right == 0
        else left / right
    )


def _modulo(left: Number, right: Number) -> Number:
    """The sign of the result is the left one's."""
    if isinstance(left, int) and isinstance(right, int):
        return int(math.copysign(1, left)) * (abs(left) % abs(right))
    if right == 0:
        raise ZeroDivisionError
    return math.fmod(left, right)


def add(*values: Any) -> Number:
    return _finite(sum(numeric(value) for value in values if not absent(value)))


def total(*values: Any) -> Number:
    return _finite(sum(_numbers(values)))


def average(*values: Any) -> Any:
    found = _numbers(values)
    return _divide(_finite(sum(found)), len(found)) if found else ""


def _numbers(values: tuple[Any, ...]) -> list[Number]:
    """The numbers among the values and within lists among them; what is none is left out."""
    flat = (one for value in values for one in (value if isinstance(value, (list, tuple)) else [value]))
    return [found for one in flat if (found := number(one)) is not None]


def fixed(value: Any, digits: Any = 0) -> str:
    """A text with just so many decimals; the exact value is rounded, halves away from zero."""
    if absent(value):
        return ""
    places = count(digits, 0, _DIGITS)
    found = _EXACT.quantize(Decimal(numeric(value)), Decimal(1).scaleb(-places))
    return f"{found:f}" if found or not found.is_signed() else f"{-found:f}"


def exponential(value: Any, digits: Any = None) -> str:
    if absent(value):
        return ""
    exact = Decimal(numeric(value))
    if absent(digits):
        exact = Decimal(repr(float(exact)))
        return _scientific(exact, len(exact.normalize().as_tuple().digits) if exact else 1)
    return _scientific(exact, count(digits, 0, _DIGITS) + 1)


def precision(value: Any, digits: Any = None) -> str:
    """So many digits that count; with an exponent where there are more before the point."""
    if absent(value):
        return ""
    if absent(digits):
        return text(numeric(value))
    wanted = max(1, count(digits, 1, _DIGITS))
    exact = _rounded(Decimal(numeric(value)), wanted)
    size = exact.adjusted() if exact else 0
    if size < -6 or size >= wanted:  # noqa: PLR2004 - as in JavaScript
        return _scientific(exact, wanted)
    return f"{exact.quantize(Decimal(1).scaleb(size - wanted + 1), context=_EXACT):f}"


def _rounded(value: Decimal, digits: int) -> Decimal:
    return Context(prec=digits, rounding=ROUND_HALF_UP).plus(value)


def _scientific(value: Decimal, digits: int) -> str:
    exact = _rounded(value, digits)
    size = exact.adjusted() if exact else 0
    sign, found, _ = exact.as_tuple()
    shown = "".join(map(str, found)).ljust(digits, "0")[:digits]
    point = f".{shown[1:]}" if digits > 1 else ""
    return f"{'-' * sign}{shown[0]}{point}e{size:+d}"


def add_commas(value: Any) -> str:
    """Commas between thousands, before the decimal point."""
    whole, point, rest = text(value).partition(".")
    digits = whole.lstrip("+-")
    if not (digits.isascii() and digits.isdigit()):
        return text(value)
    sign = whole[: len(whole) - len(digits)]
    head = len(digits) % 3
    groups = [digits[:head]] * bool(head) + [digits[at : at + 3] for at in range(head, len(digits), 3)]
    return f"{sign}{','.join(groups)}{point}{rest}"


def human_bytes(value: Any, digits: Any = 2) -> str:
    """A size in units of a thousand; of a text that is no number, its length."""
    if absent(value):
        return "0 B"
    size = number(value)
    found = len(text(value)) if size is None else size
    unit = 0
    while abs(found) >= 1000 ** (unit + 1) and unit + 1 < len(_UNITS):
        unit += 1
    scale = 10 ** count(digits, 2, 20)
    return f"{number_text(_round(found * scale / 1000**unit) / scale)} {_UNITS[unit]}"


def ordinalize(value: Any) -> str:
    if absent(value):
        return ""
    found = numeric(value)
    if not isinstance(found, int):
        return text(found)
    rest = abs(found) % 100
    ending = "th" if rest in _TEENS else {1: "st", 2: "nd", 3: "rd"}.get(rest % 10, "th")
    return f"{found}{ending}"


HELPERS = table(
    Helper("abs", _unary(abs), 1, 1),
    Helper("add", add, 1, None),
    Helper("addCommas", add_commas, 1, 1),
    Helper("avg", average, 1, None),
    Helper("bytes", human_bytes, 1, 2),
    Helper("ceil", _unary(math.ceil), 1, 1),
    Helper("divide", _binary(_divide), 2, 2),
    Helper("floor", _unary(math.floor), 1, 1),
    Helper("modulo", _binary(_modulo), 2, 2),
    Helper("multiply", _binary(lambda left, right: left * right), 2, 2),
    Helper("ordinalize", ordinalize, 1, 1),
    Helper("round", _unary(_round), 1, 1),
    Helper("subtract", _binary(lambda left, right: left - right), 2, 2),
    Helper("sum", total, 1, None),
    Helper("toExponential", exponential, 1, 2),
    Helper("toFixed", fixed, 1, 2),
    Helper("toPrecision", precision, 1, 2),
)
