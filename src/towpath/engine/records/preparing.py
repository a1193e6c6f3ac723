"""What an import does with records before they are sent: filter, hooks, mapping, lookups."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from towpath.core.application import Application
from towpath.core.errors import AuthError, ConfigError, DataError, TowpathError
from towpath.core.ids import of_object_id
from towpath.core.steps import RecordWrite
from towpath.dataplane.context import Context
from towpath.dataplane.lookups import compile_lookups
from towpath.dataplane.mapping1 import compile_mapping
from towpath.dataplane.mapping2 import compile_mappings
from towpath.dataplane.problems import Problems
from towpath.engine.records import hooks
from towpath.engine.records.ends import Host
from towpath.engine.records.functions import Functions, failures_of
from towpath.engine.records.languages import condition
from towpath.engine.records.rows import Row
from towpath.engine.records.tools import StepTools


class Preparing:
    """Compiled once for an import."""

    def __init__(
        self,
        spec: RecordWrite,
        application: Application,
        tools: StepTools,
        functions: Functions,
        host: Host,
    ) -> None:
        self._spec = spec
        self._application = application
        self._tools = tools
        self._functions = functions
        self._host = host
        self._lookups = {str(one.get("name")): one for one in spec.lookups}
        context = Context(words=tools.now.words, look=self._look)
        problems = Problems("mapping.invalid", "The lookups")
        tools.lend(compile_lookups(spec.lookups, problems), context)
        problems.raise_any()
        self._passes = condition(spec.filter, context, functions, "import_filter")
        self._map = _mapper(spec, context)

    def rows(self, records: Sequence[Any]) -> list[Row]:
        """The records with what is to be sent of them; those that ended on the way say how."""
        rows = [Row(record, data=record, pre=record) for record in records]
        self._filter(rows)
        self._hook("pre_map", rows, lambda live: {"data": [row.record for row in live]})
        for row in rows:
            row.pre = row.data
        self._map_all(rows)
        self._hook(
            "post_map",
            rows,
            lambda live: {
                "preMapData": [row.pre for row in live],
                "postMapData": [row.data for row in live],
            },
        )
        return rows

    def _filter(self, rows: Sequence[Row]) -> None:
        if self._passes is None:
            return
        for row in rows:
            try:
                if not self._passes(row.record):
                    row.ignore()
            except TowpathError as error:
                row.fail_by(error, "import_filter")

    def _hook(
        self, place: str, rows: Sequence[Row], options: Callable[[Sequence[Row]], Mapping[str, Any]]
    ) -> None:
        hook = self._spec.hooks.get(place)  # type: ignore[call-overload]  # one of the two places
        live = [row for row in rows if row.end is None]
        if hook is None or not live:
            return
        source = f"{place}_hook"
        try:
            told = hooks.each(self._functions, hook, options(live), len(live), source)
        except TowpathError as error:
            for row in live:
                row.fail(failures_of(error, source))
            return
        for row, one in zip(live, told, strict=True):
            row.told += one.errors if one.has_data else ()
            if one.has_data:
                row.data = one.data
            elif one.errors:
                row.fail(list(one.errors))
            else:
                row.ignore()

    def _map_all(self, rows: Sequence[Row]) -> None:
        if self._map is None:
            return
        for row in rows:
            if row.end is None:
                try:
                    row.data = self._map(row.data)
                except TowpathError as error:
                    row.fail_by(error, "mapping")

    def _look(self, name: str, value: Any, record: Any) -> Sequence[Any]:
        """Ask a lookup that is not in the document."""
        lookup = self._lookups.get(name, {"name": name})
        if lookup.get("_lookupCacheId"):
            return self._cached(lookup, value)
        try:
            return self._application.look(lookup, record, self._tools)
        except (AuthError, ConfigError):
            raise
        except TowpathError as error:
            raise error.with_context(source="lookup") from error

    def _cached(self, lookup: Mapping[str, Any], value: Any) -> Sequence[Any]:
        find = getattr(self._host, "cached", None)
        if find is None:
            raise DataError(
                "lookup.no_cache",
                f"The lookup {lookup.get('name')!r} reads a lookup cache, which is not at hand here.",
                hint="Run the import in a flow.",
                source="lookup",
            )
        found = find(of_object_id("itm", str(lookup["_lookupCacheId"])), str(value))
        if found is None:
            return ()
        path = lookup.get("extract")
        return (self._tools.value(str(path), found) if path else found,)


def _mapper(spec: RecordWrite, context: Context) -> Callable[[Any], Any] | None:
    if spec.mappings is not None:
        second = compile_mappings(spec.mappings, spec.lookups)
        return lambda record: second.map(record, context)
    if spec.mapping is not None and (spec.mapping.get("fields") or spec.mapping.get("lists")):
        first = compile_mapping(spec.mapping, spec.lookups)
        return lambda record: first.map(record, context)
    return None
