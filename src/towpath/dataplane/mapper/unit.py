"""Writes Python functions, and makes them real."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from towpath.dataplane.mapper import running
from towpath.dataplane.paths import MISSING
from towpath.dataplane.values import is_empty

_GIVEN: Mapping[str, Any] = {
    "M": MISSING,
    "empty": is_empty,
    "fail": running.fail,
    "words": running.words,
    "composite": running.composite,
    "rows": running.rows,
    "level": running.level,
    "put": running.put,
    "filled": running.filled,
}


class Unit:
    """Functions that are compiled together, and the constants that they use."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = dict(_GIVEN)
        self._texts: dict[str, str] = {}
        self._source: list[str] = []
        self._fresh = 0

    def fresh(self, prefix: str) -> str:
        """A variable that no function of the unit has yet."""
        self._fresh += 1
        return f"{prefix}_{self._fresh}"

    def constant(self, value: Any) -> str:
        """The name that ``value`` has in the source."""
        if type(value) is str and value in self._texts:
            return self._texts[value]
        name = f"K{len(self._names)}"
        self._names[name] = value
        if type(value) is str:
            self._texts[value] = name
        return name

    def function(self, *parameters: str) -> "Body":
        """A new function; it is there once it is `Body.end`ed."""
        return Body(self, f"F{len(self._names)}", parameters)

    def add(self, name: str, source: list[str]) -> None:
        self._names[name] = None  # taken, so that no constant is called the same
        self._source += source

    def build(self, name: str) -> Any:
        """The function of that name, with all that it calls."""
        exec("\n".join(self._source), self._names)  # noqa: S102 - names and numbers only
        return self._names[name]


class Body:
    """The body of a function being written.

    What goes wrong in it is told with the field that was being made, and the value ``v`` that it had then.
    """

    def __init__(self, unit: Unit, name: str, parameters: tuple[str, ...]) -> None:
        self.unit = unit
        self.name = name
        self.parameters = parameters
        self.known: dict[tuple[str, str], str] = {}
        """Values that were read already: (variable, key) → variable."""
        self._lines: list[str] = []
        self._depth = 2
        self._fresh = 0
        self._places: list[tuple[str, str]] = []
        unit.add(name, [])

    def line(self, text: str) -> None:
        self._lines.append("    " * self._depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Lines below ``head``; what they read is not known to those that follow."""
        self.line(head)
        known, length = dict(self.known), len(self._lines)
        self._depth += 1
        yield
        if len(self._lines) == length:
            self.line("pass")
        self._depth -= 1
        self.known = known

    def fresh(self, prefix: str) -> str:
        self._fresh += 1
        return f"{prefix}{self._fresh}"

    def constant(self, value: Any) -> str:
        return self.unit.constant(value)

    def at(self, generate: str, extract: str) -> None:
        """From here on, what goes wrong belongs to this field."""
        self._places.append((generate, extract))
        self.line(f"f = {len(self._places) - 1}")

    def end(self, result: str) -> str:
        """Finish the function, which returns ``result``; its name."""
        places = self.constant(tuple(self._places) or (("", ""),))
        self.unit.add(
            self.name,
            [
                f"def {self.name}({', '.join(self.parameters)}):",
                "    f = 0",
                "    v = M",
                "    try:",
                *self._lines,
                f"        return {result}",
                "    except Exception as e:",
                f"        fail({places}, f, v, e)",
            ],
        )
        return self.name
