"""Which way a record is written: whether it is there already, and what its templates have to know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from towpath.connectors.rest_api.calls import Api
from towpath.connectors.rest_api.lookups import look, named
from towpath.connectors.rest_api.writing import Operation, RestWriting
from towpath.sdk import AuthError, ConfigError, Failure, Sending, Tools, TowpathError


class LookupError_(Exception):  # noqa: N801, N818 - LookupError is taken, and it carries an outcome
    """A lookup could not be asked."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass
class Choice:
    """How a record is to be written."""

    way: int
    operation: Operation | None
    ignored: bool = False
    id: Any = None
    """What the lookup or the field that tells whether it is there gave."""
    words: dict[str, Any] = field(default_factory=dict)
    """The values of the lookups that its templates name."""


class Chooser:
    """Made once for all records of a step."""

    def __init__(self, api: Api, write: RestWriting, tools: Tools) -> None:
        self._api, self._write, self._tools = api, write, tools
        self._named = [named(write.lookups, _templates(write, way)) for way in range(write.ways)]
        self._by_lookup = self._lookup_that_tells()
        self._asks = write.ways > 1 or write.ignore_existing or write.ignore_missing
        if (write.ignore_existing or write.ignore_missing) and not self._tells:
            raise _cannot_tell()

    @property
    def is_plain(self) -> bool:
        """Whether records are written all alike, without a question."""
        return not self._asks and not any(self._named)

    @property
    def _tells(self) -> bool:
        return bool(self._by_lookup or self._write.existing_extract)

    def choose(self, sending: Sending) -> Choice:
        """Raises `LookupError_`, `AuthError`, `ConfigError`."""
        write, known = self._write, dict[str, Sequence[Any]]()
        operation: Any = sending.operation
        found: Any = None
        if operation is None and self._asks:
            found = self._existing(sending, known)
            operation = "update" if found is not None else "create"
        ignored = (write.ignore_existing and operation == "update") or (
            write.ignore_missing and operation == "create"
        )
        way = write.way_of(operation) if write.ways > 1 and operation else 0
        if operation is None and write.operations:
            operation = write.operations[0]
        choice = Choice(way, operation, ignored, found)
        if not ignored:
            choice.words = {str(one["name"]): self._first(one, sending, known) for one in self._named[way]}
        return choice

    def _existing(self, sending: Sending, known: dict[str, Sequence[Any]]) -> Any:
        """What tells that the record is there; None if it is not."""
        if self._write.existing_extract:
            for place in (sending.record, sending.data):
                found = self._tools.value(self._write.existing_extract, place)
                if found is not None and found != "":
                    return found
            if self._by_lookup is None:
                return None
        if self._by_lookup is None:
            raise _cannot_tell()
        hits = self._hits(self._by_lookup, sending, known)
        return hits[0] if hits else None

    def _first(self, lookup: Mapping[str, Any], sending: Sending, known: dict[str, Sequence[Any]]) -> Any:
        """The value that a template sees. None and several are failures, unless the lookup allows them."""
        hits = self._hits(lookup, sending, known)
        if lookup.get("allowFailures") is not True and len(hits) != 1:
            raise LookupError_(_not_one(str(lookup.get("name")), len(hits)))
        return hits[0] if hits else lookup.get("default")

    def _hits(
        self, lookup: Mapping[str, Any], sending: Sending, known: dict[str, Sequence[Any]]
    ) -> Sequence[Any]:
        name = str(lookup.get("name"))
        if name not in known:
            try:
                known[name] = look(self._api, lookup, sending.record, self._tools)
            except (AuthError, ConfigError):
                raise
            except TowpathError as error:
                message = f"The lookup {name!r} could not be asked: {error.message}"
                failure = Failure(
                    code=error.code, message=message, source="lookup", retryable=error.retryable
                )
                raise LookupError_(failure) from error
        return known[name]

    def _lookup_that_tells(self) -> Mapping[str, Any] | None:
        write = self._write
        if write.existing_lookup:
            for lookup in write.lookups:
                if lookup.get("name") == write.existing_lookup:
                    return lookup
            raise ConfigError(
                "config.invalid",
                f"There is no lookup {write.existing_lookup!r} to tell whether a record is there already.",
                hint="Name one of the import's lookups.",
                field="existing_lookup",
            )
        if write.ways == 1 or write.existing_extract:
            return None
        own = self._named[write.way_of("update")]
        return own[0] if own else None


def _not_one(name: str, hits: int) -> Failure:
    if hits:
        message = f"The lookup {name!r} finds {hits} matches for the record."
        return Failure(code="lookup.several_matches", message=message, source="lookup")
    message = f"The lookup {name!r} finds nothing for the record."
    return Failure(code="lookup.no_match", message=message, source="lookup")


def _templates(write: RestWriting, way: int) -> list[str]:
    body = write.body_of(way)
    texts = [write.relative_uri[way], *(header.value for header in write.headers)]
    return [*texts, body if isinstance(body, str) else orjson.dumps(body).decode()]


def _cannot_tell() -> ConfigError:
    return ConfigError(
        "config.invalid",
        "Nothing says how to find out whether a record is there already.",
        hint="Name a lookup (existing_lookup) or a field (existing_extract) that tells.",
        field="existing_lookup",
    )
