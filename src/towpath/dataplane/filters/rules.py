"""Rules become one Python expression.

Its source is made of names and numbers only: texts, paths and functions stand in it as constants (``K1``)
that are handed to it. An expression that grows deep is cut into several, for the parser's sake.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from towpath.core.errors import ConfigError
from towpath.dataplane.filters import compare
from towpath.dataplane.paths import MISSING, compile_path
from towpath.dataplane.problems import Problems
from towpath.dataplane.values import is_empty

#: How deep rules may be nested.
DEEPEST = 64
_CUT = 12

#: Operators of two values, and what is asked; the second word says whether the answer is turned round.
_BINARY: Mapping[str, tuple[Callable[[Any, Any], bool], bool]] = {
    "equals": (compare.equal, False),
    "notequals": (compare.equal, True),
    "greaterthan": (compare.greater, False),
    "greaterthanequals": (compare.greater_equal, False),
    "lessthan": (lambda left, right: compare.greater(right, left), False),
    "lessthanequals": (lambda left, right: compare.greater_equal(right, left), False),
    "contains": (compare.contains, False),
    "doesnotcontain": (compare.contains, True),
    "startswith": (compare.starts, False),
    "endswith": (compare.ends, False),
    "matches": (compare.matches, False),
    "anyof": (compare.any_of, False),
}
_UNARY: Mapping[str, bool] = {"empty": False, "isempty": False, "notempty": True, "isnotempty": True}
_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "string": compare.as_text,
    "number": compare.as_number,
    "boolean": compare.as_boolean,
    "epochtime": compare.as_epoch,
    "lowercase": lambda value: compare.as_text(value).lower(),
    "uppercase": lambda value: compare.as_text(value).upper(),
    "ceiling": compare.rounded(math.ceil),
    "floor": compare.rounded(math.floor),
    "abs": compare.absolute,
}
_TEXTS = frozenset({"string", "lowercase", "uppercase"})
_LOGIC = frozenset({"and", "or", "not"})
_ACCESS = frozenset({"extract", "settings"})

#: Every operator there is.
OPERATORS = frozenset({*_BINARY, *_UNARY, *_FUNCTIONS, *_LOGIC, *_ACCESS})


def compile_rule(rule: Sequence[Any], place: str, problems: Problems) -> Callable[[Any, Any], bool]:
    """The rule as a function of (record, context)."""
    maker = _Maker(problems)
    source = maker.truth(rule, place, 0)
    return maker.function(source)


_GIVEN: Mapping[str, Any] = {"truth": compare.as_boolean, "empty": is_empty}


@dataclass
class _Maker:
    problems: Problems
    constants: dict[str, Any] = field(
        default_factory=lambda: {"truth": compare.as_boolean, "empty": is_empty}
    )

    def function(self, source: str) -> Callable[[Any, Any], bool]:
        source = f"lambda r, c: {source}"
        made: Callable[[Any, Any], bool] = eval(source, self.constants)  # noqa: S307 - names and numbers only
        return made

    def constant(self, value: Any) -> str:
        name = f"K{len(self.constants)}"
        self.constants[name] = value
        return name

    def truth(self, rule: Any, place: str, depth: int) -> str:
        """The source of a rule whose answer is true or false."""
        source = self.value(rule, place, depth)
        operator = rule[0] if isinstance(rule, list | tuple) and rule and isinstance(rule[0], str) else None
        known = operator in _BINARY or operator in _UNARY or operator in _LOGIC
        return source if known else f"truth({source})"

    def value(self, rule: Any, place: str, depth: int) -> str:
        """The source of any argument: a rule, or a literal."""
        if not isinstance(rule, list | tuple):
            return self._literal(rule, place)
        if not rule or not isinstance(rule[0], str) or rule[0] not in OPERATORS:
            known = ", ".join(sorted(OPERATORS))
            self.problems.add(place, f"A rule begins with an operator: {known}.")
            return "None"
        if depth >= DEEPEST:
            self.problems.add(place, f"Rules are nested deeper than {DEEPEST}.")
            return "None"
        source = self._rule(rule[0], rule[1:], place, depth + 1)
        if depth % _CUT == _CUT - 1:
            return f"{self.constant(self.function(source))}(r, c)"
        return source

    def _literal(self, value: Any, place: str) -> str:
        if isinstance(value, Mapping):
            self.problems.add(place, "An object is no rule.")
        return self.constant(value)

    def _rule(self, operator: str, given: Sequence[Any], place: str, depth: int) -> str:
        if operator in _LOGIC:
            return self._logic(operator, given, place, depth)
        if operator in _ACCESS:
            return self._access(operator, given, place)
        if operator in _BINARY:
            return self._binary(operator, given, place, depth)
        if not self._enough(operator, given, 1, place):
            return "None"
        inner = self.value(given[0], f"{place}[1]", depth)
        if operator in _UNARY:
            return f"(not empty({inner}))" if _UNARY[operator] else f"empty({inner})"
        return f"{self.constant(_FUNCTIONS[operator])}({inner})"

    def _enough(self, operator: str, given: Sequence[Any], wanted: int, place: str) -> bool:
        if len(given) == wanted:
            return True
        self.problems.add(place, f"{operator} takes {wanted} and not {len(given)}.")
        return False

    def _logic(self, operator: str, given: Sequence[Any], place: str, depth: int) -> str:
        parts = [self.truth(rule, f"{place}[{number}]", depth) for number, rule in enumerate(given, 1)]
        if operator == "not":
            return f"(not {parts[0]})" if self._enough(operator, given, 1, place) else "None"
        if not parts:
            return "True" if operator == "and" else "False"
        return "(" + f" {operator} ".join(parts) + ")"

    def _access(self, operator: str, given: Sequence[Any], place: str) -> str:
        if not self._enough(operator, given, 1, place):
            return "None"
        if not isinstance(given[0], str):
            self.problems.add(f"{place}[1]", "A path is a text.")
            return "None"
        try:
            read = compile_path(given[0]).get
        except ConfigError as error:
            self.problems.take(f"{place}[1]", error)
            return "None"
        if operator == "extract":
            return f"{self.constant(read)}(r)"
        return f"{self.constant(_settings(read))}(c)"

    def _binary(self, operator: str, given: Sequence[Any], place: str, depth: int) -> str:
        if operator == "anyof" and given:
            return self._any_of(given, place, depth)
        if not self._enough(operator, given, 2, place):
            return "None"
        left, right = (self.value(rule, f"{place}[{number}]", depth) for number, rule in enumerate(given, 1))
        if operator == "matches" and isinstance(given[1], str):
            return self._matches(left, given[1], place)
        if operator in {"equals", "notequals"} and all(_is_text(rule) for rule in given):
            return f"({left} {'!=' if operator == 'notequals' else '=='} {right})"
        function, turned = _BINARY[operator]
        source = f"{self.constant(function)}({left}, {right})"
        return f"(not {source})" if turned else source

    def _any_of(self, given: Sequence[Any], place: str, depth: int) -> str:
        """Its choices are a literal list, or the rest of the rule; only an access is not taken literally."""
        value = self.value(given[0], f"{place}[1]", depth)
        choices = given[1] if len(given) == 2 else list(given[1:])  # noqa: PLR2004 - a value and one more
        listed = self.value(choices, f"{place}[2]", depth) if _is_access(choices) else self.constant(choices)
        return f"{self.constant(compare.any_of)}({value}, {listed})"

    def _matches(self, value: str, pattern: str, place: str) -> str:
        try:
            return f"{self.constant(compare.matcher(pattern))}({value})"
        except ConfigError as error:
            self.problems.take(f"{place}[2]", error)
            return "None"


def _is_access(rule: Any) -> bool:
    pair = isinstance(rule, list | tuple) and len(rule) == 2  # noqa: PLR2004 - the access and its path
    return pair and all(isinstance(part, str) for part in rule) and rule[0] in _ACCESS


def _is_text(rule: Any) -> bool:
    """Whether it is known to give a text, whatever the record."""
    if isinstance(rule, list | tuple):
        return bool(rule) and isinstance(rule[0], str) and rule[0] in _TEXTS
    return isinstance(rule, str)


def _settings(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def settings(context: Any) -> Any:
        found = context.words.get("settings")
        return MISSING if found is None else read(found)

    return settings
