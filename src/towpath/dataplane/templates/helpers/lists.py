"""Helpers of lists and objects. None of them changes what it is given."""

from collections.abc import Mapping
from typing import Any

from towpath.dataplane.paths import MISSING, compile_path
from towpath.dataplane.templates.helpers.base import Helper, absent, count, elements, table
from towpath.dataplane.templates.values import json_text, number, text


def after(value: Any, skip: Any) -> list[Any]:
    return list(elements(value)[count(skip, 0) :])


def before(value: Any, drop: Any) -> list[Any]:
    found = elements(value)
    return list(found[: max(0, len(found) - count(drop, 0))])


def arrayify(value: Any) -> list[Any]:
    return list(elements(value))


def pluck(value: Any, path: Any) -> list[Any]:
    read = compile_path(text(path)).get if text(path).strip() else (lambda _: MISSING)
    return [found for element in elements(value) if (found := read(element)) is not MISSING]


def sort(value: Any, **options: Any) -> list[Any]:
    """By text, or with ``number`` by number (what is none comes last); ``reverse`` turns it round."""
    turned = text(options.get("reverse")) == "true"
    if text(options.get("number")) != "true":
        return sorted(elements(value), key=text, reverse=turned)
    found = [(number(element), element) for element in elements(value)]
    known = sorted((one for one in found if one[0] is not None), key=lambda one: one[0] or 0, reverse=turned)
    return [element for _, element in known] + [element for key, element in found if key is None]


def unique(value: Any) -> list[Any]:
    """The first of those that are equal in kind and value."""
    seen: dict[Any, Any] = {}
    for element in elements(value):
        seen.setdefault((type(element).__name__, _identity(element)), element)
    return list(seen.values())


def _identity(value: Any) -> Any:
    return json_text(value, sort=True) if isinstance(value, (Mapping, list, tuple)) else value


def get_value(here: Any, path: Any, default: Any = "") -> Any:
    """What ``path`` names in the context, ``default`` if that is missing or null."""
    if absent(path):
        return default
    found = compile_path(text(path)).get(here)
    return default if found is MISSING or found is None else found


def has_own(value: Any, key: Any) -> bool:
    if isinstance(value, Mapping):
        return text(key) in value
    position = number(key)
    return isinstance(value, (list, tuple)) and isinstance(position, int) and 0 <= position < len(value)


def is_empty(value: Any) -> bool:
    return absent(value) or (isinstance(value, (list, tuple, Mapping)) and not value)


def lookup(run: Any, name: Any, key: Any = MISSING) -> Any:
    """The named lookup's value for ``key``; of a list or object, what stands at ``key``."""
    if isinstance(name, Mapping):
        return name.get(text(key), MISSING)
    if isinstance(name, (list, tuple)):
        return name[int(text(key))] if has_own(name, key) else MISSING
    return MISSING if absent(name) else run.environment.look(text(name), None if key is MISSING else key)


HELPERS = table(
    Helper("after", after, 2, 2),
    Helper("arrayify", arrayify, 1, 1),
    Helper("before", before, 2, 2),
    Helper("getValue", get_value, 1, 2, here=True, paths=frozenset({0})),
    Helper("hasNoItems", is_empty, 1, 1, predicate=True),
    Helper("hasOwn", has_own, 2, 2, predicate=True),
    Helper("isEmpty", is_empty, 1, 1, predicate=True),
    Helper("lookup", lookup, 1, 2, run=True),
    Helper("pluck", pluck, 2, 2),
    Helper("sort", sort, 1, 1, named=frozenset({"number", "reverse"})),
    Helper("unique", unique, 1, 1),
)
