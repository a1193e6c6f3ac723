"""Helpers that change the case of texts, cut and join them."""

import re
from collections.abc import Callable
from typing import Any

from towpath.dataplane.templates.failures import HelperError
from towpath.dataplane.templates.helpers.base import LARGEST, Helper, absent, count, fits, numeric, table
from towpath.dataplane.templates.values import text

#: A word in any script: an acronym, a word with its capital, a run of capitals, a number.
_WORD = re.compile(r"[^\W\d_]*[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_EDGES = re.compile(r"\A[\W_]+|[\W_]+\Z")
_SENTENCE = re.compile(r"\S[^.?!]*[.?!]*")
_TAG = re.compile(r"<[^<>]+>")


def words(value: Any) -> list[str]:
    """The words of a text in small letters: cut at other signs, and where a capital begins a word.

    >>> words("getUserProfile-ID 2nd")
    ['get', 'user', 'profile', 'id', '2nd']
    """
    parts = re.split(r"[\W_]+", text(value))
    return [word.lower() for part in parts if part for word in _CAMEL.split(part)]


def _joined(sign: str) -> Callable[[Any], str]:
    return lambda value: sign.join(words(value))


def capitalize(value: Any) -> str:
    plain = text(value)
    return plain[:1].upper() + plain[1:]


def capitalize_all(value: Any) -> str:
    return re.sub(r"\w\S*", lambda found: capitalize(found[0]), text(value))


def pascal(value: Any) -> str:
    return "".join(map(capitalize, words(value)))


def camel(value: Any) -> str:
    found = pascal(value)
    return found[:1].lower() + found[1:]


def sentence(value: Any) -> str:
    return _SENTENCE.sub(lambda found: found[0][0].upper() + found[0][1:].lower(), text(value))


def chop(value: Any) -> str:
    return _EDGES.sub("", text(value))


def sanitize(value: Any) -> str:
    return _TAG.sub("", text(value)).strip()


def _pad(value: Any, length: Any, sign: Any) -> tuple[str, str]:
    plain = text(value)
    wanted = count(length, 0, LARGEST + 1)
    fits(wanted)
    filling = " " if absent(sign) else text(sign)
    missing = max(0, wanted - len(plain))
    return plain, (filling * (missing // len(filling) + 1))[:missing]


def pad_left(value: Any, length: Any, sign: Any = " ") -> str:
    plain, filling = _pad(value, length, sign)
    return filling + plain


def pad_right(value: Any, length: Any, sign: Any = " ") -> str:
    plain, filling = _pad(value, length, sign)
    return plain + filling


def substring(value: Any, start: Any, end: Any = None) -> str:
    """From ``start`` to before ``end``, whichever is smaller first; beyond the text are its ends."""
    plain = text(value)
    first, last = count(start, 0), count(end, len(plain))
    return plain[min(first, last) : max(first, last)]


def split(value: Any, delimiter: Any = "", index: Any = 0) -> str:
    """The part at ``index``, or nothing; without a delimiter every character is a part."""
    plain, sign = text(value), text(delimiter)
    at = count(index, 0)
    parts = plain.split(sign, at + 1) if sign else list(plain)
    return parts[at] if at < len(parts) else ""


def join(delimiter: Any, *values: Any) -> str:
    sign = text(delimiter)
    parts = [text(part) for value in values for part in _flat(value)]
    fits(len(sign) * len(parts) + sum(map(len, parts)))
    return sign.join(parts)


def _flat(value: Any) -> list[Any]:
    """The elements of a list and of lists in it; any other value alone."""
    if not isinstance(value, (list, tuple)):
        return [value]
    return [part for inner in value for part in (inner if isinstance(inner, (list, tuple)) else [inner])]


def replace(value: Any, old: Any, new: Any = "") -> str:
    plain, before, after = text(value), text(old), text(new)
    if not before:
        return plain
    fits(len(plain) + plain.count(before) * max(0, len(after) - len(before)))
    return plain.replace(before, after)


def replace_first(value: Any, old: Any, new: Any = "") -> str:
    return text(value).replace(text(old), text(new), 1)


def remove_first(value: Any, part: Any) -> str:
    return text(value).replace(text(part), "", 1)


def occurrences(value: Any, part: Any) -> int:
    sought = text(part)
    return text(value).count(sought) if sought else 0


def reverse(value: Any) -> Any:
    return list(reversed(value)) if isinstance(value, (list, tuple)) else text(value)[::-1]


def truncate_words(value: Any, limit: Any, suffix: Any = "…") -> str:
    if absent(limit):
        raise HelperError("needs the number of words to keep")
    parts = re.split(r"[ \t]", text(value))
    wanted = int(numeric(limit))
    if wanted >= len(parts):
        return text(value)
    return " ".join(parts[: max(0, wanted)]).strip() + text(suffix)


HELPERS = table(
    Helper("camelcase", camel, 1, 1),
    Helper("capitalize", capitalize, 1, 1),
    Helper("capitalizeAll", capitalize_all, 1, 1),
    Helper("chop", chop, 1, 1),
    Helper("dashcase", _joined("-"), 1, 1),
    Helper("dotcase", _joined("."), 1, 1),
    Helper("join", join, 1, None),
    Helper("lowercase", lambda value: text(value).lower(), 1, 1),
    Helper("occurrences", occurrences, 2, 2),
    Helper("padLeft", pad_left, 2, 3),
    Helper("padRight", pad_right, 2, 3),
    Helper("pascalcase", pascal, 1, 1),
    Helper("pathcase", _joined("/"), 1, 1),
    Helper("removefirst", remove_first, 2, 2),
    Helper("replace", replace, 2, 3),
    Helper("replacefirst", replace_first, 2, 3),
    Helper("reverse", reverse, 1, 1),
    Helper("sanitize", sanitize, 1, 1),
    Helper("sentence", sentence, 1, 1),
    Helper("snakecase", _joined("_"), 1, 1),
    Helper("split", split, 1, 3),
    Helper("substring", substring, 2, 3),
    Helper("trim", lambda value: text(value).strip(), 1, 1),
    Helper("trimLeft", lambda value: text(value).lstrip(), 1, 1),
    Helper("trimRight", lambda value: text(value).rstrip(), 1, 1),
    Helper("truncateWords", truncate_words, 2, 3),
    Helper("uppercase", lambda value: text(value).upper(), 1, 1),
)
