"""Lists of a Mapper 2.0 document: what their entries give, one after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.dataplane.context import Context
from towpath.dataplane.lookups import Find, Lookup
from towpath.dataplane.mapper.leaf import Leaf
from towpath.dataplane.mapper.objects import GATES, Node
from towpath.dataplane.mapper.scope import Scope
from towpath.dataplane.mapper.unit import Body
from towpath.dataplane.paths import ALL, MISSING, Path, Step
from towpath.dataplane.values import CASTS, Refused, as_object, is_empty, shown


@dataclass(frozen=True)
class Elements:
    """Takes the elements of what was read into a list."""

    kind: str
    """The type of the list: ``stringarray``, ``objectarray`` …"""
    default: Any = MISSING
    skip_empty: bool = False
    find: Find | None = None
    change: Callable[[Any], Any] | None = None

    def take(self, value: Any, out: list[Any], record: Any, context: Context) -> None:
        """Append what ``value`` gives: its elements if it is a list, else itself."""
        whole = self.kind == "arrayarray"
        for element in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(element, (list, tuple)) and not whole:
                self.take(element, out, record, context)
            else:
                self._one(element, out, record, context)

    def _one(self, element: Any, out: list[Any], record: Any, context: Context) -> None:
        if is_empty(element):
            if self.default is not MISSING:
                out.append(self.default)
                return
            if element is MISSING or self.skip_empty:
                return
        if self.find is not None:
            element = self.find(element, record, context)
        if self.change is not None and not is_empty(element):
            element = self.change(element)
        out.append(None if element is None else _OF[self.kind](element))


def _list(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return value
    raise Refused("mapping.bad_value", f"{shown(value)} is not a list.", "Extract a list of lists.")


_OF: dict[str, Callable[[Any], Any]] = {
    "stringarray": CASTS["string"],
    "numberarray": CASTS["number"],
    "booleanarray": CASTS["boolean"],
    "objectarray": as_object,
    "arrayarray": _list,
}


@dataclass(frozen=True)
class Entry:
    """One entry of a list's ``buildArrayHelper``."""

    generate: str
    source: Leaf | Path | None
    """Where its elements come from; None: there is one, made by ``made``."""
    made: tuple[Node, ...] = ()
    """What is made of every element: one object, or the inner lists. Nothing: it is taken as it is."""
    elements: Elements = Elements("objectarray")
    lookup: Lookup | None = None
    """The one behind ``elements.find``."""

    @property
    def lookups(self) -> Sequence[Lookup]:
        own = () if self.lookup is None else (self.lookup,)
        asked = self.source.lookups if isinstance(self.source, Leaf) else ()
        return [*own, *asked, *(lookup for node in self.made for lookup in node.lookups)]

    def write(self, body: Body, scope: Scope, array: str, found: str) -> None:
        """Lines that append to ``array``, and set ``found`` if there was anything to read."""
        if self.made:
            name = self._function(body, scope)
            body.line(f"if {name}({', '.join((*scope.parameters, array))}): {found} = True")
            return
        if isinstance(self.source, Leaf):
            self.source.write(body, scope)
        else:
            body.line(f"v = {self._values(body, scope)}")
        body.at(self.generate, _text(self.source))
        with body.block("if v is not M:"):
            body.line(f"{found} = True")
            body.line(f"{body.constant(self.elements.take)}(v, {array}, r, c)")

    def _values(self, body: Body, scope: Scope) -> str:
        """An expression for the values at the path; those that are missing in an element keep their place."""
        if not isinstance(self.source, Path):
            return "M"
        start, _, rest = scope.start(body, self.source)
        if ALL not in rest:
            return scope.read(body, self.source)
        at = rest.index(ALL)
        base = scope.down(body, start, rest[:at], self.source)
        return f"{body.constant(spread(rest[at:]))}({base})"

    def _function(self, outer: Body, scope: Scope) -> str:
        """A function that appends what is made of each element to its last parameter."""
        body = outer.unit.function(*scope.parameters, "a")
        body.line("q = False")
        if isinstance(self.source, Path):
            start, names, rest = scope.start(body, self.source)
            self._walk(body, scope, self.source, start, names, rest)
        else:
            body.line("q = True")
            self._make(body, scope)
        return body.end("q")

    def _walk(
        self,
        body: Body,
        scope: Scope,
        path: Path,
        start: str,
        names: tuple[str, ...],
        rest: Sequence[Step],
    ) -> None:
        """Loops over the lists on the way, from ``start`` on, which ``names`` lead to."""
        ends = next((at for at, step in enumerate(rest) if not isinstance(step, str)), len(rest))
        value = scope.down(body, start, rest[:ends], path)
        names = (*names, *(step for step in rest[:ends] if isinstance(step, str)))
        bound, after = body.unit.fresh("b"), rest[ends + 1 :]
        inside = scope.bind(names, bound)
        if ends < len(rest) and rest[ends] is not ALL:
            body.line(f"{bound} = {body.constant(Path('$', (rest[ends],)).get)}({value})")
            self._walk(body, inside, path, bound, names, after)
            return
        source = body.fresh("s")
        body.line(f"{source} = {value}")
        body.line(f"if {source} is not M and {source} is not None: q = True")
        with body.block(f"for {bound} in rows({source}):"):
            if after:
                self._walk(body, inside, path, bound, names, after)
            else:
                self._element(body, inside, bound)

    def _element(self, body: Body, scope: Scope, bound: str) -> None:
        if self.elements.skip_empty:
            body.line(f"if empty({bound}): continue")
        self._make(body, scope)

    def _make(self, body: Body, scope: Scope) -> None:
        for node in self.made:
            node.write(body, scope)
            body.line("if v is not M: a.append(v)")


