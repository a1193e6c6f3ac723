"""Helpers that answer true or false. Each has an inline and a block form."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from towpath.dataplane.paths import MISSING
from towpath.dataplane.templates.failures import HelperError
from towpath.dataplane.templates.helpers.base import Helper, absent, elements, shown, table
from towpath.dataplane.templates.values import less, loose_equal, number, strict_equal, text, truthy


def type_of(value: Any) -> str:
    """The kind, in the words of JavaScript; null is an object there."""
    if value is MISSING:
        return "undefined"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float, Decimal)):
        return "number"
    if isinstance(value, (list, tuple)):
        return "array"
    return "object" if value is None or isinstance(value, Mapping) else "string"


_OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool | None]]] = {
    "==": loose_equal,
    "===": strict_equal,
    "!=": lambda left, right: not loose_equal(left, right),
    "!==": lambda left, right: not strict_equal(left, right),
    "<": less,
    ">": lambda left, right: less(right, left),
    "<=": lambda left, right: (found := less(right, left)) is not None and not found,
    ">=": lambda left, right: (found := less(left, right)) is not None and not found,
    "typeof": lambda left, right: type_of(left) == text(right),
}

_KINDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "isFalsy": lambda value: not truthy(value),
    "isTruthy": truthy,
    "isArray": lambda value: type_of(value) == "array",
    "isString": lambda value: type_of(value) == "string",
    "isObject": lambda value: isinstance(value, Mapping),
    "isNumber": lambda value: number(value) is not None,
    "isBoolean": lambda value: isinstance(value, bool),
}


def compare(left: Any, operator: Any, right: Any) -> bool:
    known = _OPERATORS.get(text(operator))
    if known is None:
        raise HelperError(f"knows no operator {shown(operator)}, only {' '.join(_OPERATORS)}")
    return bool(known(left, right))


def contains(where: Any, value: Any) -> bool:
    """Whether a text has ``value`` in it, a list has it as an element, an object has it as a key."""
    if isinstance(where, (list, tuple)):
        return any(strict_equal(element, value) for element in where)
    if isinstance(where, Mapping):
        return text(value) in where
    return not absent(where) and value is not MISSING and text(value) in text(where)


def in_array(where: Any, value: Any) -> bool:
    return isinstance(where, (list, tuple)) and contains(where, value)


def some(where: Any, kind: Any) -> bool:
    test = _KINDS.get(text(kind))
    if test is None:
        raise HelperError(f"knows no test {shown(kind)}, only {', '.join(_KINDS)}")
    return any(test(element) for element in elements(where))


def is_even(value: Any) -> bool:
    found = number(value)
    return found is not None and found % 2 == 0


def starts_with(prefix: Any, value: Any) -> bool:
    return not absent(value) and text(value).startswith(text(prefix))


HELPERS = table(
    Helper("and", lambda *values: all(map(truthy, values)), 1, None, predicate=True),
    Helper("compare", compare, 3, 3, predicate=True),
    Helper("contains", contains, 2, 2, predicate=True),
    Helper("eq", loose_equal, 2, 2, predicate=True),
    Helper("ifEven", is_even, 1, 1, predicate=True),
    Helper("inArray", in_array, 2, 2, predicate=True),
    Helper("isFalsey", lambda value: not truthy(value), 1, 1, predicate=True),
    Helper("isTruthy", truthy, 1, 1, predicate=True),
    Helper("neither", lambda left, right: not truthy(left) and not truthy(right), 2, 2, predicate=True),
    Helper("not", lambda value: not truthy(value), 1, 1, predicate=True),
    Helper("or", lambda *values: any(map(truthy, values)), 1, None, predicate=True),
    Helper("some", some, 2, 2, predicate=True, paths=frozenset({1})),
    Helper("startsWith", starts_with, 2, 2, predicate=True),
    Helper("typeOf", type_of, 1, 1),
)
