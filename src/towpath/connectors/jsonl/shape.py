"""Types of JSON members, inferred so that no value changes.

Numbers that a double holds exactly are floats, others decimals. What does not fit together (a number here,
text there; an object and a list) becomes a column of JSON, which holds each value as it stands.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa

_DIGITS = 38
_EXACT_IN_DOUBLE = 2**53


@dataclass
class Shape:
    """What one member has been in all records so far."""

    kinds: set[str] = field(default_factory=set)
    low: int = 0
    high: int = 0
    exact: bool = True
    """All numbers with a fraction are exact doubles."""
    whole: int = 1
    places: int = 0
    item: "Shape | None" = None
    members: "dict[str, Shape]" = field(default_factory=dict)

    def observe(self, value: Any) -> None:
        """Take in one more value, as `blocks.parse` gives it."""
        match value:
            case None:
                pass
            case bool():
                self.kinds.add("bool")
            case int():
                self._number("int", Decimal(value))
                self.low, self.high = min(self.low, value), max(self.high, value)
            case Decimal():
                self._number("float", value)
                self.exact = self.exact and Decimal(repr(float(value))) == value
            case str():
                self.kinds.add("text")
            case list():
                self.kinds.add("list")
                self.item = self.item or Shape()
                for one in value:
                    self.item.observe(one)
            case _:
                self.kinds.add("object")
                observe(self.members, value)

    def _number(self, kind: str, value: Decimal) -> None:
        self.kinds.add(kind)
        _, digits, exponent = value.as_tuple()
        places = max(-int(exponent), 0)
        self.whole = max(self.whole, len(digits) + int(exponent))
        self.places = max(self.places, places)

    def type(self) -> pa.DataType | None:
        """The type that holds all of it; None if only JSON does."""
        match sorted(self.kinds):
            case ["int"]:
                return self._integer()
            case ["float"] | ["float", "int"]:
                return self._fraction()
            case ["list"]:
                item = self.item.type() if self.item else None
                return None if item is None else pa.list_(item)
            case ["object"]:
                return self._struct()
            case [kind]:
                return {"bool": pa.bool_(), "text": pa.string()}[kind]
        return None

    def _integer(self) -> pa.DataType | None:
        if self.low >= -(2**63) and self.high < 2**63:
            return pa.int64()
        if self.low >= 0 and self.high < 2**64:
            return pa.uint64()
        return pa.decimal128(self.whole, 0) if self.whole <= _DIGITS else None

    def _fraction(self) -> pa.DataType | None:
        if self.exact and self.low >= -_EXACT_IN_DOUBLE and self.high <= _EXACT_IN_DOUBLE:
            return pa.float64()
        digits = self.whole + self.places
        return pa.decimal128(digits, self.places) if digits <= _DIGITS else None

    def _struct(self) -> pa.DataType | None:
        kinds = {name: shape.type() for name, shape in self.members.items()}
        return None if not kinds or None in kinds.values() else pa.struct(kinds.items())


def observe(shapes: dict[str, Shape], record: dict[str, Any]) -> None:
    """Take in one more record."""
    for name, value in record.items():
        shapes.setdefault(name, Shape()).observe(value)


def schema(shapes: dict[str, Shape]) -> pa.Schema:
    """One column per member, in the order of their first appearance."""
    return pa.schema([(name, shape.type() or pa.json_()) for name, shape in shapes.items()])


def fields(names: Iterable[str], whole: pa.Schema) -> pa.Schema:
    """The named fields of a schema."""
    return pa.schema([whole.field(name) for name in names])
