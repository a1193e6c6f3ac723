"""Response mapping: what of a step's answer becomes part of the record.

The answer of a lookup is ``{"data": […], "errors", "ignored", "statusCode"}``, of an import ``{"id", "_json",
"errors", "ignored", "statusCode", "dataURI"}``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.dataplane.errors import MappingError
from towpath.dataplane.lookups import Lookups
from towpath.dataplane.mapper.fields import FieldReader
from towpath.dataplane.mapper.leaf import Leaf, Reader
from towpath.dataplane.mapper.lists import List
from towpath.dataplane.mapper.target import Steps
from towpath.dataplane.mapping1 import build
from towpath.dataplane.paths import MISSING, Path, compile_path
from towpath.dataplane.problems import Problems

__all__ = ["ResponseMapping", "compile_response_mapping"]

#: Where a lookup's answer has what it found.
_FOUND = "data"
_SOURCE = "response_mapping"


@dataclass(frozen=True, slots=True)
class ResponseMapping:
    """A compiled response mapping: call it with a record and the answer that it got. Safe between threads."""

    fields: tuple[tuple[Callable[[Any], Any], Steps], ...] = ()
    """How a value is read from the answer, and where the record gets it."""

    def __call__(self, record: Any, response: Any) -> Any:
        """The record with what is mapped; ``record`` itself is not changed.

        What the answer does not have is not mapped; of a record that is a list every row gets it. Raises
        `MappingError`.
        """
        try:
            read = [(steps, get(response)) for get, steps in self.fields]
        except MappingError as error:
            raise error.at(_SOURCE) from error
        given = [(steps, value) for steps, value in read if value is not MISSING]
        if isinstance(record, list):
            return [_with(row, given) for row in record]
        return _with(record, given)


def compile_response_mapping(document: Mapping[str, Any] | None) -> ResponseMapping:
    """The response mapping of a document; without one nothing is mapped.

    Raises ConfigError ``response_mapping.invalid`` with every problem.
    """
    if not document:
        return ResponseMapping()
    problems = Problems("response_mapping.invalid", "The response mapping")
    reader = FieldReader(Reader(Lookups({}), problems), single_braces=False)
    leaves = reader.leaves(document.get("fields"), "responseMapping.fields")
    lists = reader.lists(document.get("lists"), "responseMapping.lists")
    problems.raise_any()
    fields = [(_field(leaf), steps) for leaf, steps in leaves]
    return ResponseMapping((*fields, *((_list(each), each.steps) for each in lists)))


def _field(leaf: Leaf) -> Callable[[Any], Any]:
    if isinstance(leaf.source, Path):
        return leaf.source.get
    return lambda _: leaf.constant


def _list(given: List) -> Callable[[Any], Any]:
    """Reads a list: fields without ``[*]`` are those of the records that a lookup found."""
    walks = any(isinstance(leaf.source, Path) and leaf.source.takes_all for leaf in given.leaves)
    source = given.source if walks or given.source else compile_path(_FOUND)
    mapper = build([], [List(given.generate, (given.generate,), source, given.fields)])
    return lambda response: mapper.map(response).get(given.generate, MISSING)


def _with(record: Any, given: Sequence[tuple[Steps, Any]]) -> Any:
    made = record
    for steps, value in given:
        made = _put(made, steps, value)
    return made


def _put(at: Any, steps: Sequence[str | int], value: Any) -> Any:
    """A copy of ``at`` with the value in its place; what is not on the way to it is shared."""
    if not steps:
        return value
    step = steps[0]
    if isinstance(step, int) and isinstance(at, list | None):
        elements = [*(at or []), *[None] * (step + 1 - len(at or []))]
        elements[step] = _put(elements[step], steps[1:], value)
        return elements
    if at is None or isinstance(at, Mapping):
        outer = at or {}
        return {**outer, str(step): _put(outer.get(str(step)), steps[1:], value)}
    raise MappingError(
        "mapping.occupied",
        f"There is a value where an object would have to be, above {step}.",
        hint="Let the response mapping generate a field that the record does not have.",
        source=_SOURCE,
        field=str(step),
    )
