"""Lookups: tables in the document, and questions to somebody else.

A lookup with ``map`` is a table; all others are asked for by name (`Context.look`): one with
``_lookupCacheId`` in a lookup cache, the rest in whatever system the import writes to.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from towpath.dataplane.context import Context
from towpath.dataplane.paths import MISSING
from towpath.dataplane.problems import MISSING_FIELD, Problems, objects
from towpath.dataplane.templates.environment import Environment
from towpath.dataplane.values import Refused, is_empty, shown, to_text

#: Finds what a value stands for: (value, record, context). Raises `Refused` if nothing does.
Find: TypeAlias = Callable[[Any, Any, Context], Any]


@dataclass(frozen=True, slots=True)
class Lookup:
    """One lookup of a document."""

    name: str
    document: Mapping[str, Any]
    """As published."""

    @property
    def kind(self) -> Literal["static", "cache", "dynamic"]:
        if self.document.get("map") is not None:
            return "static"
        return "cache" if self.document.get("_lookupCacheId") else "dynamic"

    @property
    def lenient(self) -> bool:
        """Whether a value that is not found is no error: the default, or null, stands for it."""
        return self.document.get("allowFailures") is True

    @property
    def default(self) -> Any:
        return self.document.get("default")

    def finder(self) -> Find:
        """Finds, and fails as the lookup says."""
        if self.kind != "static":
            return self._ask
        table = self._table()
        missed = self._missed

        def find(value: Any, _record: Any, _context: Context) -> Any:
            found = table.get(value if type(value) is str else _key(value), MISSING)
            return missed(value) if found is MISSING else found

        return find

    def finds(self) -> Callable[[Any, Any, Context], bool]:
        """Whether there is a hit that is not empty. Never fails because there is none."""
        if self.kind != "static":
            return lambda value, record, context: any(
                not is_empty(each) for each in context.look(self.name, _given(value), record)
            )
        table = self._table()
        return lambda value, _record, _context: not is_empty(table.get(_key(value), MISSING))

    def _table(self) -> dict[str | None, Any]:
        return {str(key): value for key, value in self.document["map"].items()}

    def _ask(self, value: Any, record: Any, context: Context) -> Any:
        found = context.look(self.name, _given(value), record)
        if not found:
            return self._missed(value)
        if len(found) > 1 and self.document.get("useDefaultOnMultipleMatches") is True:
            return self.default
        if len(found) > 1 and not self.lenient:
            raise Refused(
                "lookup.several_matches",
                f"The lookup {self.name} finds {len(found)} matches for {shown(value)}.",
                "Make the lookup more exact, or let it allow failures: then the first match is taken.",
                "lookup",
            )
        return found[0]

    def _missed(self, value: Any) -> Any:
        if self.lenient:
            return self.default
        what = "an empty value" if is_empty(value) else shown(value)
        raise Refused(
            "lookup.no_match",
            f"The lookup {self.name} finds nothing for {what}.",
            "Add the value to the lookup, or let it allow failures and give it a default.",
            "lookup",
        )


@dataclass(frozen=True, slots=True)
class Lookups:
    """The lookups of a document by name."""

    by_name: Mapping[str, Lookup]

    def environment(self, record: Any, context: Context) -> Environment:
        """What a template needs to look things up for this record."""

        def look(name: str, value: Any) -> Any:
            lookup = self.by_name.get(name)
            if lookup is None:
                raise Refused(
                    "template.failed",
                    f"There is no lookup named {name}.",
                    "Add it to the lookups of the step.",
                )
            return lookup.finder()(value, record, context)

        return replace(context.environment, look=look)

    def get(self, name: str, field: str, problems: Problems) -> Lookup | None:
        """The lookup of that name; None, and a problem, if there is none."""
        found = self.by_name.get(name)
        if found is None:
            problems.add(field, f"There is no lookup named {name}.")
        return found


def compile_lookups(
    documents: Sequence[Mapping[str, Any]] | None, problems: Problems, place: str = "lookups"
) -> Lookups:
    """The lookups of a document, each with its name; what is wrong is added to ``problems``."""
    found: dict[str, Lookup] = {}
    for at, document in objects(documents, place, problems):
        name = document.get("name")
        if not isinstance(name, str) or not name:
            problems.add(f"{at}.name", "A lookup needs a name.", MISSING_FIELD)
        elif name in found:
            problems.add(f"{at}.name", f"There are two lookups named {name}.")
        elif not isinstance(document.get("map"), Mapping | None):
            problems.add(f"{at}.map", "The map of a lookup is an object.")
        else:
            found[name] = Lookup(name, document)
    return Lookups(found)


def names_of(lookups: Iterable[Lookup]) -> frozenset[str]:
    """The names of those among them that have to be asked."""
    return frozenset(lookup.name for lookup in lookups if lookup.kind != "static")


def _key(value: Any) -> str | None:
    return None if value is None or value is MISSING else to_text(value)


def _given(value: Any) -> Any:
    return None if value is MISSING else value
