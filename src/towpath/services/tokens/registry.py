"""The providers that people can sign in to, and the organization's registrations with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from towpath.core.errors import NotFoundError, TowpathError
from towpath.core.ports import Connector
from towpath.core.records import Connection
from towpath.core.repositories import UnitOfWork
from towpath.services.connections import Connections
from towpath.services.context import UseCases
from towpath.services.lending.credentials import known_provider, provider_name
from towpath.services.tokens.clients import CONNECTOR, client_rows


@dataclass(frozen=True)
class Known:
    """A provider, and whether the organization is registered with it."""

    connector: Connector[Any]
    has_client: bool


class OAuthClients(UseCases):
    """One registration for each provider: a connection of the connector ``oauth_client``."""

    def providers(self, org: str) -> Sequence[Known]:
        """Every connector whose credentials can be lent by name, in name order. Broken ones are left out."""
        found = [self._load(name) for name in self.rooms.registry.names()]
        with self.rooms.store.read() as work:
            rows = work.connections.list(org, connector=CONNECTOR, customer=None, role=None, deleted_at=None)
        registered = {row.config.get("provider") for row in rows}
        return [Known(one, one.name in registered) for one in found if one is not None and one.auth]

    def get(self, org: str, provider: str) -> Connection:
        """Raises `NotFoundError`."""
        with self.rooms.store.read() as work:
            return _registered(work, org, provider_name(provider))

    def put(
        self,
        org: str,
        provider: str,
        client_id: str,
        client_secret: SecretStr | None = None,
        scopes: Sequence[str] | None = None,
    ) -> Connection:
        """Register, or change the registration; a secret that is left out stays as it is.

        Raises `NotFoundError` for a provider where nobody can sign in.
        """
        name = provider_name(provider)
        connector = known_provider(self.rooms.registry, name)
        if connector is None or connector.oauth is None:
            raise _missing("provider", name)
        config = {"provider": name, "client_id": client_id, "scopes": list(scopes) if scopes else None}
        if client_secret is not None:
            config["client_secret"] = client_secret.get_secret_value()
        connections = Connections(self.rooms, self.actor)
        with self.sealing() as work:
            rows = client_rows(work, org, name)
            if rows:
                return connections.update_in(work, org, rows[0], config)
            return connections.create_in(work, org, f"{name} OAuth client", CONNECTOR, config)

    def delete(self, org: str, provider: str) -> None:
        """Raises `NotFoundError`. Tokens that the client got cannot be renewed from then on."""
        Connections(self.rooms, self.actor).delete(org, self.get(org, provider).id)

    def _load(self, name: str) -> Connector[Any] | None:
        try:
            return self.rooms.registry.get(name)
        except TowpathError:
            return None


def _registered(work: UnitOfWork, org: str, provider: str) -> Connection:
    rows = client_rows(work, org, provider)
    if not rows:
        raise _missing("client", provider)
    return rows[0]


def _missing(what: str, provider: str) -> NotFoundError:
    return NotFoundError(
        "oauth.client_missing",
        f"There is no OAuth {what} {provider!r}.",
        hint="`GET /v1/providers` lists the providers, and which of them have a client.",
    )
