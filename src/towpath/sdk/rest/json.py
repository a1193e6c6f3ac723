"""JSON with every digit: fast where doubles hold all numbers of an answer exactly, else digit by digit."""

import json
import re
from decimal import Decimal
from typing import Any

import orjson

_DIGITS = b"0123456789"
#: Everything that a number may hold becomes one sign, so that long numbers are found by a plain search.
_LONG = bytes.maketrans(_DIGITS + b".eE+-", b"0" * 15)
_OTHERS = bytes(set(range(256)) - set(_DIGITS + b".eE+-"))
_AS_NUMBERS = _LONG.translate(bytes.maketrans(_OTHERS, b" " * len(_OTHERS)))
#: Doubles hold all numbers of 15 digits; with a point or sign one more character is still fine.
_RUN = b"0" * 16
_NUMBER = re.compile(rb"(?:^|(?<=[:,\[\s]))-?[0-9][0-9.eE+-]{15,}")
_TINY = re.compile(rb"[0-9][eE]-[0-9]{3}")
_MOST = 2**64


def loads(body: bytes) -> Any:
    """The value; numbers are int, float, or where these would not be exact `Decimal`. Raises `ValueError`."""
    if _doubles_do(body):
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass  # A number beyond all doubles, perhaps: the slow way knows.
    try:
        return _EXACT.decode(body.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def dumps(value: Any) -> str:
    """The value as compact JSON text. Inverse to `loads`, except for the order of names, which is sorted."""
    try:
        return orjson.dumps(value, default=_number, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # text with half a surrogate pair, which UTF-8 cannot hold: JSON writes it as \ud800
        return _escaped(value)


def _doubles_do(body: bytes) -> bool:
    if (b"e-" in body or b"E-" in body) and _TINY.search(body):
        return False
    if _RUN not in body.translate(_AS_NUMBERS):
        return True
    return all(_is_exact(text) for text in set(_NUMBER.findall(body)))


def _is_exact(text: bytes) -> bool:
    try:
        if text.lstrip(b"-").isdigit():
            return -(_MOST // 2) <= int(text) < _MOST
        return Decimal(repr(float(text))) == Decimal(text.decode())
    except (ValueError, ArithmeticError):
        return False  # No number at all, or one beyond doubles


def _integer(text: str) -> int | Decimal:
    number = _fraction(text)
    return int(number) if -(_MOST // 2) <= number < _MOST else number


def _fraction(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ValueError("a number has an exponent out of all bounds") from None


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


_EXACT = json.JSONDecoder(parse_float=_fraction, parse_int=_integer, parse_constant=_no_constant)


def _number(value: Any) -> orjson.Fragment:
    if not isinstance(value, Decimal):
        raise TypeError(type(value).__name__)
    return orjson.Fragment(str(value))


def _escaped(value: Any) -> str:
    if isinstance(value, dict):
        members = (f"{json.dumps(name)}:{_escaped(item)}" for name, item in sorted(value.items()))
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_escaped, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)
