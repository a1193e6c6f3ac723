"""Row filters: comparisons, of which all or any must be true.

They are immutable values with ``to_json`` and ``from_json``, inverse to each other. Logic is that of SQL: a
comparison with null is not true, an alternative is true as soon as one of its conditions is.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self, TypeAlias


class Operator(StrEnum):
    """Comparisons that a row filter may use."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"
    LIKE = "like"
    IS_NULL = "is null"
    NOT_NULL = "is not null"


@dataclass(frozen=True)
class Condition:
    """One comparison of a row filter. A record passes a filter if all its conditions are true.

    ``value`` is a JSON scalar, a list of them for ``in``, and None for the two null tests. Values of
    types that JSON lacks (dates, decimals) are written as text and compared in the column's own type.
    """

    column: str
    operator: Operator
    value: Any = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names."""
        return (self.column,)

    def to_json(self) -> dict[str, Any]:
        return {"column": self.column, "operator": str(self.operator), "value": self.value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(data["column"], Operator(data["operator"]), data.get("value"))


@dataclass(frozen=True)
class AnyOf:
    """A part of a row filter that is true if at least one of its conditions, one or more, is."""

    conditions: tuple[Condition, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names."""
        return tuple(item.column for item in self.conditions)

    def to_json(self) -> dict[str, Any]:
        return {"any": [condition.to_json() for condition in self.conditions]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(tuple(Condition.from_json(item) for item in data["any"]))


#: What a row filter is made of; all its parts must be true.
Clause: TypeAlias = Condition | AnyOf


def clause_from_json(data: Mapping[str, Any]) -> Clause:
    """What `Condition.to_json` or `AnyOf.to_json` wrote."""
    return AnyOf.from_json(data) if "any" in data else Condition.from_json(data)


def comparisons(where: Iterable[Clause]) -> Iterator[Condition]:
    """Every single comparison that the filter is made of."""
    for part in where:
        yield from part.conditions if isinstance(part, AnyOf) else (part,)
