"""Filters as text: ``id > 1 and created_at <= "2025-05-27"``.

::

    any        = all ("or" all)*
    all        = one ("and" one)*
    one        = "(" any ")" | comparison
    comparison = name ("=" | "!=" | "<>" | ">" | ">=" | "<" | "<=" | "like") value
               | name "is" ["not"] "null" | name "in" "(" [value ("," value)*] ")"

Names and values stand plain or in quotes, where a quote is doubled; a plain ``null`` means null.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from towpath.api.console.streams.filterwords import Word, quoted, words_of
from towpath.core.filters import Operator
from towpath.core.flows import AnyFilter, Filter

#: One of these conditions must hold.
Choice = tuple[Filter, ...]

_SIGNS = {
    "=": Operator.EQ,
    "!=": Operator.NE,
    "<>": Operator.NE,
    ">": Operator.GT,
    ">=": Operator.GE,
    "<": Operator.LT,
    "<=": Operator.LE,
}
_DEEPEST = 32
#: How many choices a filter may become; brackets within brackets multiply them.
_MOST = 200
_LONGEST = 20_000


@dataclass(frozen=True)
class Plain:
    """A value that stood without quotes: what it is depends on the column's type."""

    text: str


class FilterTextError(ValueError):
    """The text is no filter; ``at`` is the place of the first character that does not fit, from 1."""

    def __init__(self, expected: str, at: int) -> None:
        super().__init__(f"expected {expected} at character {at}")


def parse(text: str) -> list[Choice]:
    """All of the choices must hold. Values are texts where they were quoted, and else `Plain`.

    ``a and b or c`` is taken as SQL takes it, and told as ``(a or c) and (b or c)``.
    Raises `FilterTextError`.
    """
    if len(text) > _LONGEST:
        raise FilterTextError("a shorter filter", _LONGEST + 1)
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._words = list(words_of(text))
        self._next = 0
        self._depth = 0

    def parse(self) -> list[Choice]:
        found = self._any()
        if self._word.kind != "end":
            raise FilterTextError("'and', 'or' or the end", self._word.at)
        return found

    @property
    def _word(self) -> Word:
        return self._words[self._next]

    def _take(self) -> Word:
        word = self._word
        self._next += word.kind != "end"
        return word

    def _took(self, *words: str) -> bool:
        fits = self._word.says(*words)
        self._next += fits
        return fits

    def _expect(self, *words: str) -> None:
        if not self._took(*words):
            raise FilterTextError(" or ".join(repr(word) for word in words), self._word.at)

    def _any(self) -> list[Choice]:
        found = self._all()
        while self._word.says("or"):
            at = self._take().at
            other = self._all()
            if len(found) * len(other) > _MOST:
                raise FilterTextError("a simpler filter", at)
            # (a and b) or c  =  (a or c) and (b or c), with nulls too.
            found = [_merged(one, two) for one in found for two in other]
        return found

    def _all(self) -> list[Choice]:
        found = self._one()
        while self._took("and"):
            found = found + self._one()
        return found

    def _one(self) -> list[Choice]:
        if not self._took("("):
            return [(self._comparison(),)]
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FilterTextError("fewer brackets", self._word.at)
        found = self._any()
        self._expect(")")
        self._depth -= 1
        return found

    def _comparison(self) -> Filter:
        name = self._take()
        if name.kind not in ("plain", "quoted") or name.says("and", "or"):
            raise FilterTextError("the name of a column", name.at)
        sign = self._take()
        if sign.kind == "sign":
            return self._compared(name.text, _SIGNS[sign.text], sign.at)
        if sign.says("like"):
            return Filter(column=name.text, op=Operator.LIKE, value=self._value())
        if sign.says("in"):
            return Filter(column=name.text, op=Operator.IN, value=self._values())
        if sign.says("is"):
            return self._null_test(name.text)
        raise FilterTextError("one of = != > >= < <=", sign.at)

    def _compared(self, column: str, operator: Operator, at: int) -> Filter:
        value = self._value()
        if value != Plain("null"):
            return Filter(column=column, op=operator, value=value)
        return null_test(column, operator, at)

    def _null_test(self, column: str) -> Filter:
        not_null = self._took("not")
        self._expect("null")
        return Filter(column=column, op=Operator.NOT_NULL if not_null else Operator.IS_NULL)

    def _values(self) -> list[Any]:
        self._expect("(")
        found: list[Any] = []
        if self._took(")"):
            return found
        found.append(self._value())
        while self._took(","):
            found.append(self._value())
        self._expect(")")
        return found

    def _value(self) -> Any:
        word = self._take()
        if word.kind == "quoted":
            return word.text
        if word.kind == "plain" and not word.says("and", "or"):
            return Plain("null" if word.says("null") else word.text)
        raise FilterTextError("a value", word.at)


def null_test(column: str, operator: Operator, at: int = 1) -> Filter:
    """What ``column operator null`` means. Raises `FilterTextError` unless it asks for equality."""
    if operator is Operator.EQ:
        return Filter(column=column, op=Operator.IS_NULL)
    if operator is Operator.NE:
        return Filter(column=column, op=Operator.NOT_NULL)
    raise FilterTextError("= or != before null", at)


def _merged(one: Choice, two: Choice) -> Choice:
    return (*one, *(item for item in two if item not in one))


def text_of(where: Sequence[Filter | AnyFilter]) -> str:
    """The filter as text; `parse` of it gives the same."""
    return " and ".join(_choice(part) for part in where)


def _choice(part: Filter | AnyFilter) -> str:
    if isinstance(part, Filter):
        return _comparison(part)
    return f"({' or '.join(_comparison(one) for one in part.any)})"


def _comparison(item: Filter) -> str:
    column = quoted(item.column)
    if item.op in (Operator.IS_NULL, Operator.NOT_NULL):
        return f"{column} {item.op}"
    if item.op is Operator.IN:
        return f"{column} in ({', '.join(_value(value) for value in item.value)})"
    return f"{column} {item.op} {_value(item.value)}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else quoted(str(value))
