"""A single value of a mapping: read, translated, converted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from towpath.core.errors import ConfigError
from towpath.dataplane.dates import format_date, parse_date, zone_of
from towpath.dataplane.lookups import Find, Lookup, Lookups
from towpath.dataplane.mapper.scope import Scope
from towpath.dataplane.mapper.unit import Body
from towpath.dataplane.paths import MISSING, Path, compile_path
from towpath.dataplane.problems import Problems, one_of, text_of
from towpath.dataplane.templates import Template
from towpath.dataplane.values import CASTS, Refused

#: When a field is mapped at all.
CONDITIONS = (
    "record_created",
    "record_updated",
    "extract_not_empty",
    "lookup_not_empty",
    "lookup_empty",
    "ignore_if_set",
)
_DATES = ("extractDateFormat", "extractDateTimezone", "generateDateFormat", "generateDateTimezone")
#: What a value of the type looks like, so that the cast need not be called.
_IS: Mapping[str, str] = {
    "string": "v.__class__ is not str",
    "number": "v.__class__ is not int",
    "boolean": "v is not True and v is not False",
}


@dataclass(frozen=True)
class Leaf:
    """What a field of a mapping says about its value."""

    generate: str
    """The path that is told when something goes wrong."""
    extract: str = ""
    """As written, for errors."""
    source: Path | Template | None = None
    """Where the value comes from; None: the constant."""
    constant: Any = MISSING
    known: Lookups | None = None
    """Those that a template may ask by name."""
    names: bool = False
    """Whether a template sees the fields of the record by their bare names."""
    when: str | None = None
    condition: Lookup | None = None
    """The lookup that ``when`` asks."""
    lookup: Lookup | None = None
    change: Callable[[Any], Any] | None = None
    """Of dates."""
    cast: str | None = None
    default: Any = MISSING
    """Of the type that is generated already."""
    once: bool = False
    """Whether it is left as it is when a record is updated."""
    discard: bool = False
    """Whether an empty value is left out."""

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        named = self.known.by_name.values() if self._asks and self.known else ()
        return (*(each for each in (self.lookup, self.condition) if each is not None), *named)

    @property
    def _asks(self) -> bool:
        """Whether its template may use a lookup."""
        return isinstance(self.source, Template) and "lookup" in self.source.text

    def write(self, body: Body, scope: Scope) -> None:
        """Lines after which ``v`` is the value, or `MISSING`."""
        gate = self._gate(body)
        if gate is None:
            self._extract(body, self._read(body, scope))
            return
        body.line("v = M")
        with body.block(f"if {gate}:"):
            self._extract(body, self._read(body, scope))

    def write_from(self, body: Body, read: str) -> None:
        """The same for a value that is read by an expression."""
        gate = self._gate(body)
        body.line(f"v = {read}")
        if gate is None:
            self._extract(body, "v")
            return
        with body.block(f"if {gate}:"):
            self._extract(body, "v")
        with body.block("else:"):
            body.line("v = M")

    def _gate(self, body: Body) -> str | None:
        asked = []
        if self.once or self.when == "record_created":
            asked.append("c.operation != 'update'")
        if self.when == "record_updated":
            asked.append("c.operation == 'update'")
        if self.when == "ignore_if_set":
            asked.append(f"empty({body.constant(compile_path(self.generate).get)}(c.existing))")
        return " and ".join(asked) or None

    def _extract(self, body: Body, read: str) -> None:
        if not isinstance(self.source, Path | None):
            body.line("v = M")
            body.at(self.generate, self.extract)
        if read != "v":
            body.line(f"v = {read}")
        if self.when == "extract_not_empty":
            with body.block("if not v and empty(v):"):
                body.line("v = M")
            with body.block("else:"):
                self._translate(body)
        elif self.condition is not None:
            body.at(self.generate, self.extract)
            turned = "not " if self.when == "lookup_not_empty" else ""
            with body.block(f"if {turned}{body.constant(self.condition.finds())}(v, r, c):"):
                body.line("v = M")
            with body.block("else:"):
                self._translate(body)
        else:
            self._translate(body)

    def _read(self, body: Body, scope: Scope) -> str:
        if isinstance(self.source, Path):
            return scope.read(body, self.source)
        if self.source is None:
            return "M" if self.constant is MISSING else body.constant(self.constant)
        key = ("words", str(self.names))
        if key not in body.known:
            body.known[key] = body.fresh("x")
            seen = scope.whole(body) if scope.bound else ("d" if self.names else "r")
            body.line(f"{body.known[key]} = words({seen}, r, c, {self.names})")
        world = "c.environment"
        if self._asks and self.known is not None:
            world = f"{body.constant(self.known.environment)}(r, c)"
        return f"{body.constant(self.source.render)}({body.known[key]}, {world})"

    def _translate(self, body: Body) -> None:
        if self.default is not MISSING:
            with body.block("if not v and empty(v):"):
                body.line(f"v = {body.constant(self.default)}")
            if self._changes:
                with body.block("else:"):
                    self._convert(body)
        elif self._changes:
            self._convert(body)
        if self.discard:
            with body.block("if not v and empty(v):"):
                body.line("v = M")

    @property
    def _changes(self) -> bool:
        return (self.source is not None and self.cast in CASTS) or bool(self.lookup or self.change)

    def _convert(self, body: Body) -> None:
        if self.lookup or self.change:
            body.at(self.generate, self.extract)
        if self.lookup is not None:
            find: Find = self.lookup.finder()
            body.line(f"v = {body.constant(find)}(v, r, c)")
        if self.change is not None:
            with body.block("if v or not empty(v):"):
                body.line(f"v = {body.constant(self.change)}(v)")
        cast = CASTS.get(self.cast or "")
        if cast is not None:
            quick = _IS.get(self.cast or "")
            test = f"{quick} and " if quick else ""
            with body.block(f"if {test}v is not None and v is not M:"):
                body.at(self.generate, self.extract)
                body.line(f"v = {body.constant(cast)}(v)")


@dataclass(frozen=True)
class Reader:
    """Reads what the two mapping languages say alike about a field."""

    lookups: Lookups
    problems: Problems
    conditions: tuple[str, ...] = CONDITIONS

    def condition(self, entry: Mapping[str, Any], place: str) -> tuple[str | None, Lookup | None]:
        """When the field is mapped, and the lookup that is asked for it."""
        given = entry.get("conditional")
        if not given:
            return None, None
        if not isinstance(given, Mapping):
            self.problems.add(f"{place}.conditional", "An object with the field when is needed here.")
            return None, None
        field = f"{place}.conditional.when"
        when = text_of(given, "when", f"{place}.conditional", self.problems)
        when = one_of(when, self.conditions, field, self.problems)
        if when not in {"lookup_not_empty", "lookup_empty"}:
            return when, None
        name = given.get("lookupName") or entry.get("lookupName")
        if not isinstance(name, str):
            self.problems.missing(f"{place}.conditional.lookupName")
            return when, None
        return when, self.lookups.get(name, f"{place}.conditional.lookupName", self.problems)

    def lookup(self, entry: Mapping[str, Any], place: str) -> Lookup | None:
        name = text_of(entry, "lookupName", place, self.problems)
        return self.lookups.get(name, f"{place}.lookupName", self.problems) if name else None

    def path(self, text: str, field: str) -> Path | None:
        try:
            return compile_path(text)
        except ConfigError as error:
            self.problems.take(field, error)
            return None

    def dates(self, entry: Mapping[str, Any], place: str) -> Callable[[Any], Any] | None:
        """The change from one way to write a date to another; None if nothing is said about dates."""
        given = {name: text_of(entry, name, place, self.problems) for name in _DATES}
        if not any(given.values()):
            return None
        for name in ("extractDateTimezone", "generateDateTimezone"):
            zone = given[name]
            if zone is not None and not _is_zone(zone):
                self.problems.add(f"{place}.{name}", f"There is no time zone {zone}.")
        from_zone, to_zone = given["extractDateTimezone"], given["generateDateTimezone"]
        return date_change(
            (given["extractDateFormat"], from_zone), (given["generateDateFormat"], to_zone or from_zone)
        )

    def converted(self, value: Any, cast: str | None, field: str) -> Any:
        """A constant of the type that is generated."""
        change = CASTS.get(cast or "")
        if value is None or value is MISSING or change is None:
            return value
        try:
            return change(value)
        except Refused as refused:
            self.problems.add(field, refused.message)
            return value


def _is_zone(name: str) -> bool:
    try:
        zone_of(name)
    except ValueError:
        return False
    return True


def date_change(
    given: tuple[str | None, str | None], wanted: tuple[str | None, str | None]
) -> Callable[[Any], Any]:
    """From a date written in one (pattern, zone) to the same moment written in another."""

    def change(value: Any) -> str:
        try:
            return format_date(parse_date(value, *given), *wanted)
        except (ValueError, OverflowError) as error:
            raise Refused(
                "mapping.bad_date",
                f"{error}.",
                "Let extractDateFormat say how the date is written, or map it only if it is not empty.",
            ) from None

    return change
