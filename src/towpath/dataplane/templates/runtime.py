"""What compiled templates call while they render."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from towpath.dataplane.paths import MISSING
from towpath.dataplane.templates.environment import Environment
from towpath.dataplane.templates.failures import too_large
from towpath.dataplane.templates.helpers.base import LARGEST
from towpath.dataplane.templates.values import filled, strict_equal, text, truthy

#: Elements that all loops of one rendering may go through.
MOST_ELEMENTS: Final = 100_000


class Run:
    """One rendering: what it began with, and how much it has done."""

    __slots__ = ("elements", "environment", "root", "size")

    def __init__(self, root: Any, environment: Environment) -> None:
        self.root = root
        self.environment = environment
        self.elements = 0
        self.size = 0

    def count(self, elements: int) -> None:
        """Refuses more than `MOST_ELEMENTS` in all."""
        self.elements += elements
        if self.elements > MOST_ELEMENTS:
            raise too_large(f"goes through more than {MOST_ELEMENTS} elements")


class Frame:
    """A context and what ``@index`` and its like mean in it. Loops change theirs at every turn."""

    __slots__ = ("context", "first", "index", "key", "last", "parent")

    def __init__(self, context: Any, parent: "Frame | None") -> None:
        self.context = context
        self.parent = parent
        self.index: Any = MISSING if parent is None else parent.index
        self.key: Any = MISSING if parent is None else parent.key
        self.first: Any = MISSING if parent is None else parent.first
        self.last: Any = MISSING if parent is None else parent.last


#: A compiled body: (run, frame, context) → text.
Body: TypeAlias = Callable[[Run, Frame, Any], str]


def read(value: Any, parts: Iterable[str]) -> Any:
    """Goes down by names; positions of lists and texts are digits, and both have a ``length``."""
    for part in parts:
        value = _down(value, part)
        if value is MISSING:
            return MISSING
    return value


def _down(value: Any, part: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(part, MISSING)
    if not isinstance(value, (list, tuple, str)):
        return MISSING
    if part == "length":
        return len(value)
    position = int(part) if part.isdecimal() and len(part) <= 9 else -1  # noqa: PLR2004 - no list is longer
    return value[position] if 0 <= position < len(value) else MISSING


def above(frame: Frame | None, up: int) -> Frame | None:
    """The frame ``up`` levels above; None above the root."""
    while up and frame is not None:
        frame, up = frame.parent, up - 1
    return frame


def outer(frame: Frame, up: int, parts: Iterable[str]) -> Any:
    """``../name``."""
    found = above(frame, up)
    return MISSING if found is None else read(found.context, parts)


def data(frame: Frame, up: int, name: str) -> Any:
    """``@index``, ``@../key`` …"""
    found = above(frame, up)
    return MISSING if found is None else getattr(found, name)


def each(run: Run, frame: Frame, value: Any, body: Body, otherwise: Body) -> str:
    """Renders ``body`` for each element of a list or object; ``otherwise`` if there is none."""
    if isinstance(value, Mapping):
        pairs: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, (list, tuple)):
        pairs = enumerate(value)
    else:
        return otherwise(run, frame, frame.context)
    if not value:
        return otherwise(run, frame, frame.context)
    run.count(len(value))
    inner, last, start = Frame(None, frame), len(value) - 1, run.size
    parts, made = [], 0
    for index, (key, element) in enumerate(pairs):
        inner.context, inner.index, inner.key = element, index, key
        inner.first, inner.last = index == 0, index == last
        part = body(run, inner, element)
        made += len(part)
        run.size = start + made
        if run.size > LARGEST:
            raise too_large(f"makes a text of more than {LARGEST >> 20} MB")
        parts.append(part)
    return "".join(parts)


def with_(run: Run, frame: Frame, value: Any, body: Body, otherwise: Body) -> str:
    """Renders ``body`` with ``value`` as its context, if there is something in it."""
    if not (filled(value) or (value == 0 and value is not False)):
        return otherwise(run, frame, frame.context)
    return body(run, Frame(value, frame), value)


def section(run: Run, frame: Frame, value: Any, body: Body, otherwise: Body) -> str:
    """``{{#name}}``: a loop over a list, a block with true, a change of context with anything else."""
    if value is True:
        return body(run, frame, frame.context)
    if value is None or value is MISSING or value is False:
        return otherwise(run, frame, frame.context)
    if isinstance(value, (list, tuple)):
        return each(run, frame, value, body, otherwise)
    return body(run, Frame(value, frame), value)


def filter_(run: Run, frame: Frame, values: tuple[Any, Any, Any], body: Body, otherwise: Body) -> str:
    """Renders ``body`` for the elements that equal a value, or whose property does."""
    array, wanted, path = values
    found = array if isinstance(array, (list, tuple)) else []
    parts = text(path).split(".") if truthy(path) else []
    return each(run, frame, [one for one in found if strict_equal(read(one, parts), wanted)], body, otherwise)


def nothing(run: Run, frame: Frame, context: Any) -> str:  # noqa: ARG001 - a body that writes nothing
    """The body of a block without else."""
    return ""


def is_filled(value: Any, include_zero: Any = False) -> bool:
    """The condition of ``#if``; 0 counts with ``includeZero=true``."""
    return filled(value) or (truthy(include_zero) and value == 0 and not isinstance(value, bool))
