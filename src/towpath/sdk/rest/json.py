"""JSON with every digit: fast where doubles hold all numbers of an answer exactly, else digit by digit."""

import json
import re
from decimal import Decimal
from typing import Any

import orjson

#: What a byte may be part of: numbers (digits, exponent, minus), what stands before a value, all else.
#: Numbers that doubles may not hold are found in this by plain searches.
_PARTS = bytearray(b"x" * 256)
for _sign, _part in ((b"0123456789.+", b"0"), (b"eE", b"e"), (b"-", b"-"), (b":,[ \t\r\n", b" ")):
    for _byte in _sign:
        _PARTS[_byte] = _part[0]
#: Doubles hold all numbers of 15 digits, except for the very small; larger than all are no JSON to orjson.
_SUSPECTS = (b" " + b"0" * 16, b" -" + b"0" * 15, b"0e-000")
_NUMBER = re.compile(rb"(?:^|(?<=[:,\[\s]))-?[0-9](?:[0-9.eE+-]{15,}|[0-9.]*[eE]-[0-9]{3,})")
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
    parts = b" " + body.translate(_PARTS)
    if not any(suspect in parts for suspect in _SUSPECTS):
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
