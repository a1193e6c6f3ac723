"""Helpers of regular expressions. They run on RE2: no expression of a user can hang a flow."""

import re
from typing import Any, Final

from towpath.dataplane.regexes import Match, Pattern, compile_regex
from towpath.dataplane.templates.helpers.base import Helper, absent, count, fits, table
from towpath.dataplane.templates.values import number, text

#: What a replacement may name: a group by number or name, the whole match, a dollar.
_REFERENCE = re.compile(r"\$(?:(\$)|(&)|(\d{1,2})|<([A-Za-z_]\w*)>)")
_FLAGS: Final = frozenset("dgimsuy")


def _pattern(expression: Any, flags: Any) -> Pattern:
    return compile_regex(text(expression), "" if absent(flags) else text(flags))


def match(value: Any, expression: Any, index: Any = 0, flags: Any = None) -> str:
    """The ``index``-th of the places that match, whole; nothing if there are fewer.

    Flags may stand in the place of the index.
    """
    if number(index) is None and set(text(index)) <= _FLAGS:
        index, flags = 0, index if absent(flags) else flags
    wanted = count(index, 0)
    for position, found in enumerate(_pattern(expression, flags).finditer(text(value))):
        if position == wanted:
            return str(found.group())
    return ""


def search(value: Any, expression: Any, flags: Any = None) -> int:
    found = _pattern(expression, flags).search(text(value))
    return -1 if found is None else found.start()


def substitute(value: Any, replacement: Any, expression: Any, flags: Any = None) -> str:
    """Every place that matches; ``$1``, ``$<name>`` and ``$&`` in the replacement are what was matched."""
    pattern, plain, new = _pattern(expression, flags), text(value), text(replacement)
    parts, size, at = [], len(plain), 0
    for found in pattern.finditer(plain):
        made = _expanded(new, found, pattern.groups) if "$" in new else new
        size += len(made)
        fits(size)
        parts += [plain[at : found.start()], made]
        at = found.end()
    return "".join(parts) + plain[at:]


def _expanded(replacement: str, found: Match, groups: int) -> str:
    def value(reference: "re.Match[str]") -> str:
        dollar, whole, position, name = reference.groups()
        if dollar:
            return "$"
        if whole:
            return str(found.group())
        if position and not 1 <= int(position) <= groups:
            return reference[0]
        try:
            return str(found.group(int(position) if position else name) or "")
        except IndexError:
            return reference[0]

    return _REFERENCE.sub(value, replacement)


HELPERS = table(
    Helper("regexMatch", match, 2, 4),
    Helper("regexReplace", substitute, 3, 4),
    Helper("regexSearch", search, 2, 3),
)
