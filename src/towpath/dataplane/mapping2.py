"""Mapper 2.0: ``[{"generate", "dataType", "extract", "status", "mappings", "buildArrayHelper", …}]``."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.dataplane.context import Context
from towpath.dataplane.lookups import compile_lookups, names_of
from towpath.dataplane.mapper import Mapper
from towpath.dataplane.mapper.arrays import Array
from towpath.dataplane.mapper.leaf import Reader
from towpath.dataplane.mapper.nodes import CONDITIONS, NodeReader
from towpath.dataplane.mapper.objects import Object
from towpath.dataplane.mapper.run import Run
from towpath.dataplane.mapper.scope import Scope
from towpath.dataplane.mapper.unit import Body, Unit
from towpath.dataplane.problems import Problems

__all__ = ["compile_mappings", "read_mappings"]


def compile_mappings(
    mappings: Sequence[Mapping[str, Any]],
    lookups: Sequence[Mapping[str, Any]] = (),
    *,
    envelope: bool = False,
) -> Mapper:
    """The mapper of a document. Raises ConfigError ``mapping.invalid`` with every problem.

    ``envelope``: paths begin at an object that has the record as ``record`` beside ``settings``, ``job`` and
    whatever else the context knows.
    """
    problems = Problems("mapping.invalid", "The mapping")
    return read_mappings(mappings, lookups, problems, place="mappings", envelope=envelope)


def read_mappings(
    mappings: Any, lookups: Any, problems: Problems, *, place: str, envelope: bool = False
) -> Mapper:
    """The mapper of mappings that stand at ``place``, once all problems, old and new, are raised."""
    known = compile_lookups(lookups, problems, place.removesuffix("mappings") + "lookups")
    root = NodeReader(Reader(known, problems, CONDITIONS), envelope).root(mappings, place)
    problems.raise_any()
    unit = Unit()
    body = unit.function("r", "d", "c")
    _write(root, body)
    run = unit.build(body.end("v"))
    return Mapper(names_of(root.lookups), _enveloped(run) if envelope else run)


def _write(root: Object | Array, body: Body) -> None:
    root.write(body, Scope())
    with body.block("if v is M:"):
        body.line("v = {}" if isinstance(root, Object) else "v = []")


def _enveloped(run: Run) -> Run:
    def wrapped(record: Any, _: dict[str, Any], context: Context) -> Any:
        whole = {**context.words, "record": record}
        return run(whole, whole, context)

    return wrapped
