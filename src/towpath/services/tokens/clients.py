"""As whom, and where, tokens are asked for: the provider's public side and our registration with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from towpath.core.errors import ConfigError
from towpath.core.ports import OAuth
from towpath.core.records import Connection
from towpath.core.repositories import UnitOfWork
from towpath.services.context import Rooms
from towpath.services.lending.credentials import described, known_provider
from towpath.services.secrets import sealing
from towpath.vault import join_secrets
from towpath.vault.oauth import OAuthClient
from towpath.vault.oauth_urls import filled

#: The connector whose connections are registrations with providers.
CONNECTOR = "oauth_client"
#: Of credentials: id of the registration that they belong to.
CLIENT = "$client"


@dataclass(frozen=True)
class Registration:
    """What a dialog with a provider needs."""

    oauth: OAuth
    """With its addresses filled in."""
    client: OAuthClient
    scopes: tuple[str, ...] = ()
    """Asked for; empty for the provider's usual ones."""


def registration(
    rooms: Rooms, work: UnitOfWork, org: str, row: Connection, credentials: Mapping[str, Any]
) -> Registration:
    """For a connection: a client in its own credentials wins over the organization's.

    Raises `ConfigError` (``oauth.provider_unknown``, ``oauth.client_unknown``, ``oauth.word_missing`` …).
    """
    public = described(known_provider(rooms.registry, row.connector))
    own = _named_client(rooms, work, org, credentials) or _own_client(credentials, public)
    if public is None:
        # An address that comes with the credentials never gets to see the organization's secret.
        provider = _own_provider(row, credentials)
        if own is None:
            raise _client_unknown(row)
        return Registration(provider, own, row.scopes)
    oauth = filled(public, credentials)
    if own:
        return Registration(oauth, own, row.scopes)
    client, usual = _registered(rooms, work, org, row, public)
    return Registration(oauth, client, row.scopes or tuple(usual))


def client_rows(work: UnitOfWork, org: str, provider: str) -> list[Connection]:
    """The organization's registrations with the provider, oldest first; those that connections name by their
    ids (role ``client``) are not among them.
    """
    rows = work.connections.list(org, connector=CONNECTOR, customer=None, role=None, deleted_at=None)
    return [row for row in rows if row.config.get("provider") == provider]


def _named_client(
    rooms: Rooms, work: UnitOfWork, org: str, credentials: Mapping[str, Any]
) -> OAuthClient | None:
    """The registration that the credentials name by its id, as it is now."""
    id = credentials.get(CLIENT)
    row = work.connections.find(org, id=id, connector=CONNECTOR, deleted_at=None) if id else None
    if row is None:
        return None
    config = join_secrets(row.config, sealing.reveal(rooms, work, org, row.id))
    return _own_client({**config, "client_auth": credentials.get("client_auth")}, None)


def _own_client(credentials: Mapping[str, Any], public: OAuth | None) -> OAuthClient | None:
    id, secret = credentials.get("client_id"), credentials.get("client_secret")
    if not isinstance(id, str) or not id:
        return None
    auth = public.client_auth if public else credentials.get("client_auth")
    way = "client_secret_post" if auth == "client_secret_post" else "client_secret_basic"
    return OAuthClient(id, SecretStr(secret) if isinstance(secret, str) and secret else None, way)


def _own_provider(row: Connection, credentials: Mapping[str, Any]) -> OAuth:
    if not _text(credentials, "token_url"):
        raise ConfigError(
            "oauth.provider_unknown",
            f"It is not known where {row.connector} issues tokens.",
            hint="Add token_url and client_id to the credentials, or describe the provider in the catalogue.",
            field="token_url",
        )
    return OAuth(
        token_url=_text(credentials, "token_url"),
        authorize_url=_text(credentials, "authorize_url"),
        revoke_url=_text(credentials, "revoke_url"),
        issuer=_text(credentials, "issuer"),
        scope_separator=_text(credentials, "scope_separator") or " ",
    )


def _text(credentials: Mapping[str, Any], name: str) -> str:
    value = credentials.get(name)
    return value if isinstance(value, str) else ""


def _registered(
    rooms: Rooms, work: UnitOfWork, org: str, row: Connection, oauth: OAuth
) -> tuple[OAuthClient, Sequence[str]]:
    rows = client_rows(work, org, row.connector)
    if not rows:
        raise _client_unknown(row)
    config = join_secrets(rows[0].config, sealing.reveal(rooms, work, org, rows[0].id))
    secret = config.get("client_secret")
    client = OAuthClient(config["client_id"], SecretStr(secret) if secret else None, oauth.client_auth)
    return client, tuple(config.get("scopes") or ())


def _client_unknown(row: Connection) -> ConfigError:
    return ConfigError(
        "oauth.client_unknown",
        f"No OAuth client is registered for {row.connector}.",
        hint=f"Register it: PUT /v1/providers/{row.connector}/client with client_id and client_secret.",
        field="client_id",
    )
