"""Writes how values are read: from the record, or from the current element of a list."""

from collections.abc import Sequence
from dataclasses import dataclass

from towpath.dataplane.mapper.unit import Body
from towpath.dataplane.paths import ALL, Path, Step


@dataclass(frozen=True)
class Scope:
    """What a function can read from.

    Every function has the record ``r``, and ``d``, the object in it whose names are read: the record itself,
    or the first of its rows. ``bound`` are the lists of which only the current element is seen, from the
    outermost to the innermost: (the names that lead to it, its variable).
    """

    bound: tuple[tuple[tuple[str, ...], str], ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        return ("r", "d", "c", *(variable for _, variable in self.bound))

    def bind(self, names: tuple[str, ...], variable: str) -> "Scope":
        kept = tuple(each for each in self.bound if each[0] != names)
        return Scope((*kept, (names, variable)))

    def whole(self, body: Body) -> str:
        """The record as it is seen here, with single objects where lists are bound."""
        if not self.bound:
            return "r"
        pairs = "".join(f"({body.constant(names)}, {variable}), " for names, variable in self.bound)
        return f"composite(r, ({pairs}))"

    def read(self, body: Body, path: Path) -> str:
        """An expression for the value at the path; whatever it needs is written before."""
        start, _, rest = self.start(body, path)
        return self.down(body, start, rest, path)

    def start(self, body: Body, path: Path) -> tuple[str, tuple[str, ...], tuple[Step, ...]]:
        """Where reading begins: a variable (empty: the record), the names that lead to it, what remains."""
        names, variable = _leading(path.steps), ""
        best: tuple[str, ...] = ()
        for prefix, bound in self.bound:
            if names[: len(prefix)] == prefix and len(prefix) >= len(best):
                best, variable = prefix, bound
        if any(prefix[: len(names)] == names and len(prefix) > len(best) for prefix, _ in self.bound):
            return self.whole(body), (), path.steps
        return variable, best, _after(path.steps, best) if variable else path.steps

    def down(self, body: Body, start: str, rest: Sequence[Step], path: Path) -> str:
        """The same from what `start` gave, or a part of it."""
        if not rest:
            return start or "r"
        if not all(isinstance(step, str) for step in rest):
            root = start or ("d" if isinstance(rest[0], str) else "r")
            whole = not start and tuple(rest) == path.steps
            getter = path.get if whole else Path("$", tuple(rest)).get
            return f"{body.constant(getter)}({root})"
        keys = [step for step in rest if isinstance(step, str)]
        variable, sure = (start, False) if start else ("d", True)
        for key in keys[:-1]:
            variable, sure = _known(body, variable, key, sure), False
        found = _get(body, variable, keys[-1], sure)
        if start or path.text.startswith("$") or path.steps != tuple(keys) or path.text == keys[-1]:
            return found
        literal = body.constant(path.text)
        return f"(d[{literal}] if {literal} in d else {found})"


def _known(body: Body, variable: str, key: str, sure: bool) -> str:
    """The variable that holds this member; it is read once."""
    if (variable, key) not in body.known:
        name = body.fresh("t")
        body.line(f"{name} = {_get(body, variable, key, sure)}")
        body.known[variable, key] = name
    return body.known[variable, key]


def _get(body: Body, variable: str, key: str, sure: bool) -> str:
    quick = f"{variable}.get({body.constant(key)}, M)"
    if sure:
        return quick
    getter = Path("$", (key,)).get
    return f"({quick} if {variable}.__class__ is dict else {body.constant(getter)}({variable}))"


def _leading(steps: Sequence[Step]) -> tuple[str, ...]:
    """The names of a path, up to its end or to what is no name; ``[*]`` between them is passed over."""
    names: list[str] = []
    for step in steps:
        if isinstance(step, str):
            names.append(step)
        elif step is not ALL:
            break
    return tuple(names)


def _after(steps: Sequence[Step], prefix: tuple[str, ...]) -> tuple[Step, ...]:
    """What follows the names of ``prefix``; a ``[*]`` behind each of them is meant for the list that was."""
    at = 0
    for _ in prefix:
        while steps[at] is ALL:
            at += 1
        at += 1
    while at < len(steps) and steps[at] is ALL:
        at += 1
    return tuple(steps[at:])
