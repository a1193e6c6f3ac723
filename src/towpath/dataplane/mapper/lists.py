"""Lists of Mapper 1.0: rows made of the elements of one or several lists, side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.dataplane.mapper.leaf import Leaf
from towpath.dataplane.mapper.scope import Scope
from towpath.dataplane.mapper.target import Steps, Targets
from towpath.dataplane.mapper.unit import Body
from towpath.dataplane.paths import ALL, MISSING, Path, Step


@dataclass(frozen=True)
class List:
    """A list to generate.

    Every ``[*]`` in the extracts of its fields walks one list; all that are walked are paired by position.
    With ``source`` (``jsonPath``), fields without ``[*]`` are read in its elements first, then in the record.
    """

    generate: str
    steps: Steps
    source: Path | None
    fields: tuple[tuple[Leaf, Steps], ...]

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        return tuple(leaf for leaf, _ in self.fields)

    def write(self, body: Body) -> None:
        """Lines after which ``v`` is the list, or `MISSING`."""
        walked = self._walked()
        row = self._row(body, walked)
        body.at(self.generate, "")
        if not walked:
            body.line(f"v = {row}(r, d, c)")
            body.line("v = [v] if v else M")
            return
        sources = [self._elements(body, steps) for steps in walked]
        with body.block(f"if {' and '.join(f'{source} is M' for source in sources)}:"):
            body.line("v = M")
        with body.block("else:"):
            self._rows(body, row, sources, [_spelt(steps) for steps in walked])

    def _rows(self, body: Body, row: str, sources: Sequence[str], names: Sequence[str]) -> None:
        elements = [f"b{number}" for number in range(len(sources))]
        together = sources[0]
        if len(sources) > 1:
            together = f"level(({', '.join(sources)}), {body.constant(tuple(names))})"
        body.line("v = []")
        with body.block(f"for {', '.join(elements)} in {together}:"):
            body.line(f"w = {row}({', '.join(['r', 'd', 'c', *elements])})")
            with body.block("if w:"):
                body.line("v.append(w)")

    def _walked(self) -> list[tuple[Step, ...]]:
        """The paths of the lists, each up to and without its last ``[*]``."""
        found = [_list_of(self.source.steps)] if self.source is not None else []
        for leaf in self.leaves:
            path = leaf.source
            if isinstance(path, Path) and path.takes_all and (steps := _before_last(path.steps)) not in found:
                found.append(steps)
        return found

    def _elements(self, body: Body, steps: tuple[Step, ...]) -> str:
        name = body.fresh("s")
        root = "r" if not steps or not isinstance(steps[0], str) else "d"
        body.line(f"{name} = {body.constant(elements_at(steps))}({root})")
        return name

    def _row(self, body: Body, walked: Sequence[tuple[Step, ...]]) -> str:
        """The function of one row."""
        scope = Scope()
        for number, steps in enumerate(walked):
            scope = scope.bind(tuple(step for step in steps if isinstance(step, str)), f"b{number}")
        row = body.unit.function(*scope.parameters)
        targets = Targets([steps for _, steps in self.fields])
        row.line("o = {}")
        targets.begin(row)
        for leaf, steps in self.fields:
            self._field(row, scope, leaf, walked)
            targets.store(row, steps, leaf.generate)
        return row.end("o")

    def _field(self, row: Body, scope: Scope, leaf: Leaf, walked: Sequence[tuple[Step, ...]]) -> None:
        path = leaf.source
        if not isinstance(path, Path):
            leaf.write(row, scope)
        elif path.takes_all:
            before = _before_last(path.steps)
            leaf.write_from(row, _read(row, f"b{walked.index(before)}", path.steps[len(before) + 1 :]))
        elif self.source is not None:
            leaf.write_from(row, row.constant(_first(path)) + "(b0, d)")
        else:
            leaf.write(row, Scope())


def elements_at(steps: tuple[Step, ...]) -> Callable[[Any], Any]:
    """Reads the elements of the list at a path, which may walk lists on its way; `MISSING` if there is none.

    An object where a list is awaited is a list of one.
    """
    if ALL not in steps:
        get = Path("$", steps).get
        return lambda record: _listed(get(record))
    at = steps.index(ALL)
    outer, inner = elements_at(steps[:at]), elements_at(steps[at + 1 :])

    def walk(record: Any) -> Any:
        found = outer(record)
        if found is MISSING:
            return MISSING
        lists = [inner(element) for element in found]
        return [element for each in lists if each is not MISSING for element in each]

    return walk


def _listed(value: Any) -> Any:
    if value is None or value is MISSING:
        return MISSING
    return value if isinstance(value, (list, tuple)) else [value]


def _first(path: Path) -> Callable[[Any, Any], Any]:
    def read(row: Any, record: Any) -> Any:
        found = path.get(row)
        return path.get(record) if found is MISSING else found

    return read


def _read(row: Body, element: str, steps: tuple[Step, ...]) -> str:
    if not steps:
        return element
    if len(steps) == 1 and isinstance(steps[0], str):
        key, getter = row.constant(steps[0]), row.constant(Path("$", steps).get)
        return f"({element}.get({key}, M) if {element}.__class__ is dict else {getter}({element}))"
    return f"{row.constant(Path('$', steps).get)}({element})"


def _before_last(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return steps[: len(steps) - 1 - steps[::-1].index(ALL)]


def _list_of(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return steps[:-1] if steps and steps[-1] is ALL else steps


def _spelt(steps: tuple[Step, ...]) -> str:
    return ".".join("*" if step is ALL else str(step) for step in steps) or "the record"
