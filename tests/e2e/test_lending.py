"""Lending by real servers: several at once, killed ones, and new master keys meanwhile."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path

import httpx2
import pytest

from support.api import settings_of, uuid
from support.command import Towpath
from towpath.bootstrap.container import Container
from towpath.core.ports import AuthType
from towpath.core.records import AuditEntry, Connection, Grant
from towpath.services.lending import credentials
from towpath.services.people.keys import Customers, Instances
from towpath.services.secrets import sealing

PATIENCE = 60
CLIENTS = 4


class House:
    """A home with instances that may borrow one connection each, and the rooms behind the servers."""

    def __init__(self, towpath: Towpath, container: Container) -> None:
        self.towpath, self.container = towpath, container
        self.org = container.organization.id
        self.customer = Customers(container).create(self.org, "customer").id
        self.grants: list[Grant] = []
        self.requests: list[tuple[str, str]] = []
        """Path and key."""
        for number in range(CLIENTS):
            self._furnish(number)

    def _furnish(self, number: int) -> None:
        instance, shown = Instances(self.container).create(self.org, f"agent {number}", self.customer)
        row = Connection(
            org=self.org,
            customer=self.customer,
            name=f"mailbox {number}",
            connector="gmail",
            config=credentials.stored_config(),
            auth=AuthType.OAUTH2,
        )
        with self.container.store.begin() as work:
            work.connections.add(self.org, row)
            secrets = credentials.to_secrets({"access_token": f"canary-{number}"})
            sealing.keep(self.container, work, self.org, row.id, secrets)
            grant = Grant(org=self.org, connection=row.id, instance=instance.id)
            self.grants.append(work.grants.add(self.org, grant))
        path = f"/internal/v1/instances/{uuid(instance.id)}/connections?provider=gmail"
        self.requests.append((path, shown.text.get_secret_value()))

    def trail(self) -> list[AuditEntry]:
        with self.container.store.read() as work:
            assert work.audit.verify(self.org) is None
            rows = work.audit.list(self.org, limit=1_000_000)
        return [row for row in rows if row.action == "credential.fetch"]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service("postgres"))])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    home, chosen = tmp_path / "home", {}
    environment = {"TOWPATH_RATE_LIMIT": "none", "TOWPATH_FAILURE_LIMIT": "none"}
    if request.param == "postgresql":
        database = request.getfixturevalue("postgres_database")
        chosen["database_url"] = request.getfixturevalue("postgres").url(database)
        environment["TOWPATH_DATABASE_URL"] = chosen["database_url"]
    with closing(Container(settings_of(home, **chosen))) as container:
        _ = container.vault
        yield House(Towpath(home, **environment), container)


class Client:
    """Fetches again and again until it is told to stop or the server is gone; keeps every answer's id."""

    def __init__(self, url: str, path: str, key: str, stop: threading.Event) -> None:
        self.statuses: list[int] = []
        self.lent: list[str] = []
        self._url, self._path, self._stop = url, path, stop
        self._headers = {"Authorization": f"Bearer {key}"}

    def __call__(self) -> "Client":
        with (
            httpx2.Client(base_url=self._url, timeout=PATIENCE, trust_env=False) as client,
            suppress(httpx2.TransportError),
        ):
            while not self._stop.is_set():
                answer = client.get(self._path, headers=self._headers)
                self.statuses.append(answer.status_code)
                if answer.status_code == 200:
                    self.lent.append(answer.headers["x-request-id"])
        return self


def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.mark.slow
def test_what_one_process_takes_back_no_other_lends(house: House):
    with ExitStack() as stack:
        urls = [stack.enter_context(house.towpath.serving())[0] for _ in range(2)]
        client = stack.enter_context(httpx2.Client(timeout=PATIENCE, trust_env=False))
        path, key = house.requests[0]

        def ask(url):
            return client.get(url + path, headers={"Authorization": f"Bearer {key}"}).status_code

        for _ in range(3):
            assert [ask(url) for url in urls] == [200, 200]
            grant = house.grants[0]
            with house.container.store.begin() as work:
                work.grants.delete(house.org, grant.id)
            assert [ask(url) for url in urls] == [404, 404]
            with house.container.store.begin() as work:
                work.grants.add(house.org, grant)
        with house.container.store.begin() as work:
            (row,) = work.keys.list(house.org, instance=grant.instance)
            work.keys.delete(house.org, row.id)
        assert [ask(url) for url in urls] == [401, 401]


def test_whatever_a_killed_server_has_lent_is_on_record(house: House):
    stop = threading.Event()
    with house.towpath.serving() as (url, process), ThreadPoolExecutor(CLIENTS) as threads:
        clients = [Client(url, path, key, stop) for path, key in house.requests]
        going = [threads.submit(client) for client in clients]
        try:
            until(lambda: sum(len(client.lent) for client in clients) >= 100, "nothing is lent")
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            stop.set()
        for one in going:
            one.result(PATIENCE)
    lent = {id for client in clients for id in client.lent}
    on_record = {row.request for row in house.trail() if row.detail["outcome"] == 200}
    assert len(lent) >= 100
    assert lent <= on_record


def _went_on(clients, before):
    return all(len(client.statuses) > count + 10 for client, count in zip(clients, before, strict=True))


@pytest.mark.slow
def test_a_new_master_key_costs_no_fetch(house: House):
    stop = threading.Event()
    with house.towpath.serving() as (url, _), ThreadPoolExecutor(CLIENTS) as threads:
        clients = [Client(url, path, key, stop) for path, key in house.requests]
        going = [threads.submit(client) for client in clients]
        try:
            for _ in range(3):
                house.towpath("secrets", "rotate")
                before = [len(client.statuses) for client in clients]
                until(partial(_went_on, clients, before), "fetches stopped")
        finally:
            stop.set()
        for one in going:
            one.result(PATIENCE)
    assert {status for client in clients for status in client.statuses} == {200}