@dataclass(frozen=True)
class Array:
    """A list that is generated: its entries' elements, one after the other."""

    entries: tuple[Entry, ...]
    when: str | None = None
    default: Any = MISSING
    first: bool = False
    """Whether only the first element is wanted, and no list."""

    @property
    def lookups(self) -> Sequence[Lookup]:
        return [lookup for entry in self.entries for lookup in entry.lookups]

    def write(self, body: Body, scope: Scope) -> None:
        if self.when not in GATES:
            self._entries(body, scope)
            return
        with body.block(f"if {GATES[self.when]}:"):
            self._entries(body, scope)
        with body.block("else:"):
            body.line("v = M")

    def _entries(self, body: Body, scope: Scope) -> None:
        array, found = body.fresh("a"), body.fresh("q")
        body.line(f"{array} = []")
        body.line(f"{found} = False")
        for entry in self.entries:
            entry.write(body, scope, array, found)
        if self.first:
            body.line(f"v = {array}[0] if {array} else M")
        elif self.when == "extract_not_empty":
            body.line(f"v = {array} if filled({array}) else M")
        elif self.default is not MISSING:
            body.line(f"v = {array} or {body.constant(self.default)}")
        else:
            body.line(f"v = {array} if {array} or {found} else M")


def spread(steps: Sequence[Step]) -> Callable[[Any], Any]:
    """Reads all values of a path that begins with ``[*]``, `MISSING` for the elements that have none."""
    inner = tuple(steps[1:])
    at = inner.index(ALL) if ALL in inner else None
    get = Path("$", inner if at is None else inner[:at]).get
    deeper = None if at is None else spread(inner[at:])

    def read(value: Any) -> Any:
        if value is None or value is MISSING:
            return MISSING
        found = [get(element) for element in (value if isinstance(value, (list, tuple)) else (value,))]
        if deeper is None:
            return found
        lists = [deeper(each) for each in found]
        return [each for inner in lists if inner is not MISSING for each in inner]

    return read


def _text(source: Leaf | Path | None) -> str:
    if source is None:
        return ""
    return source.text if isinstance(source, Path) else source.extract
