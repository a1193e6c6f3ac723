"""Tree → Python functions.

Source is generated, since it runs several times faster than walking a tree per record. It holds numbered
names only: every text of the template is a constant that is handed to it.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from towpath.core.errors import ConfigError
from towpath.dataplane.paths import MISSING, compile_path
from towpath.dataplane.templates import runtime
from towpath.dataplane.templates.checks import BLOCKS, check_block, check_helper, find_helper, find_predicate
from towpath.dataplane.templates.escapes import Escape
from towpath.dataplane.templates.failures import HelperError, failed, invalid, too_large
from towpath.dataplane.templates.helpers import HELPERS, Helper
from towpath.dataplane.templates.helpers.base import LARGEST
from towpath.dataplane.templates.tree import (
    Arm,
    Block,
    Call,
    Literal,
    Mustache,
    Name,
    Program,
    Text,
    Value,
)
from towpath.dataplane.templates.values import text

#: Blocks that are not helpers of values: they render their body themselves.
LOOPS: Final = {"each": runtime.each, "with": runtime.with_}
_DATA: Final = {"index", "key", "first", "last"}
#: Expressions after which the size of what was made so far is checked.
_STRIDE: Final = 8

_ALWAYS: Final[dict[str, Any]] = {
    "M": MISSING,
    "T": text,
    "READ": runtime.read,
    "OUTER": runtime.outer,
    "DATA": runtime.data,
    "WITH": runtime.with_,
    "EACH": runtime.each,
    "SECTION": runtime.section,
    "FILTER": runtime.filter_,
    "NOTHING": runtime.nothing,
    "FILLED": runtime.is_filled,
    "LOST": (KeyError, TypeError, IndexError),
    "ERRORS": (HelperError, ConfigError, ArithmeticError),
    "FAILED": failed,
    "TOO_LARGE": too_large,
    "LARGEST": LARGEST,
}


@dataclass(frozen=True)
class Compiled:
    """``body`` renders; ``names`` are the paths from the root that it reads."""

    body: runtime.Body
    names: frozenset[str]


@dataclass(frozen=True)
class _Scope:
    """Where code is compiled: how many frames below the root, and the names that ``as |a b|`` gave."""

    depth: int = 0
    params: tuple[tuple[str, int, str], ...] = ()

    def enter(self, params: tuple[str, ...], attributes: tuple[str, ...]) -> "_Scope":
        """One frame down; the newest names come first."""
        depth = self.depth + 1
        named = tuple((name, depth, kind) for name, kind in zip(params, attributes, strict=False))
        return _Scope(depth, named + self.params)


@dataclass
class Compiler:
    """One use: ``Compiler(escape).compile(program)``."""

    escape: Escape
    _given: dict[str, Any] = field(default_factory=lambda: dict(_ALWAYS))
    _source: list[str] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)
    _count: int = 0

    def compile(self, program: Program) -> Compiled:
        body = self.body(program, _Scope())
        self._given["E"] = self.escape.function
        source = "\n".join(self._source)
        exec(compile(source, "<template>", "exec"), self._given)  # noqa: S102 - generated from numbers alone
        return Compiled(self._given[body], frozenset(self._names))

    def new(self, prefix: str, value: Any = None) -> str:
        """A fresh name; with ``value`` it is that constant."""
        self._count += 1
        name = f"{prefix}{self._count}"
        if value is not None:
            self._given[name] = value
        return name

    def define(self, lines: list[str]) -> str:
        """A function of these lines: the name of a body."""
        name = self.new("b")
        self._source.append(f"def {name}(r, f, c):\n" + "\n".join(f"    {line}" for line in lines))
        return name

    def body(self, program: Program | None, scope: _Scope) -> str:
        """The name of the function that renders ``program``."""
        if program is None or not program.parts:
            return "NOTHING"
        return self.define(_BodyWriter(self, scope).write(program))

    def read(self, path: str) -> None:
        """Notes that ``path`` of the root is read."""
        self._names.add(path)


@dataclass
class _BodyWriter:
    """Writes the lines of one function."""

    compiler: Compiler
    scope: _Scope
    lines: list[str] = field(default_factory=list)

    def write(self, program: Program) -> list[str]:
        parts: list[str] = []
        unchecked: list[str] = []
        for part in program.parts:
            if isinstance(part, Text):
                if part.text:
                    parts.append(self.compiler.new("k", part.text))
                continue
            made = self._mustache(part) if isinstance(part, Mustache) else self.block(part)
            parts.append(made)
            unchecked.append(made)
            if len(unchecked) >= _STRIDE:
                self._check(unchecked, first=len(parts) < 2 * _STRIDE)
                unchecked = []
        if not parts:
            return [*self.lines, "return ''"]
        joined = parts[0] if len(parts) == 1 else f"''.join(({', '.join(parts)}))"
        return [*self.lines, f"return {joined}"]

    def _check(self, made: list[str], *, first: bool) -> None:
        """Stops before very many large values are put together."""
        total = " + ".join(f"len({name})" for name in made)
        self.lines += [
            f"n = {total}" if not any(line.startswith("n = ") for line in self.lines) else f"n += {total}",
            "if n > LARGEST: raise TOO_LARGE('makes a text that is too large')",
        ]

    def _mustache(self, mustache: Mustache) -> str:
        call = mustache.call
        value = self._call(call, bare=True)
        made = self.compiler.new("t")
        if mustache.raw or self.compiler.escape is Escape.NONE:
            self.lines.append(f"{made} = {value} if {value}.__class__ is str else T({value})")
        else:
            self.lines.append(f"{made} = E({value})")
        return made

    def _call(self, call: Call, *, bare: bool = False) -> str:
        """The variable with the value of a call; ``bare``: without values it may be a name as well."""
        head = call.head
        name = head.source if isinstance(head, Literal) else head.simple
        if bare and not call.values and not call.named:
            helper = HELPERS.get(name) if name is not None and isinstance(head, Name) else None
            if helper is None or helper.least > 0 or self._param(name) is not None:
                return self._name(_as_name(head))
        return self._helper(find_helper(call, name), call)

    def _helper(self, helper: Helper, call: Call) -> str:
        check_helper(helper, call)
        given = ["r"] * helper.run + ["c"] * helper.here
        given += [
            self._value(_as_text(value) if position in helper.paths else value)
            for position, value in enumerate(call.values)
        ]
        given += [f"{name}={self._value(value)}" for name, value in call.named]
        made = self.compiler.new("v")
        function = self.compiler.new("h", helper.function)
        at = f"{self.compiler.new('k', helper.name)}, {call.place.line}, {call.place.column}"
        self.lines += [
            f"try: {made} = {function}({', '.join(given)})",
            f"except ERRORS as e: raise FAILED(e, {at}) from e",
        ]
        return made

    def _value(self, value: Value) -> str:
        if isinstance(value, Literal):
            return self.compiler.new("k", value.value) if value.value is not None else "None"
        return self._call(value) if isinstance(value, Call) else self._name(value)

    def _param(self, name: str | None) -> tuple[int, str] | None:
        """How many frames up a block parameter is, and the attribute that holds it."""
        for known, depth, kind in self.scope.params:
            if known == name:
                return self.scope.depth - depth, kind
        return None

    def _name(self, name: Name) -> str:
        made = self.compiler.new("v")
        if name.single is not None:
            self.compiler.read(name.single)
            self.lines.append(f"{made} = {self.compiler.new('g', compile_path(name.single).get)}(c)")
            return made
        if name.data:
            return self._data(name, made)
        param = None if name.scoped or not name.parts else self._param(name.parts[0])
        if param is not None:
            self._down(made, f"DATA(f, {param[0]}, {param[1]!r})", name.parts[1:])
            return made
        if name.up == self.scope.depth and name.parts:
            self.compiler.read(".".join(name.parts))
        if name.up:
            self.lines.append(f"{made} = OUTER(f, {name.up}, {self._parts(name.parts)})")
        elif len(name.parts) == 1:
            part, parts = self.compiler.new("k", name.parts[0]), self._parts(name.parts)
            self.lines.append(f"{made} = c.get({part}, M) if c.__class__ is dict else READ(c, {parts})")
        else:
            self._down(made, "c", name.parts)
        return made

    def _down(self, made: str, start: str, parts: tuple[str, ...]) -> None:
        """``start[a][b]``, and step by step if that does not work."""
        if not parts:
            self.lines.append(f"{made} = {start}")
            return
        steps = "".join(f"[{self.compiler.new('k', _step(part))}]" for part in parts)
        self.lines += [
            f"try: {made} = {start}{steps}",
            f"except LOST: {made} = READ({start}, {self._parts(parts)})",
        ]

    def _data(self, name: Name, made: str) -> str:
        first = name.parts[0] if name.parts else ""
        if first == "root":
            if len(name.parts) > 1:
                self.compiler.read(".".join(name.parts[1:]))
            self._down(made, "r.root", name.parts[1:])
            return made
        if first not in _DATA:
            raise invalid(
                name.place, f"there is no @{first}", "There are @root, @index, @key, @first and @last."
            )
        self._down(made, f"DATA(f, {name.up}, {first!r})", name.parts[1:])
        return made

    def _parts(self, parts: tuple[str, ...]) -> str:
        return self.compiler.new("k", parts) if parts else "()"

    def block(self, block: Block) -> str:
        """A block is a function of its own: the arms, one after the other, until one is taken."""
        writer = _BodyWriter(self.compiler, self.scope)
        otherwise = self.compiler.body(block.otherwise, self.scope)
        for number, arm in enumerate(block.arms):
            rest = block.arms[number + 1 :]
            if _looping(arm.call):
                # What comes after a loop is its else.
                if rest:
                    inner = _BodyWriter(self.compiler, self.scope)
                    made = inner.block(Block(rest, block.otherwise))
                    otherwise = self.compiler.define([*inner.lines, f"return {made}"])
                writer.loop(arm, otherwise)
                break
            writer.arm(arm)
        else:
            writer.lines.append(f"return {otherwise}(r, f, c)")
        made = self.compiler.new("t")
        self.lines.append(f"{made} = {self.compiler.define(writer.lines)}(r, f, c)")
        return made

    def arm(self, arm: Arm) -> None:
        """An arm with a condition."""
        if arm.params:
            raise invalid(
                arm.call.place, "this block gives no names", "Only each, with and filter take as |name|."
            )
        name = arm.call.head.simple if isinstance(arm.call.head, Name) else None
        if name in {"if", "unless"}:
            condition = self._condition(arm.call)
        else:
            condition = self._helper(find_predicate(arm.call, name), arm.call)
        wanted = (name == "unless") == arm.inverted
        body = self.compiler.body(arm.body, self.scope)
        self.lines.append(f"if {'' if wanted else 'not '}{condition}: return {body}(r, f, c)")

    def _condition(self, call: Call) -> str:
        check_block(call, 1, 1, frozenset({"includeZero"}))
        value = self._value(call.values[0])
        zero = f", {self._value(call.named[0][1])}" if call.named else ""
        made = self.compiler.new("v")
        self.lines.append(f"{made} = FILLED({value}{zero})")
        return made

    def loop(self, arm: Arm, otherwise: str) -> None:
        """An arm that renders its body with another context."""
        call = arm.call
        head = _as_name(call.head)
        attributes = ("context",) if head.simple == "with" else ("context", "key")
        inside = self.compiler.body(arm.body, self.scope.enter(arm.params, attributes))
        if arm.inverted:
            inside, otherwise = otherwise, self.compiler.body(arm.body, self.scope)
        if head.simple in LOOPS and call.values:
            check_block(call, 1, 1, frozenset())
            made = f"{head.simple.upper()}(r, f, {self._value(call.values[0])}, {inside}, {otherwise})"
        elif head.simple == "filter" and call.values:
            made = f"FILTER(r, f, ({self._filtered(call)}), {inside}, {otherwise})"
        else:
            made = f"SECTION(r, f, {self._name(head)}, {inside}, {otherwise})"
        self.lines.append(f"return {made}")

    def _filtered(self, call: Call) -> str:
        check_block(call, 2, 3, frozenset({"property", "prop"}))
        values = [self._value(value) for value in call.values]
        named = [self._value(value) for _, value in call.named]
        return ", ".join((values + named + ["None"])[:3])


def _looping(call: Call) -> bool:
    """Whether a block changes the context: a loop, or a section of a field."""
    if call.values or call.named:
        return isinstance(call.head, Name) and call.head.simple in {"each", "with", "filter"}
    name = call.head.simple if isinstance(call.head, Name) else None
    if name in BLOCKS or (name in HELPERS and HELPERS[name].predicate):
        raise invalid(call.place, f"{name} needs a value", f"Write {{{{#{name} value}}}}.")
    return True


def _as_name(head: Name | Literal) -> Name:
    """A literal in place of a name is a name: ``{{12}}``, ``{{"first name"}}``."""
    return Name((head.source,), head.place) if isinstance(head, Literal) else head


def _as_text(value: Value) -> Value:
    """A bare name as the text of its path."""
    if not isinstance(value, Name) or value.up or value.data:
        return value
    return Literal(".".join(value.parts), ".".join(value.parts), value.place)


def _step(part: str) -> str | int:
    return int(part) if part.isdecimal() and len(part) <= 9 else part  # noqa: PLR2004 - no list is longer
