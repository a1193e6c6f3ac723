"""The real server for tests of API families: sockets, SQLite and PostgreSQL, and a house to furnish.

::

    def test_a_key_of_another_organization_opens_nothing(api):
        acme, other = api.organization("acme"), api.organization("other")
        key = api.key(other, "broker")
        assert api.get(f"/v1/customers/{api.customer(acme)}/connections", key).status_code == 404

`api` runs each test on both stores; `api_sqlite` on SQLite only, for what no store can change. The server
runs in a thread of the test's process, and works on nothing: runs are only queued, unless
``api.container.work()`` is called. Ids are ours (``cus_…``); families translate them.
"""

import itertools
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
import uvicorn

from towpath.api.kit.family import Family
from towpath.bootstrap.container import Container
from towpath.bootstrap.settings import Settings, load
from towpath.core.ids import as_uuid
from towpath.core.records import KeyKind, Organization, User
from towpath.server import serving
from towpath.server.app import create_app
from towpath.services.people.keys import Customers, Instances, Keys, Shown
from towpath.services.people.sessions import Sessions

PATIENCE = 60
_METHODS = ("get", "post", "put", "patch", "delete")


class Api:
    """A running server, a client for it, and its rooms."""

    def __init__(self, container: Container, url: str, client: httpx2.Client) -> None:
        self.container = container
        self.url = url
        self.client = client
        self._names = itertools.count(1)

    def call(self, method: str, path: str, key: str | None = None, **options: Any) -> httpx2.Response:
        """One request; ``key`` goes as Bearer. Redirects are never followed."""
        headers = dict(options.pop("headers", {}))
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        # Cookies are sent by who says so, and by nobody else.
        self.client.cookies.clear()
        return self.client.request(method, path, headers=headers, **options)

    def get(self, path: str, key: str | None = None, **options: Any) -> httpx2.Response:
        return self.call("GET", path, key, **options)

    def post(self, path: str, key: str | None = None, **options: Any) -> httpx2.Response:
        return self.call("POST", path, key, **options)

    def delete(self, path: str, key: str | None = None, **options: Any) -> httpx2.Response:
        return self.call("DELETE", path, key, **options)

    def organization(self, name: str = "") -> str:
        """Id of a new organization."""
        with self.container.store.begin() as work:
            return work.organizations.add(Organization(name=self._name(name))).id

    def key(self, org: str, kind: str, name: str = "") -> str:
        """The text of a new key; of a partner's the client id alone: see `shown_key`."""
        return self.shown_key(org, kind, name).text.get_secret_value()

    def shown_key(self, org: str, kind: str, name: str = "") -> Shown:
        """A new key as its owner sees it, with its second half."""
        return Keys(self.container).create(org, self._name(name), KeyKind(kind))

    def customer(self, org: str, name: str = "") -> str:
        """Id of a new customer; its `uuid` is how the broker calls it."""
        return Customers(self.container).create(org, self._name(name)).id

    def instance(self, org: str, customer: str, name: str = "") -> tuple[str, str]:
        """Id of a new instance, and its proxy key."""
        row, shown = Instances(self.container).create(org, self._name(name), customer)
        return row.id, shown.text.get_secret_value()

    def session(self, org: str, name: str = "") -> str:
        """The token of a person of the organization who has signed in; goes as Bearer, or as the cookie."""
        with self.container.store.begin() as work:
            user = work.users.add(org, User(org=org, name=self._name(name)))
        return Sessions(self.container).open(org, user).get_secret_value()

    def _name(self, name: str) -> str:
        return name or f"thing {next(self._names)}"


def uuid(id: str) -> UUID:
    """How the broker calls what we call ``cus_…``."""
    return as_uuid(id)


def cases_of(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """All (method, path) of an OpenAPI document: ``("GET", "/v1/customers/{customer_id}")``, sorted."""
    paths = document["paths"].items()
    return sorted((method.upper(), path) for path, item in paths for method in _METHODS if method in item)


@contextmanager
def running(settings: Settings, *families: Family) -> Iterator[Api]:
    """The server on a free port, until the end of the block; with all families unless some are given."""
    with closing(Container(settings)) as container, serving.listen("127.0.0.1", 0) as sock:
        _ = container.vault, container.organization
        url = serving.address(sock)
        client = httpx2.Client(base_url=url, timeout=PATIENCE, trust_env=False)
        with _answering(serving.make(create_app(container, families)), sock), client:
            yield Api(container, url, client)


@contextmanager
def _answering(server: uvicorn.Server, sock: socket.socket) -> Iterator[None]:
    thread = threading.Thread(target=server.run, args=([sock],), name="server")
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


def settings_of(home: Path, **chosen: Any) -> Settings:
    """Settings of a home of the test's own, without limits on how much it may ask."""
    plain = load({"home": home, "log_level": "error"}, {})
    return replace(plain, **{"rate_limit": None, "failure_limit": None} | chosen)


@pytest.fixture(scope="session")
def offered() -> tuple[Family, ...]:
    """The families of the servers of `api` and `api_sqlite`: all, unless a family wants to be alone."""
    return ()


STORES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.service("postgres")))


@contextmanager
def running_on(request: pytest.FixtureRequest, home: Path, *families: Family) -> Iterator[Api]:
    """The server over an empty store of the kind that the fixture's parameter names, one of `STORES`."""
    chosen = {}
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
        chosen["database_url"] = postgres.url(postgres.create_database())
    with running(settings_of(home, **chosen), *families) as found:
        yield found


@pytest.fixture(params=STORES)
def api(request: pytest.FixtureRequest, tmp_path: Path, offered: tuple[Family, ...]) -> Iterator[Api]:
    """A server of the test's own, on an empty store; each test runs on both."""
    with running_on(request, tmp_path / "home", *offered) as found:
        yield found


@pytest.fixture
def api_sqlite(tmp_path: Path, offered: tuple[Family, ...]) -> Iterator[Api]:
    with running(settings_of(tmp_path / "home"), *offered) as found:
        yield found
