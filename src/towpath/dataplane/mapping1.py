"""Mapper 1.0: ``{"fields": […], "lists": […]}``."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.dataplane.lookups import compile_lookups, names_of
from towpath.dataplane.mapper import Mapper
from towpath.dataplane.mapper.fields import FieldReader
from towpath.dataplane.mapper.leaf import Leaf, Reader
from towpath.dataplane.mapper.lists import List
from towpath.dataplane.mapper.scope import Scope
from towpath.dataplane.mapper.target import Steps, Targets
from towpath.dataplane.mapper.unit import Unit
from towpath.dataplane.problems import Problems

__all__ = ["build", "compile_mapping"]

#: What problems call the document.
_ROOT = "mapping"


def compile_mapping(mapping: Mapping[str, Any], lookups: Sequence[Mapping[str, Any]] = ()) -> Mapper:
    """The mapper of a document. Raises ConfigError ``mapping.invalid`` with every problem."""
    problems = Problems("mapping.invalid", "The mapping")
    fields = FieldReader(Reader(compile_lookups(lookups, problems), problems))
    leaves = fields.leaves(mapping.get("fields"), f"{_ROOT}.fields")
    lists = fields.lists(mapping.get("lists"), f"{_ROOT}.lists")
    problems.raise_any()
    return build(leaves, lists)


def build(leaves: Sequence[tuple[Leaf, Steps]], lists: Sequence[List]) -> Mapper:
    """The mapper of fields and lists that were read."""
    unit = Unit()
    body = unit.function("r", "d", "c")
    targets = Targets([*(steps for _, steps in leaves), *(each.steps for each in lists)])
    body.line("o = {}")
    targets.begin(body)
    for leaf, steps in leaves:
        leaf.write(body, Scope())
        targets.store(body, steps, leaf.generate)
    for each in lists:
        each.write(body)
        targets.store(body, each.steps, each.generate)
    run = unit.build(body.end("o"))
    everywhere = [leaf for leaf, _ in leaves] + [leaf for each in lists for leaf in each.leaves]
    return Mapper(names_of(lookup for leaf in everywhere for lookup in leaf.lookups), run)
