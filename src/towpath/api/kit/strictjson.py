"""JSON that means one thing only, and that everything behind us can hold."""

import json
import math
from typing import Any

import orjson

#: How deep arrays and objects may lie in each other.
MAXIMUM_DEPTH = 64


def strict_json(data: bytes) -> Any:
    """The value. Raises `json.JSONDecodeError`, without the document, for whatever is not UTF-8 JSON, NaN and
    Infinity, numbers that no double holds, keys that come twice, NUL and lone surrogates in texts, and for
    what is nested deeper than `MAXIMUM_DEPTH`.
    """
    try:
        # Refuses most of it, and fast. Then once more: it keeps the last of two equal keys and makes floats
        # of great whole numbers.
        _inspect(orjson.loads(data))
        return json.loads(data, object_pairs_hook=_object, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise _invalid(error.msg, error.pos) from None
    except ValueError:
        raise _invalid("a number is too long") from None


def _invalid(reason: str, position: int = 0) -> json.JSONDecodeError:
    return json.JSONDecodeError(reason, "", position)


def _inspect(value: Any) -> None:
    """Walk through it without recursion, level by level."""
    level, depth = [value], 0
    while level:
        depth += 1
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                _text(item)
            elif isinstance(item, dict):
                below += item.keys()
                below += item.values()
            elif isinstance(item, list):
                below += item
        if depth > MAXIMUM_DEPTH and any(isinstance(item, dict | list) for item in level):
            raise _invalid(f"nested deeper than {MAXIMUM_DEPTH}")
        level = below


def _text(text: str) -> None:
    if "\0" in text:
        raise _invalid("a text holds NUL")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _invalid("a key comes twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _invalid("a number is too large")
    return number
