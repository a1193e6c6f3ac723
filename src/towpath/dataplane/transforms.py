"""Transforms: what becomes of a record after it was read.

Version 1 has rules ``[[{"extract", "generate"}, …]]``: a new record of what they name. Version 2 is Mapper
2.0 in the mode ``create`` (a new record) or ``modify`` (the record, with what is mapped put into it).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from towpath.core.errors import ConfigError
from towpath.dataplane.context import NOTHING, Context
from towpath.dataplane.errors import MappingError
from towpath.dataplane.filters import Script, script_of
from towpath.dataplane.lookups import Lookups
from towpath.dataplane.mapper import Mapper
from towpath.dataplane.mapper.fields import FieldReader
from towpath.dataplane.mapper.leaf import Reader
from towpath.dataplane.mapping1 import build
from towpath.dataplane.mapping2 import read_mappings
from towpath.dataplane.paths import ALL, compile_path
from towpath.dataplane.problems import Problems, objects

__all__ = ["Script", "Transform", "compile_transform", "script_of"]

#: What problems call the document.
_ROOT = "transform"
_ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Transform:
    """A compiled transform: call it with a record and its context. Safe between threads."""

    mapper: Mapper | None = None
    """None: the record stays as it is."""
    modify: bool = False
    by_row: bool = False
    """Whether a record that is a list gives a list, each row for itself."""

    @property
    def looks(self) -> frozenset[str]:
        """Names of the lookups that `Context.look` is asked for."""
        return self.mapper.looks if self.mapper else frozenset()

    def __call__(self, record: Any, context: Context = NOTHING) -> Any:
        """The new record; ``record`` is not changed. Raises `MappingError`."""
        if self.mapper is None or (self.modify and isinstance(record, list)):
            return record
        try:
            made = self.mapper.map(record, context)
        except MappingError as error:
            raise error.at("transformation") from error
        if self.by_row:
            rows = made.get(_ROWS, [])
            return rows if isinstance(record, list) else (rows[0] if rows else {})
        return _over(record, made) if self.modify else made


def compile_transform(document: Mapping[str, Any] | None, *, envelope: bool = False) -> Transform:
    """The transform of a document; without one records stay as they are.

    Raises ConfigError ``transform.invalid`` with every problem, and for a script: see `script_of`.
    ``envelope`` as of `compile_mappings`.
    """
    if script_of(document):
        raise ConfigError(
            "transform.invalid",
            "This transform is a script; a script is called, not compiled.",
            hint="Give the transform rules, or call its function.",
            field="transform.type",
        )
    if not document:
        return Transform()
    problems = Problems("transform.invalid", "The transform")
    place = f"{_ROOT}.expression" if "expression" in document else _ROOT
    holder = document.get("expression", document)
    if not isinstance(holder, Mapping):
        problems.add(place, "An object with a version and rules is needed here.")
        problems.raise_any()
    if str(holder.get("version", "1")) == "1":
        return _version1(holder.get("rules"), f"{place}.rules", problems)
    if str(holder["version"]) != "2":
        problems.add(f"{place}.version", f"Version {holder['version']} is not known; there are 1 and 2.")
        problems.raise_any()
    return _version2(holder.get("rulesTwoDotZero"), f"{place}.rulesTwoDotZero", problems, envelope=envelope)


#: A rule with its place.
Entry: TypeAlias = tuple[str, Mapping[str, Any]]


def _version1(rules: Any, place: str, problems: Problems) -> Transform:
    entries = _entries(rules, place, problems)
    reader = FieldReader(Reader(Lookups({}), problems), single_braces=False)
    by_row = any(_walks_rows(entry.get("extract")) for _, entry in entries)
    if by_row:
        plain: list[Entry] = []
        lists = {_ROWS: [(at, _in_row(entry)) for at, entry in entries]}
    else:
        plain, lists = _apart(entries)
    leaves = reader.leaves_of(plain)
    made = [reader.list_of({"generate": name}, fields[0][0], fields) for name, fields in lists.items()]
    problems.raise_any()
    mapper = build(leaves, [each for each in made if each is not None])
    return Transform(mapper, by_row=by_row) if entries else Transform()


def _entries(rules: Any, place: str, problems: Problems) -> list[Entry]:
    """The rules of all groups, one after the other; a single group may stand without a list around it."""
    if rules is not None and not isinstance(rules, list | tuple):
        problems.add(place, "A list of lists of rules is needed here.")
    groups = rules if isinstance(rules, list | tuple) else []
    if any(isinstance(each, Mapping) for each in groups):
        return objects(groups, place, problems)
    return [entry for at, each in enumerate(groups) for entry in objects(each, f"{place}[{at}]", problems)]


def _walks_rows(extract: Any) -> bool:
    """Whether it takes every row of a record that is a list."""
    if not isinstance(extract, str) or "{{" in extract:
        return False
    try:
        return compile_path(extract).steps[:1] == (ALL,)
    except ConfigError:  # told with its place when the rule is read
        return False


def _in_row(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    generate = entry.get("generate")
    if not isinstance(generate, str):
        return entry
    return {**entry, "generate": generate.removeprefix("*.").removeprefix("[*].")}


def _apart(entries: Sequence[Entry]) -> tuple[list[Entry], dict[str, list[Entry]]]:
    """Fields, and by name the lists that fields such as ``lines[*].sku`` generate together."""
    plain: list[Entry] = []
    lists: dict[str, list[Entry]] = {}
    for at, entry in entries:
        generate = entry.get("generate")
        name, star, inside = generate.partition("[*].") if isinstance(generate, str) else ("", "", "")
        if star:
            lists.setdefault(name, []).append((at, {**entry, "generate": inside}))
        elif isinstance(generate, str):
            plain.append((at, {**entry, "generate": generate.removesuffix("[*]")}))
        else:
            plain.append((at, entry))
    return plain, lists


def _version2(rules: Any, place: str, problems: Problems, *, envelope: bool) -> Transform:
    if not isinstance(rules, Mapping):
        problems.add(place, "An object with mode and mappings is needed here.")
        problems.raise_any()
        return Transform()
    mode = rules.get("mode") or "create"
    if mode not in {"create", "modify"}:
        problems.add(f"{place}.mode", f"{mode!r} is none of create, modify.")
    mapper = read_mappings(
        rules.get("mappings"), rules.get("lookups"), problems, place=f"{place}.mappings", envelope=envelope
    )
    return Transform(mapper, modify=mode == "modify")


def _over(record: Any, made: Any) -> Any:
    """``made`` over the record: objects go into objects, all else takes the place of what was there."""
    if not isinstance(record, Mapping) or not isinstance(made, Mapping):
        return made
    return {**record, **{name: _over(record.get(name), value) for name, value in made.items()}}
