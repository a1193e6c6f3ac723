"""Reads a Mapper 2.0 document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.core.errors import ConfigError
from towpath.dataplane.mapper.arrays import Array, Elements, Entry
from towpath.dataplane.mapper.leaf import Leaf, Reader
from towpath.dataplane.mapper.objects import Node, Object
from towpath.dataplane.paths import ALL, MISSING, Path
from towpath.dataplane.problems import INVALID_FIELD, MISSING_FIELD, needed_text, objects, one_of, text_of
from towpath.dataplane.templates import Template, compile_template
from towpath.dataplane.values import Refused, from_json

SIMPLE = ("string", "number", "boolean")
ARRAYS = ("stringarray", "numberarray", "booleanarray", "objectarray", "arrayarray")
TYPES = (*SIMPLE, "object", *ARRAYS)
#: When a part of the document is mapped at all.
CONDITIONS = ("record_created", "record_updated", "extract_not_empty")
#: How deep mappings may be nested, and how many lists one path may walk.
DEEPEST = 40
MOST_LISTS = 10


@dataclass(frozen=True)
class NodeReader:
    """Reads mappings; what is wrong is added to the problems of ``reader``."""

    reader: Reader
    envelope: bool = False
    """Whether paths and templates begin above the record."""

    def root(self, documents: Any, place: str) -> Object | Array:
        """The object that is generated; a list if that is the only mapping and it has no name."""
        active = self._active(documents, place)
        if len(active) == 1 and not active[0][1].get("generate") and active[0][1].get("dataType") in ARRAYS:
            at, entry = active[0]
            return self._array(entry, at, "", 0)
        return Object(self._members(active, "", 0))

    def _active(self, documents: Any, place: str) -> list[tuple[str, Mapping[str, Any]]]:
        found = []
        for at, entry in objects(documents, place, self.reader.problems):
            if entry.get("status") is None:
                message = "Mapping object must have status field present."
                self.reader.problems.add(f"{at}.status", message, MISSING_FIELD)
            elif entry["status"] == "Active":
                found.append((at, entry))
        return found

    def _members(
        self, active: Sequence[tuple[str, Mapping[str, Any]]], parent: str, depth: int
    ) -> tuple[tuple[str, Node], ...]:
        found = []
        for at, entry in active:
            name = needed_text(entry, "generate", at, self.reader.problems)
            node = self._node(entry, at, f"{parent}.{name}" if parent else name or "", depth)
            if node is not None and name is not None:
                found.append((name, node))
        return tuple(found)

    def _node(self, entry: Mapping[str, Any], place: str, generate: str, depth: int) -> Node | None:
        problems = self.reader.problems
        if depth > DEEPEST:
            problems.add(place, f"Mappings are nested deeper than {DEEPEST}.")
            return None
        kind = needed_text(entry, "dataType", place, problems)
        if kind is None or one_of(kind, TYPES, f"{place}.dataType", problems) is None:
            return None
        if kind in ARRAYS:
            return self._array(entry, place, generate, depth)
        if kind == "object" and entry.get("mappings"):
            return self._object(entry, place, generate, depth)
        if entry.get("mappings"):
            problems.add(f"{place}.mappings", f"Only objects and lists have mappings, not a {kind}.")
        return self._leaf(entry, place, generate, kind)

    def _object(self, entry: Mapping[str, Any], place: str, generate: str, depth: int) -> Node:
        when, _ = self.reader.condition(entry, place)
        members = self._members(self._active(entry["mappings"], f"{place}.mappings"), generate, depth + 1)
        extract = text_of(entry, "extract", place, self.reader.problems)
        if extract is None:
            return Object(members, when)
        source = self._walked(extract, f"{place}.extract")
        elements = Elements("objectarray", skip_empty=when == "extract_not_empty")
        return Array((Entry(generate, source, (Object(members),), elements),), when, first=True)

    def _array(self, entry: Mapping[str, Any], place: str, generate: str, depth: int) -> Array:
        kind = str(entry["dataType"])
        when, _ = self.reader.condition(entry, place)
        helpers = objects(entry.get("buildArrayHelper"), f"{place}.buildArrayHelper", self.reader.problems)
        if not helpers and entry.get("extract"):
            helpers = [(place, {"extract": entry["extract"]})]
        if not helpers:
            self.reader.problems.missing(f"{place}.buildArrayHelper")
        entries = tuple(self._entry(each, at, entry, place, generate, depth) for at, each in helpers)
        return Array(entries, when, self._array_default(entry, kind, f"{place}.default"))

    def _array_default(self, entry: Mapping[str, Any], kind: str, field: str) -> Any:
        value = entry.get("default", MISSING)
        if value is None or value is MISSING:
            return value
        if kind not in {"objectarray", "arrayarray"}:
            return self.reader.converted(value, kind, field)
        try:
            found = from_json(value)
        except Refused as refused:
            self.reader.problems.add(field, refused.message)
            return MISSING
        return found if isinstance(found, list) else [found]

    def _entry(
        self,
        helper: Mapping[str, Any],
        place: str,
        array: Mapping[str, Any],
        array_place: str,
        generate: str,
        depth: int,
    ) -> Entry:
        reader, kind = self.reader, str(array["dataType"])
        when, _ = reader.condition(helper, place)
        lookup = reader.lookup(array, array_place)
        default = helper.get("default", MISSING)
        simple = kind.removesuffix("array")
        elements = Elements(
            kind,
            reader.converted(default, simple, f"{place}.default") if simple in SIMPLE else MISSING,
            when == "extract_not_empty",
            lookup.finder() if lookup else None,
            reader.dates(array, array_place),
        )
        extract = text_of(helper, "extract", place, reader.problems)
        if helper.get("mappings"):
            made = self._made(helper, kind, f"{place}.mappings", generate, depth)
            source = self._walked(extract, f"{place}.extract") if extract else None
            return Entry(generate, source, made, elements)
        if extract is None:
            if not helper.get("extract"):
                reader.problems.missing(f"{place}.extract")
            return Entry(generate, None, (), elements)
        found = self._source(extract, f"{place}.extract")
        if isinstance(found, Path):
            return Entry(generate, found, (), elements, lookup)
        leaf = Leaf(
            generate, extract, found, extract if found is None else MISSING, reader.lookups, self.envelope
        )
        return Entry(generate, leaf, (), elements, lookup)

    def _made(
        self, helper: Mapping[str, Any], kind: str, place: str, generate: str, depth: int
    ) -> tuple[Node, ...]:
        inside = f"{generate}[*]" if generate else "[*]"
        active = self._active(helper["mappings"], place)
        if kind == "objectarray":
            return (Object(self._members(active, inside, depth + 1)),)
        if kind != "arrayarray":
            self.reader.problems.add(place, f"Elements of a {kind} have no mappings.", INVALID_FIELD)
            return ()
        nodes = [self._node(entry, at, inside, depth + 1) for at, entry in active]
        if any(isinstance(node, Leaf | Object) for node in nodes):
            self.reader.problems.add(place, "The elements of an arrayarray are lists.", INVALID_FIELD)
        return tuple(node for node in nodes if node is not None)

    def _leaf(self, entry: Mapping[str, Any], place: str, generate: str, kind: str) -> Leaf:
        reader = self.reader
        when, _ = reader.condition(entry, place)
        lookup = reader.lookup(entry, place)
        extract = text_of(entry, "extract", place, reader.problems)
        fixed = entry.get("hardCodedValue")
        source = self._source(extract, f"{place}.extract") if extract and fixed is None else None
        constant = fixed if fixed is not None else (extract if extract and source is None else MISSING)
        if constant is not MISSING and not lookup:
            constant = reader.converted(constant, kind, f"{place}.extract")
        if not entry.get("extract") and fixed is None and not lookup and "default" not in entry:
            reader.problems.missing(f"{place}.extract")
        return Leaf(
            generate=generate,
            extract=extract or "",
            source=source,
            constant=constant,
            known=reader.lookups,
            names=self.envelope,
            when=when,
            lookup=lookup,
            change=reader.dates(entry, place),
            cast=kind,
            default=reader.converted(entry.get("default", MISSING), kind, f"{place}.default"),
        )

    def _source(self, extract: str, field: str) -> Path | Template | None:
        """A path, a template, or None for a constant."""
        if extract == "$" or extract.startswith(("$.", "$[")):
            return self.reader.path(extract, field)
        if "{{" not in extract:
            return None
        try:
            return compile_template(extract)
        except ConfigError as error:
            self.reader.problems.take(field, error)
            return None

    def _walked(self, extract: str, field: str) -> Path | None:
        """The path of the elements that something is made of."""
        source = self._source(extract, field)
        if not isinstance(source, Path):
            self.reader.problems.add(field, "What has mappings extracts a path that begins with $.")
            return None
        if source.steps.count(ALL) > MOST_LISTS:
            self.reader.problems.add(field, f"A path walks at most {MOST_LISTS} lists.")
        return source
