"""Lent credentials: one JSON object for each connection, sealed as a whole and given back as it came.

Other connections keep a configuration in which only single fields are secret. Whoever borrows sees no
difference: their plain configuration is what they lend.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr

from towpath.core.errors import NotFoundError
from towpath.core.ports import AuthType, Connector, OAuth
from towpath.core.records import Connection, ConnectionStatus
from towpath.core.repositories import UnitOfWork
from towpath.sdk.registry import Registry
from towpath.services.context import Rooms
from towpath.services.secrets import sealing
from towpath.services.secrets.fields import MARK
from towpath.vault import names_of

#: The one sealed field of a connection with lent credentials.
FIELD = "credentials"

#: Fields that OAuth 2 puts in by itself, whatever a connector's configuration says of them.
TOKENS = frozenset({"access_token", "refresh_token", "token", "token_type", "expires_in", "expires_at"})


def stored_config() -> dict[str, Any]:
    """The stored configuration of a connection whose credentials are sealed as a whole."""
    return {FIELD: {MARK: FIELD}}


def whole(row: Connection) -> bool:
    """Whether the connection's credentials are sealed as a whole."""
    return row.auth is not None and row.config == stored_config()


def to_secrets(credentials: Mapping[str, Any]) -> dict[str, SecretStr]:
    """What to seal: JSON that keeps whole numbers of any size."""
    return {FIELD: SecretStr(json.dumps(credentials, ensure_ascii=False, separators=(",", ":")))}


def from_secrets(secrets: Mapping[str, SecretStr]) -> dict[str, Any]:
    """The JSON object that `to_secrets` was given; empty if nothing is sealed."""
    sealed = secrets.get(FIELD)
    credentials: dict[str, Any] = {} if sealed is None else json.loads(sealed.get_secret_value())
    return credentials


def reveal(rooms: Rooms, work: UnitOfWork, org: str, row: Connection) -> dict[str, Any]:
    """The credentials of a connection for which `whole` holds; the process's log blots them out."""
    credentials = from_secrets(sealing.reveal(rooms, work, org, row.id))
    for text in _texts(credentials):
        rooms.conceal(text)
    return credentials


def provider_name(text: str) -> str:
    """How providers are called here: as connectors, in small letters."""
    return text.strip().lower()


def known_provider(registry: Registry, provider: str) -> Connector[Any] | None:
    """The connector of the provider; None for one that nobody has described: it can be lent all the same."""
    try:
        return registry.get(provider)
    except NotFoundError:
        return None


def described(connector: Connector[Any] | None) -> OAuth | None:
    """Where the provider issues tokens; None where that is known from the credentials alone."""
    oauth = connector.oauth if connector else None
    return None if oauth is None or oauth.token_url.startswith("{") else oauth


def fields_for(connector: Connector[Any], credentials: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the credentials that the connector's configuration knows: what a flow opens it with."""
    fields = connector.config.model_fields
    known = {given for name, field in fields.items() for given in names_of(name, field)}
    return {name: value for name, value in credentials.items() if name in known}


def status_of(
    connector: Connector[Any] | None, auth: AuthType, credentials: Mapping[str, Any]
) -> ConnectionStatus:
    """``active`` if everything is there that using them takes, else ``pending``."""
    given = set(_given(credentials))
    missing = set(_missing(connector, given))
    if auth is AuthType.OAUTH2:
        usable = _signed_in(connector, given) and missing <= TOKENS
    else:
        usable = bool(given) and not missing
    return ConnectionStatus.ACTIVE if usable else ConnectionStatus.PENDING


def _signed_in(connector: Connector[Any] | None, given: set[str]) -> bool:
    """Whether there is a token, or the client gets one for itself without asking a person."""
    if given & {"access_token", "refresh_token"}:
        return True
    oauth = described(connector)
    # Where nobody is asked the client is enough; of an unknown provider it is said where to go.
    wanted = {"client_id", "client_secret"} | (set() if oauth else {"token_url"})
    return given >= wanted and not (oauth.authorize_url if oauth else "authorize_url" in given)


def _given(credentials: Mapping[str, Any]) -> Iterator[str]:
    return (name for name, value in credentials.items() if value is not None and value != "")


def _missing(connector: Connector[Any] | None, given: set[str]) -> Iterator[str]:
    fields = connector.config.model_fields if connector else {}
    return (
        name for name, field in fields.items() if field.is_required() and not names_of(name, field) & given
    )


def _texts(value: Any) -> Iterator[str]:
    """All texts inside a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
