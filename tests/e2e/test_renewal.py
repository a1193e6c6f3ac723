"""Fetches of a token that has ended, over several real servers on one store."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook

from support.api import uuid
from support.command import Towpath
from support.http import Endpoint, endpoint
from support.lent import LOOPBACK, SIGNING_SECRET, Lab, opened
from support.oauth import Faults, Held, oauth_server
from towpath.core.records import Connection, ConnectionStatus, Grant
from towpath.services.people.keys import Customers, Instances

PATIENCE = 120


@dataclass
class Fleet:
    """Servers on one home."""

    lab: Lab
    ear: Endpoint
    urls: list[str]
    processes: list[Any]
    customer: str
    instance: str
    key: str

    def lend(self, name: str, **more: Any) -> Connection:
        """A connection that the instance may borrow."""
        row = self.lab.signed_in(customer=self.customer, name=name, **more)
        with self.lab.container.store.begin() as work:
            work.grants.add(self.lab.org, Grant(org=self.lab.org, connection=row.id, instance=self.instance))
        return row

    def fetch(self, row: Connection, number: int) -> tuple[int, Any]:
        url = self.urls[number % len(self.urls)]
        path = f"/internal/v1/instances/{uuid(self.instance)}/connections?provider=acme&name={row.name}"
        answer = httpx2.get(url + path, headers={"Authorization": f"Bearer {self.key}"}, timeout=PATIENCE)
        return answer.status_code, answer.json()

    def fetch_together(self, row: Connection, count: int) -> list[tuple[int, Any]]:
        with ThreadPoolExecutor(count) as many:
            return list(many.map(lambda number: self.fetch(row, number), range(count)))


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service("postgres"))]
)
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    chosen, variables = {}, {"TOWPATH_ALLOWED_HOSTS": LOOPBACK}
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        chosen = {"database_url": server.url(server.create_database())}
        variables |= {"TOWPATH_DATABASE_URL": chosen["database_url"]}
    towpath = Towpath(folder / "home", **variables)
    with (
        oauth_server() as provider,
        endpoint() as ear,
        opened(folder / "home", provider, **chosen) as lab,
        ExitStack() as stack,
    ):
        lab.listen(ear.url)
        customer = Customers(lab.container).create(lab.org, "Acme").id
        instance, shown = Instances(lab.container).create(lab.org, "robot", customer)
        logs = [stack.enter_context((folder / f"server{number}.log").open("w")) for number in range(4)]
        running = [
            stack.enter_context(towpath.started("serve", "--port", "0", stdout=log, stderr=log))
            for log in logs
        ]
        urls = [url_in(Path(log.name)) for log in logs]
        yield Fleet(lab, ear, urls, running, customer, instance.id, shown.text.get_secret_value())


def url_in(log: Path) -> str:
    """What the server says that it listens on."""
    until = time.monotonic() + PATIENCE
    while "http://" not in (text := log.read_text()) or "\n" not in text.partition("http://")[2]:
        assert time.monotonic() < until, text
        time.sleep(0.1)
    return "http://" + text.split("http://")[1].split()[0]


@pytest.fixture
def fleet(servers: Fleet) -> Fleet:
    """Nothing has happened yet."""
    provider = servers.lab.provider
    provider.tokens.clear()
    provider.grants.clear()
    provider.faults = Faults()
    servers.ear.asked.clear()
    return servers


def test_a_hundred_fetches_make_one_call(fleet: Fleet):
    row = fleet.lend("together")
    fleet.lab.provider.faults.delay = 0.5
    found = fleet.fetch_together(row, 100)
    assert {status for status, _ in found} == {200}
    token = fleet.lab.credentials(row)["access_token"]
    assert {body["credentials"]["access_token"] for _, body in found} == {token}
    assert fleet.lab.provider.live(token)
    assert fleet.lab.provider.count() == 1


def test_a_provider_that_says_no_is_asked_once_and_told_of_once(fleet: Fleet):
    row = fleet.lend("refused")
    fleet.lab.provider.tokens[0].revoked = True
    found = fleet.fetch_together(row, 40) + fleet.fetch_together(row, 8)
    assert {status for status, _ in found} == {424}
    assert {body["code"] for _, body in found} == {"reauth_required"}
    assert fleet.lab.provider.count() == 1
    until = time.monotonic() + PATIENCE
    while not fleet.ear.asked and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(3)  # a second one would come within a round of the upkeep
    (asked,) = fleet.ear.asked
    assert Webhook(SIGNING_SECRET).verify(asked.body, asked.headers)["type"] == "connection.expired"


def test_a_provider_that_is_down_costs_nothing_while_the_old_token_lives(fleet: Fleet):
    row = fleet.lend("down", ends_in=200)
    fleet.lab.change(row, status=ConnectionStatus.ERROR)
    old = fleet.lab.credentials(row)["access_token"]
    for _ in range(50):
        fleet.lab.provider.faults.answer(503)
    found = fleet.fetch_together(row, 24)
    assert {(status, body["credentials"]["access_token"]) for status, body in found} == {(200, old)}
    assert fleet.lab.provider.count() == 1
    assert fleet.lab.row(row).error


def test_no_token_is_in_any_file(fleet: Fleet):
    row = fleet.lend("quiet")
    fleet.fetch_together(row, 8)
    files = fleet.lab.container.settings.home.parent.rglob("*")
    for file in files:
        if file.is_file():
            assert b"canary" not in file.read_bytes(), file


@pytest.mark.slow
def test_a_server_that_is_killed_while_it_renews_leaves_no_loop(fleet: Fleet):
    row = fleet.lend("killed")
    held = fleet.lab.provider.faults.after = Held()
    with ThreadPoolExecutor(1) as one:
        asking = one.submit(fleet.fetch, row, 0)
        assert held.reached.wait(PATIENCE)
        fleet.processes[0].kill()
        assert isinstance(asking.exception(PATIENCE), httpx2.TransportError)
    fleet.lab.provider.faults.after = lambda: None
    held.go.set()
    seen: list[int] = []
    until = time.monotonic() + PATIENCE
    while 424 not in seen and time.monotonic() < until:
        seen.append(fleet.fetch(row, 1 + len(seen) % 3)[0])
    assert set(seen) == {503, 424}, "not lent while it has ended, and then for good"
    assert fleet.fetch(row, 1)[0] == 424
    assert fleet.lab.row(row).status is ConnectionStatus.EXPIRED
    assert fleet.lab.provider.count() == 2
