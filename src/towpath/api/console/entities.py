"""Between sources and destinations as clients of this family know them and connections."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from towpath.api.console import dialect
from towpath.core.errors import ConfigError
from towpath.core.records import Connection
from towpath.services.context import Rooms
from towpath.services.secrets import references as secretrefs
from towpath.services.workspace.uses import Role
from towpath.services.workspace.workspace import Draft

#: Where a connection keeps what this family alone knows of it.
NOTES = "console"

_WORDS: Mapping[Role, dialect.Role] = {Role.SOURCE: "source", Role.DESTINATION: "destination"}


@dataclass(frozen=True)
class Described:
    """A connection in this family's words."""

    name: str
    type: str
    version: str
    config: str
    """JSON text, with references for secrets."""


def kind_of(rooms: Rooms, role: Role, type: str) -> dialect.Kind:
    """The type of this name. Raises `ConfigError` (``connector.unknown``)."""
    return dialect.find(rooms.registry, _WORDS[role], type)


def versions_of(rooms: Rooms, role: Role, type: str) -> list[str]:
    """Newest first. Raises as `kind_of` does."""
    return dialect.versions(rooms.registry, _WORDS[role], type)


def type_of(role: Role, row: Connection) -> str:
    """What clients call the connection's type."""
    name: str = row.metadata.get(NOTES, {}).get("type") or dialect.kind_of(row.connector, _WORDS[role])
    return name


def described(rooms: Rooms, role: Role, row: Connection) -> Described:
    """The connection as clients sent it; one that was made elsewhere as they would have."""
    notes = row.metadata.get(NOTES, {})
    shown = secretrefs.shown(rooms.vault, row)
    type = type_of(role, row)
    try:
        config = kind_of(rooms, role, type).from_ours(row.connector, shown, notes.get("extra", {}))
        version = notes.get("version") or versions_of(rooms, role, type)[0]
    except ConfigError:
        # Its connector is not installed any more: all there is to show is what is stored.
        config, version = shown, notes.get("version", "")
    return Described(row.name, type, version, as_text(config))


def accepted(
    rooms: Rooms, role: Role, *, name: str, type: str, version: str, config: Mapping[str, Any]
) -> Draft:
    """What a client sent, in our words. Raises `ConfigError` naming the field as it was sent, below
    ``config``.
    """
    kind = kind_of(rooms, role, type)
    with _below_config():
        found = kind.to_ours(config)
        secretrefs.refuse(found.extra)
    notes = {"type": kind.name, "version": version, "extra": found.extra}
    return Draft(name=name, connector=found.connector, config=found.config, metadata={NOTES: notes})


def masked(rooms: Rooms, role: Role, type: str, draft: Draft) -> str:
    """What a client sent, for its echo: JSON text in which no secret stands."""
    kind = kind_of(rooms, role, type)
    extra = draft.metadata[NOTES]["extra"]
    return as_text(
        kind.from_ours(draft.connector, secretrefs.masked(rooms, draft.connector, draft.config), extra)
    )


@contextmanager
def in_words_of(rooms: Rooms, role: Role, type: str) -> Iterator[None]:
    """Tell what is wrong with a configuration of ours in the words of the type it was made from."""
    try:
        yield
    except ConfigError as error:
        if "field" not in error.context or error.code in _NOT_OF_CONFIG:
            raise
        raise _translated(kind_of(rooms, role, type), error) from None


#: These are about the type.
_NOT_OF_CONFIG = frozenset({"connector.unknown", "connector.no_source", "connector.no_destination"})


@contextmanager
def _below_config() -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        field = f"config.{error.context.get('field', '')}".rstrip(".")
        raise ConfigError(error.code, error.message, hint=error.hint, field=field) from None


def _translated(kind: dialect.Kind, error: ConfigError) -> ConfigError:
    ours = str(error.context["field"])
    reasons: Mapping[str, str] = error.context.get("reasons", {})
    field, message = _place(kind, ours), error.message.replace(repr(ours), repr(_place(kind, ours)))
    if reasons:
        told = "; ".join(f"{_place(kind, name)}: {reason}" for name, reason in reasons.items())
        message = f"The settings are wrong: {told}."
    hint = error.hint.replace(repr(ours), repr(field))
    return ConfigError(error.code, message, hint=hint, field=field)


def _place(kind: dialect.Kind, ours: str) -> str:
    """What clients call a setting of ours, from the top of their request."""
    return "config" if ours in ("", "(all)") else f"config.{kind.place(ours)}"


def as_text(config: Mapping[str, Any]) -> str:
    """The configuration as JSON text."""
    return json.dumps(config, ensure_ascii=False)
