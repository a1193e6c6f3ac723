"""Paths into records: where a value is read from, and where it is written to.

The dialects of the mapping language are one language here. ``a.b.c``, ``a.0.b`` and ``a[0].b`` go down by
name and position, ``['x y']`` and ``[Field With Spaces]`` name what would not be a plain name, ``[*]`` and
``*`` take every element, ``$`` is the record itself (``$.a.b[*].c``), and a path that begins with ``/`` uses
slashes for dots. A key that is literally spelt like the whole path wins.

>>> order = {"id": 7, "lines": [{"sku": "A"}, {"sku": "B"}], "ship to": {"city": "Leeds"}, "a.b": "literal"}
>>> [get_path(text, order) for text in ("lines.0.sku", "lines[*].sku", "$['ship to'].city", "a.b")]
['A', ['A', 'B'], 'Leeds', 'literal']
>>> get_path("lines[5].sku", order)
MISSING
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from towpath.core.errors import ConfigError, DataError

__all__ = ["ALL", "MISSING", "Missing", "Path", "compile_path", "get_path", "set_path"]


class Missing(Enum):
    """The type of `MISSING`."""

    MISSING = "missing"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "MISSING"


#: What is read where nothing is. It is falsy, and other than None: a null is a value.
MISSING: Final = Missing.MISSING


class Every(Enum):
    """The type of `ALL`."""

    ALL = "*"

    def __repr__(self) -> str:
        return "ALL"


#: The step that takes every element of a list.
ALL: Final = Every.ALL

#: One step down: a name, a position (written in brackets, or digits that may be a name as well), or `ALL`.
Step: TypeAlias = str | int | Every

#: Positions to write at; a path cannot make a list longer than this.
MOST_ELEMENTS: Final = 10_000
#: Characters of a path that a message shows.
_SHOWN: Final = 80

_TOKEN = re.compile(
    r"""
      \.?\[\s*(?:\*|(?P<index>-?\d{1,9})|'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)"
             |(?P<bare>(?!['\"?(]|-?\d*:)[^\]\[]+?))\s*\]
    | (?:^|\.)(?P<name>[^.\[]+)
    """,
    re.VERBOSE | re.DOTALL,
)


class Path:
    """A compiled path. Immutable; make it with `compile_path`.

    ``steps`` are names (str), positions in brackets (int) and `ALL`. ``get(record)`` is the value, or
    `MISSING`; with `ALL` in it a list of all values in order, without those that are missing, or `MISSING` if
    there is no list. One object where a list is awaited counts as a list of one.
    """

    __slots__ = ("get", "steps", "text")

    def __init__(self, text: str, steps: tuple[Step, ...]) -> None:
        self.text = text
        self.steps = steps
        self.get: Callable[[Any], Any] = _reader(text, steps)

    @property
    def takes_all(self) -> bool:
        """Whether it gives a list of several values: it has `ALL` in it."""
        return ALL in self.steps

    def split(self) -> tuple["Path", "Path"]:
        """The path of the first list and the path inside of its elements.

        >>> compile_path("order.lines[*].item.sku").split()
        (Path('order.lines'), Path('item.sku'))
        """
        at = self.steps.index(ALL)
        return _of_steps(self.steps[:at]), _of_steps(self.steps[at + 1 :])

    def set(self, record: Any, value: Any) -> None:
        """Writes ``value`` into ``record``, with the objects and lists that are not there yet.

        Raises DataError ``path.occupied`` if there is a value in the way that has nothing inside.
        """
        _write(self, record, value)

    def __repr__(self) -> str:
        return f"Path({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Path) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


@lru_cache(maxsize=4096)
def compile_path(text: str) -> Path:
    """The path that ``text`` spells. Raises ConfigError ``path.invalid``."""
    if not text.strip():
        raise ConfigError(
            "path.invalid", "The path is empty.", hint="Name a field, or $ for the whole record."
        )
    return Path(text, _steps(text))


def get_path(text: str, record: Any) -> Any:
    """The value that ``text`` names in ``record``, or `MISSING`."""
    return compile_path(text).get(record)


def set_path(record: Any, text: str, value: Any) -> None:
    """Writes into ``record``; see `Path.set`.

    >>> made = {}
    >>> set_path(made, "address.city", "Leeds"); set_path(made, "lines[1].sku", "B"); made
    {'address': {'city': 'Leeds'}, 'lines': [None, {'sku': 'B'}]}
    """
    compile_path(text).set(record, value)


def _steps(text: str) -> tuple[Step, ...]:
    rest = text[1:] if text == "$" or text.startswith(("$.", "$[")) else text
    rest = rest.removeprefix(".") if rest is not text else rest
    if rest.startswith("/"):
        return tuple(name for name in rest.split("/") if name)
    found: list[Step] = []
    at = 0
    while at < len(rest):
        token = None if rest.startswith(".") else _TOKEN.match(rest, at)
        if token is None:
            raise ConfigError(
                "path.invalid",
                f"The path {_shown(text)} is not understood at character {len(text) - len(rest) + at + 1}.",
                hint="Write a.b.c, a[0].b, a[*].b or ['a name']; filters, slices and .. are not known.",
            )
        found.append(_step(token))
        at = token.end()
    return tuple(found)


def _step(token: "re.Match[str]") -> Step:
    if token["index"] is not None:
        return int(token["index"])
    for kind in ("single", "double"):
        if token[kind] is not None:
            return re.sub(r"\\(.)", r"\1", token[kind], flags=re.DOTALL)
    name = token["name"] if token["name"] is not None else token["bare"]
    return ALL if name is None or name == "*" else name


def _of_steps(steps: tuple[Step, ...]) -> Path:
    return Path(_spelt(steps), steps)


def _spelt(steps: tuple[Step, ...]) -> str:
    text = ""
    for step in steps:
        if step is ALL:
            text += "[*]"
        elif isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[^.\[\]'\"\\\s$*/]+", step):
            text += f".{step}"
        else:
            escaped = step.replace("\\", "\\\\").replace("'", "\\'")
            text += f"['{escaped}']"
    return text.removeprefix(".") or "$"


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def _reader(text: str, steps: tuple[Step, ...]) -> Callable[[Any], Any]:
    """The quickest function that reads this path."""
    names = [step for step in steps if isinstance(step, str) and not step.isdigit()]
    literal = text if "." in text or "[" in text or "/" in text else None
    if not steps:
        return lambda record: record
    if names == list(steps):
        return _by_name(names, literal)

    def read(record: Any) -> Any:
        if literal is not None and isinstance(record, Mapping) and literal in record:
            return record[literal]
        return _walk(record, steps)

    return read


def _by_name(names: list[str], literal: str | None) -> Callable[[Any], Any]:
    """A reader for names alone. Its source holds no text of the path: names are constants given to it."""
    keys = [f"k{number}" for number in range(len(names))]
    down = "".join(f"[{key}]" for key in keys)
    if len(names) == 1 and literal is None:
        body = "    if record.__class__ is dict: return record.get(k0, missing)"
    else:
        check = "        if literal in record: return record[literal]\n" if literal is not None else ""
        body = f"    try:\n{check}        return record{down}\n    except lost: pass"
    source = f"def read(record):\n{body}\n    return walk(record, steps)\n"
    given: dict[str, Any] = {"literal": literal, "missing": MISSING, "walk": _walk, "steps": tuple(names)}
    given |= {"lost": (KeyError, TypeError, IndexError), **dict(zip(keys, names, strict=True))}
    exec(source, given)  # noqa: S102 - generated above from numbers alone
    reader: Callable[[Any], Any] = given["read"]
    return reader


def _walk(value: Any, steps: Sequence[Step]) -> Any:
    """Reads step by step: what every path means, however it is made fast."""
    for number, step in enumerate(steps):
        if isinstance(step, Every):
            return _every(value, steps[number + 1 :])
        value = _down(value, step)
        if value is MISSING:
            return MISSING
    return value


def _down(value: Any, step: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(step if isinstance(step, str) else str(step), MISSING)
    if not isinstance(value, (list, tuple)):
        return MISSING
    if isinstance(step, str):
        if step == "length":
            return len(value)
        if not step.isdecimal() or len(step) > 9:  # noqa: PLR2004 - nine digits: no list is longer
            return MISSING
        step = int(step)
    return value[step] if -len(value) <= step < len(value) else MISSING


def _every(value: Any, steps: Sequence[Step]) -> Any:
    if value is None or value is MISSING:
        return MISSING
    elements = value if isinstance(value, (list, tuple)) else [value]
    if not steps:
        return list(elements)
    found = [_walk(element, steps) for element in elements]
    if ALL in steps:
        return [inner for outer in found if outer is not MISSING for inner in outer]
    return [each for each in found if each is not MISSING]


def _write(path: Path, record: Any, value: Any) -> None:
    if not path.steps or path.takes_all:
        raise ConfigError(
            "path.invalid",
            f"The path {_shown(path.text)} names no single place to write to.",
            hint="Write to one field, such as address.city or lines[0].sku.",
        )
    at = record
    steps = [step for step in path.steps if not isinstance(step, Every)]
    for number, step in enumerate(steps[:-1]):
        inner = _down(at, step)
        if inner is MISSING or inner is None:
            inner = [] if isinstance(steps[number + 1], int) else {}
            _put(path, at, step, inner)
        at = inner
    _put(path, at, steps[-1], value)


def _put(path: Path, target: Any, step: str | int, value: Any) -> None:
    if isinstance(target, dict):
        target[str(step)] = value
        return
    position = int(step) if isinstance(step, int) or step.isdecimal() else -1
    if not isinstance(target, list) or not 0 <= position < MOST_ELEMENTS:
        raise DataError(
            "path.occupied",
            f"Nothing can be written at {_shown(path.text)}: there is a value in the way.",
            hint="Let no field be both a value and the parent of other fields.",
        )
    target.extend([None] * (position + 1 - len(target)))
    target[position] = value
