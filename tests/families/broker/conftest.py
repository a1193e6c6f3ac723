"""A furnished organization: its key, a customer, an instance, and short ways to ask for things."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
import pytest

from support.api import STORES, Api, running, running_on, settings_of, uuid
from towpath.api.broker import family
from towpath.api.kit.family import Family
from towpath.core.ids import new_id


@pytest.fixture(scope="session")
def offered() -> tuple[Family, ...]:
    return (family,)


@dataclass
class Tenant:
    """One organization as a program sees it that holds its key."""

    api: Api
    org: str
    key: str
    customer: UUID
    instance: UUID
    proxy_key: str

    @classmethod
    def furnish(cls, api: Api, name: str) -> "Tenant":
        org = api.organization(f"{name} {new_id('org')}")  # the server may have one of that name already
        customer = api.customer(org)
        instance, proxy_key = api.instance(org, customer)
        return cls(api, org, api.key(org, "broker"), uuid(customer), uuid(instance), proxy_key)

    @property
    def connections(self) -> str:
        return f"/v1/customers/{self.customer}/connections"

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self.api.call(method, path, self.key, **options)

    def post(self, body: Any = None, **fields: Any) -> httpx2.Response:
        """Create a connection; what is not said is as good as any."""
        plain = {"name": "mailbox", "provider": "gmail", "credentials": {"access_token": "t"}}
        return self.ask("POST", self.connections, json=plain | fields if body is None else body)

    def connect(self, **fields: Any) -> str:
        """Id of a new connection."""
        made = self.post(**fields)
        assert made.status_code == 201, made.text
        return made.json()["id"]

    def show(self, connection: str) -> Any:
        return self.ask("GET", f"{self.connections}/{connection}").json()

    def post_grant(
        self, connection: str, capabilities: Any = (), instance: Any = None, **options: Any
    ) -> httpx2.Response:
        body = {"capabilities": list(capabilities), "instance_id": str(instance or self.instance)}
        return self.ask("POST", f"{self.connections}/{connection}/grants", json=body, **options)

    def grant(self, connection: str, *capabilities: str) -> str:
        """Id of a new grant to the instance."""
        made = self.post_grant(connection, capabilities)
        assert made.status_code == 201, made.text
        return made.json()["id"]

    def fetch(self, key: str | None = None, **query: Any) -> httpx2.Response:
        params = {"provider": "gmail"} | query
        path = f"/internal/v1/instances/{self.instance}/connections"
        return self.api.get(path, key or self.proxy_key, params=params)


@pytest.fixture(scope="module", params=STORES)
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One server on each store for all tests of a module: each has organizations of its own."""
    with running_on(request, tmp_path_factory.mktemp("broker") / "home", family) as api:
        yield api


@pytest.fixture(scope="module")
def api_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The same on SQLite only."""
    with running(settings_of(tmp_path_factory.mktemp("broker") / "home"), family) as api:
        yield api


@pytest.fixture
def acme(api: Api) -> Tenant:
    """On both stores."""
    return Tenant.furnish(api, "acme")


@pytest.fixture
def other(api: Api) -> Tenant:
    return Tenant.furnish(api, "other")


@pytest.fixture
def solo(api_sqlite: Api) -> Tenant:
    """On SQLite only."""
    return Tenant.furnish(api_sqlite, "solo")


@pytest.fixture
def neighbour(api_sqlite: Api) -> Tenant:
    """Another organization beside `solo`."""
    return Tenant.furnish(api_sqlite, "neighbour")


@pytest.fixture
def furnish() -> Callable[[Api, str], Tenant]:
    """For tests that bring a server of their own."""
    return Tenant.furnish
