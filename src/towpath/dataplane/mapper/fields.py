"""Reads the fields and lists of a Mapper 1.0 document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.core.errors import ConfigError
from towpath.dataplane.mapper.leaf import Leaf, Reader
from towpath.dataplane.mapper.lists import List
from towpath.dataplane.mapper.target import Steps
from towpath.dataplane.paths import MISSING, Path
from towpath.dataplane.problems import needed_text, objects, one_of, text_of
from towpath.dataplane.templates import Template, compile_template

#: What a field of Mapper 1.0 may be.
TYPES = ("string", "number", "boolean", "stringarray", "numberarray", "json")


@dataclass(frozen=True)
class FieldReader:
    """Reads fields; what is wrong is added to the problems of ``reader``."""

    reader: Reader
    single_braces: bool = True
    """Whether ``{name}`` in an extract is a template; ``{{name}}`` always is."""

    def leaves(self, documents: Any, place: str) -> list[tuple[Leaf, Steps]]:
        """Each field with the place that it generates."""
        return self.leaves_of(objects(documents, place, self.reader.problems))

    def leaves_of(self, entries: Sequence[tuple[str, Mapping[str, Any]]]) -> list[tuple[Leaf, Steps]]:
        """The same for fields that stand at the places given with them."""
        found = [(self._leaf(entry, at), self._steps(entry, at)) for at, entry in entries]
        return [(leaf, steps) for leaf, steps in found if steps is not None]

    def lists(self, documents: Any, place: str) -> list[List]:
        found = []
        for at, entry in objects(documents, place, self.reader.problems):
            json_path = text_of(entry, "jsonPath", at, self.reader.problems)
            source = self.reader.path(json_path, f"{at}.jsonPath") if json_path else None
            fields = objects(entry.get("fields"), f"{at}.fields", self.reader.problems)
            found.append(self.list_of(entry, at, fields, source))
        return [each for each in found if each is not None]

    def list_of(
        self,
        entry: Mapping[str, Any],
        place: str,
        fields: Sequence[tuple[str, Mapping[str, Any]]],
        source: Path | None = None,
    ) -> List | None:
        """The list that ``entry`` generates of these fields; None if it does not say where."""
        steps, leaves = self._steps(entry, place), self.leaves_of(fields)
        if any(leaf.when == "ignore_if_set" for leaf, _ in leaves):
            self.reader.problems.add(f"{place}.fields", "ignore_if_set is for fields outside of lists.")
        if steps is None:
            return None
        named = tuple((_inside(entry["generate"], leaf), inner) for leaf, inner in leaves)
        return List(entry["generate"], steps, source, named)

    def _steps(self, entry: Mapping[str, Any], place: str) -> Steps | None:
        problems, field = self.reader.problems, f"{place}.generate"
        generate = needed_text(entry, "generate", place, problems)
        if generate is None:
            return None
        path = self.reader.path(generate, field)
        if path is None:
            return None
        if path.takes_all or not path.steps:
            problems.add(field, "A field generates one place. Generate lists with lists.")
            return None
        return tuple(step for step in path.steps if isinstance(step, str | int))

    def _leaf(self, entry: Mapping[str, Any], place: str) -> Leaf:
        reader, problems = self.reader, self.reader.problems
        extract = text_of(entry, "extract", place, problems)
        cast = one_of(text_of(entry, "dataType", place, problems), TYPES, f"{place}.dataType", problems)
        when, condition = reader.condition(entry, place)
        lookup = reader.lookup(entry, place)
        constant = entry.get("hardCodedValue")
        fixed = constant is not None or ("hardCodedValue" in entry and not extract and not lookup)
        if not (fixed or entry.get("extract") or entry.get("lookupName")):
            problems.missing(f"{place}.extract")
        if entry.get("subRecordMapping"):
            problems.add(
                f"{place}.subRecordMapping", "Records inside of records are not made by mapping fields."
            )
        source = None if fixed or extract is None else self._source(extract, f"{place}.extract")
        return Leaf(
            generate=str(entry.get("generate") or ""),
            extract=extract or "",
            source=source,
            constant=reader.converted(constant, cast, f"{place}.hardCodedValue") if fixed else MISSING,
            known=reader.lookups,
            names=True,
            when=when,
            condition=condition,
            lookup=None if fixed else lookup,
            change=None if fixed else reader.dates(entry, place),
            cast=cast,
            once=entry.get("immutable") is True,
            discard=entry.get("discardIfEmpty") is True,
        )

    def _source(self, extract: str, field: str) -> Path | Template | None:
        if "{{" in extract or (self.single_braces and "{" in extract):
            try:
                template = compile_template(extract, single_braces=self.single_braces and "{{" not in extract)
            except ConfigError as error:
                self.reader.problems.take(field, error)
                return None
            if template.constant is None:
                return template
        return self.reader.path(extract, field)


def _inside(generate: str, leaf: Leaf) -> Leaf:
    """The leaf with the list's name before its own, for errors."""
    return Leaf(**{**vars(leaf), "generate": f"{generate}[*].{leaf.generate}"})
