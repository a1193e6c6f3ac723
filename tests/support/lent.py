"""A home with connections whose tokens a real provider renews."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.api import settings_of
from support.http import Endpoint, endpoint
from support.oauth import CLIENT, SECRET, Provider
from towpath.bootstrap.container import Container
from towpath.core.ports import AuthType
from towpath.core.records import AuditEntry, Connection, Event, Renewal, now
from towpath.sdk import guard
from towpath.services.connections import Connections
from towpath.services.lending import credentials as lent
from towpath.services.secrets import sealing
from towpath.services.tokens.renewing import Tokens

LOOPBACK = "127.0.0.0/8"
SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Lab:
    """Rooms of one home, and what tests do in them."""

    def __init__(self, container: Container, provider: Provider) -> None:
        self.container, self.provider = container, provider
        self.org = container.organization.id

    def describe(self, name: str = "acme", **auth: Any) -> None:
        """Put the provider into the home's catalogue."""
        folder = self.container.settings.home / "connectors"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(description(self.provider, name, **auth))
        self.container.__dict__.pop("registry", None)

    def register(self, provider: str = "acme", id: str = CLIENT, secret: str = SECRET) -> Connection:
        """The organization's own client."""
        config = {"provider": provider, "client_id": id, "client_secret": secret}
        return Connections(self.container).create(self.org, f"{provider} client", "oauth_client", config)

    def listen(self, url: str, **config: Any) -> Connection:
        """Have events sent there."""
        config = {"url": url, "signing_secret": SIGNING_SECRET, **config}
        return Connections(self.container).create(self.org, "events", "http", config)

    def add(
        self,
        credentials: Mapping[str, Any],
        ends: datetime | None = None,
        connector: str = "acme",
        **more: Any,
    ) -> Connection:
        """A connection with these credentials."""
        more = {"auth": AuthType.OAUTH2, "name": "mailbox", **more}
        row = Connection(
            org=self.org, connector=connector, config=lent.stored_config(), expires_at=ends, **more
        )
        _ = self.container.vault
        with self.container.store.begin() as work:
            work.connections.add(self.org, row)
            sealing.keep(self.container, work, self.org, row.id, lent.to_secrets(credentials))
        return row

    def signed_in(self, ends_in: float = -1, **more: Any) -> Connection:
        """A connection of somebody who signed in; by default its token has just ended."""
        token = self.provider.issue()
        own = {"access_token": token.access_token, "refresh_token": token.refresh_token}
        plain = {"token_url": f"{self.provider.url}/token", "client_id": CLIENT, "client_secret": SECRET}
        given = {**own, **plain, **more.pop("credentials", {})}
        given = {name: value for name, value in given.items() if value is not None}
        return self.add(given, now() + timedelta(seconds=ends_in), **more)

    def renew(self, row: Connection, **more: Any) -> Connection:
        """Renew as a fetch does; the row as it is then."""
        Tokens(self.container).renew(self.org, row.id, **more)
        return self.row(row)

    def row(self, row: Connection) -> Connection:
        with self.container.store.read() as work:
            return work.connections.get(self.org, row.id)

    def change(self, row: Connection, **changes: Any) -> None:
        with self.container.store.begin() as work:
            work.connections.update(self.org, row.id, **changes)

    def credentials(self, row: Connection) -> dict[str, Any]:
        with self.container.store.read() as work:
            return lent.reveal(self.container, work, self.org, row)

    def lease(self, row: Connection) -> Renewal:
        with self.container.store.read() as work:
            return work.renewals.get(self.org, row.id)

    def patience_is_over(self, row: Connection) -> None:
        """The pause after a failure has passed."""
        with self.container.store.begin() as work:
            work.renewals.claim(self.org, row.id, "test", now(), now())
            work.renewals.end(self.org, row.id, "test", now() - timedelta(seconds=1))

    def events(self) -> list[Event]:
        with self.container.store.read() as work:
            return list(work.events.list(self.org))

    def trail(self, action: str) -> list[AuditEntry]:
        with self.container.store.read() as work:
            return [entry for entry in work.audit.list(self.org) if entry.action == action]


def description(provider: Provider, name: str, **auth: Any) -> str:
    """The provider as a file of the catalogue."""
    oauth = provider.definition
    given = {
        "type": "oauth2",
        "token_url": oauth.token_url,
        "authorize_url": oauth.authorize_url,
        "revoke_url": oauth.revoke_url,
        "issuer": oauth.issuer,
        **auth,
    }
    lines = "\n".join(f"    {key}: {value!r}" for key, value in given.items())
    return f"name: {name}\ntitle: Acme Mail\nauth:\n  -\n{lines}\n    scopes: [read]\n"


@contextmanager
def opened(home: Path, provider: Provider, **chosen: Any) -> Iterator[Lab]:
    """A container on the home, that may reach this machine."""
    before = guard.allowed_hosts()
    chosen = {"allowed_hosts": (LOOPBACK,), **chosen}
    with closing(Container(settings_of(home, **chosen))) as container:
        _ = container.registry, container.vault
        try:
            yield Lab(container, provider)
        finally:
            guard.configure(before)


@pytest.fixture
def lab(tmp_path: Path, provider: Provider) -> Iterator[Lab]:
    with opened(tmp_path / "home", provider) as made:
        yield made


@pytest.fixture
def ear() -> Iterator[Endpoint]:
    """Where events can be sent to."""
    with endpoint() as served:
        yield served
