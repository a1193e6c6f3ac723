"""What a template is made of, once it is parsed."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in the template; both count from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"Line {self.line}, column {self.column}"


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number, true, false, null or undefined (`MISSING`). ``source`` is how it was written."""

    value: Any
    source: str
    place: Place


@dataclass(frozen=True, slots=True)
class Name:
    """What is read from the context: ``up`` frames up, then down by ``parts``.

    ``data`` for ``@index`` and its like; ``scoped`` if it said ``this`` or ``../``: then it is no helper.
    ``single`` is the path of a ``{name}``, None for all others.
    """

    parts: tuple[str, ...]
    place: Place
    up: int = 0
    data: bool = False
    scoped: bool = False
    single: str | None = None

    @property
    def simple(self) -> str | None:
        """The name, if it is one plain name that might be a helper's."""
        plain = len(self.parts) == 1 and not (self.up or self.data or self.scoped or self.single)
        return self.parts[0] if plain else None


@dataclass(frozen=True, slots=True)
class Call:
    """``head`` with its values: a helper if there are any, or a name."""

    head: "Name | Literal"
    values: tuple["Value", ...]
    named: tuple[tuple[str, "Value"], ...]
    place: Place


Value: TypeAlias = Literal | Name | Call


@dataclass(slots=True)
class Text:
    """Text that stands for itself. ``original`` is as written, before white space was taken off."""

    text: str
    original: str = ""

    def __post_init__(self) -> None:
        self.original = self.text


@dataclass(frozen=True, slots=True)
class Mustache:
    """``{{call}}``, or ``{{{call}}}`` if it is raw."""

    call: Call
    raw: bool


@dataclass(slots=True)
class Arm:
    """``{{#call}}body`` or ``{{else call}}body``; ``inverted`` for ``{{^call}}``."""

    call: Call
    body: "Program"
    params: tuple[str, ...] = ()
    inverted: bool = False


@dataclass(slots=True)
class Block:
    """A block with its ``{{else …}}`` arms, and what is done if no arm is taken."""

    arms: list[Arm]
    otherwise: "Program | None" = None


@dataclass(slots=True)
class Program:
    """Parts one after the other."""

    parts: list["Text | Mustache | Block"] = field(default_factory=list)
