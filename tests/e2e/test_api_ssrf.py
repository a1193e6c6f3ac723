"""Addresses that users of the APIs may give lead to the public internet, or where the operator says.

A trap listens beside what is allowed: whoever connects to it has been led astray.
"""

import selectors
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Self

import pytest

from support.api import Api, running, settings_of, uuid
from support.command import PATIENCE, Towpath, connection, flow
from support.http import Answer, Asked, Endpoint, endpoint
from towpath.sdk import guard

#: Hosts that are this machine, or ways to it, or to a neighbour; ``{port}`` is the trap's.
ADDRESSES = {
    "loopback": "127.0.0.1:{port}",
    "all of 127/8": "127.8.9.1:{port}",
    "by name": "localhost:{port}",
    "any": "0.0.0.0:{port}",
    "IPv6 loopback": "[::1]:{port}",
    "IPv6 any": "[::]:{port}",
    "mapped": "[::ffff:127.0.0.1]:{port}",
    "mapped in hexadecimal": "[::ffff:7f00:1]:{port}",
    "compatible": "[::127.0.0.1]:{port}",
    "NAT64": "[64:ff9b::7f00:1]:{port}",
    "local NAT64": "[64:ff9b:1::7f00:1]:{port}",
    "6to4": "[2002:7f00:1::]:{port}",
    "Teredo": "[2001:0:4136:e378:8000:63bf:80ff:fffe]:{port}",
    "decimal": "2130706433:{port}",
    "octal": "0177.0.0.1:{port}",
    "hexadecimal": "0x7f.0.0.1:{port}",
    "short": "127.1:{port}",
    "with a dot at its end": "127.0.0.1.:{port}",
    "with wide dots": "127\u30020\u30020\u30021:{port}",
    "in circles": "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460:{port}",
    "behind a user name": "example.com@127.0.0.1:{port}",
    "before a backslash": "127.0.0.1:{port}\\@example.com",
    "with a zone": "[fe80::1%25lo]:{port}",
    "metadata": "169.254.169.254",
    "metadata by IPv6": "[fd00:ec2::254]",
    "metadata mapped": "[::ffff:169.254.169.254]",
    "metadata through NAT64": "[64:ff9b::a9fe:a9fe]",
    "private": "10.0.0.1",
    "private too": "192.168.1.1",
    "CGNAT": "100.64.0.1",
    "Alibaba's metadata": "100.100.100.200",
    "multicast": "224.0.0.1",
    "broadcast": "255.255.255.255",
}
#: Ways into an address: provider, kind of credentials, and the credentials with the address in them.
WAYS: dict[str, Any] = {
    "http destination": ("http", "api_key", lambda url: {"url": url}),
    "REST base_url": (
        "guesty_enterprise",
        "api_key",
        lambda url: {"integration_token": "t", "base_url": url},
    ),
    "REST store_url": (
        "woocommerce",
        "basic",
        lambda url: {"consumer_key": "k", "consumer_secret": "s", "store_url": url},
    ),
    "S3 endpoint": (
        "jsonl",
        "api_key",
        lambda url: {"path": "s3://b/p", "access_key": "k", "secret_key": "s", "endpoint": url},
    ),
    "token_url": (
        "somebody",
        "oauth2",
        lambda url: {"refresh_token": "r", "client_id": "i", "client_secret": "s", "token_url": url},
    ),
}


class Trap:
    """Listens on every address of this machine, and counts who comes."""

    def __init__(self) -> None:
        self._four = socket.create_server(("0.0.0.0", 0))  # noqa: S104 - a trap is open on all sides
        self.port = self._four.getsockname()[1]
        self._sockets = [self._four]
        if socket.has_ipv6:
            self._sockets.append(_six(self.port))
        self._waiting = selectors.DefaultSelector()
        for one in self._sockets:
            self._waiting.register(one, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.close()
        for one in self._sockets:
            one.close()

    @property
    def sprung(self) -> bool:
        return bool(self._waiting.select(0))


def _six(port: int) -> socket.socket:
    return socket.create_server(("::1", port), family=socket.AF_INET6)


@pytest.fixture(scope="module")
def trap() -> Iterator[Trap]:
    with Trap() as made:
        yield made


class Tenant:
    """Asks the broker to try connections."""

    def __init__(self, api: Api) -> None:
        self.api = api
        org = api.organization()
        self._key, self._customer = api.key(org, "broker"), uuid(api.customer(org))
        self._names = iter(range(10_000))

    def tried(self, way: str, url: str) -> dict[str, Any]:
        provider, kind, credentials = WAYS[way]
        body = {
            "name": f"c{next(self._names)}",
            "provider": provider,
            "auth_type": kind,
            "credentials": credentials(url),
        }
        connections = f"/v1/customers/{self._customer}/connections"
        made = self.api.post(connections, self._key, json=body)
        assert made.status_code == 201, made.text
        tried = self.api.post(f"{connections}/{made.json()['id']}/test", self._key)
        assert tried.status_code == 200, tried.text
        return tried.json()


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    before = guard.allowed_hosts()
    with running(settings_of(tmp_path_factory.mktemp("ssrf") / "home")) as api:
        yield Tenant(api)
    guard.configure(before)


@pytest.mark.parametrize("way", WAYS)
def test_no_address_leads_inside(tenant: Tenant, trap: Trap, way: str):
    """One way takes the whole table, the others behind the same guard different parts of it."""
    place = list(WAYS).index(way)
    table = list(ADDRESSES.items())
    for what, address in table[place - 1 :: 4] if place else table:
        url = f"http://{address.format(port=trap.port)}/path"
        began = time.monotonic()
        outcome = tenant.tried(way, url)
        assert outcome["status"] == "error", (what, outcome)
        assert any(
            words in outcome["error_message"]
            for words in ("it is not reached", "not a valid http or https URL", "has no address")
        ), (what, outcome)
        assert not trap.sprung, what
        assert time.monotonic() - began < PATIENCE


@pytest.mark.parametrize("way", WAYS)
def test_what_the_operator_lists_is_reached(tmp_path: Path, way: str):
    before = guard.allowed_hosts()
    with ExitStack() as stack:
        served, other = stack.enter_context(endpoint()), stack.enter_context(endpoint())
        allowed = (f"127.0.0.1:{served.port}",)
        tenant = Tenant(stack.enter_context(running(settings_of(tmp_path / "home", allowed_hosts=allowed))))
        tenant.tried(way, served.url)
        assert served.asked or way == "http destination"  # which is looked at without sending anything
        assert "it is not reached" in tenant.tried(way, other.url)["error_message"]
        assert not other.asked
    guard.configure(before)


# ── runs that are led astray ─────────────────────────────────────────────────────────────────────

LISTINGS = """
name: hostile
title: Hostile
fields: {token: {title: Token, secret: true}, site: {title: Site}}
auth: [{type: api_key, header: X-Token, value: "{token}"}]
base_url: "{site}"
streams:
  moved: {path: /moved, records: items, schema: {id: integer}}
  linked: {path: /linked, records: items, paging: {type: next_url, next: next}, schema: {id: integer}}
"""


class Hostile:
    """A server that everybody may reach, and that sends everybody on to the trap."""

    def __init__(self, served: Endpoint, trap: str) -> None:
        self.url = served.url
        self._trap = trap
        served.answer = self._answer

    def _answer(self, asked: Asked) -> Answer:
        page = b'{"items": [{"id": 1}], "next": "%s"}' % self._trap.encode()
        match asked.path.partition("?")[0]:
            case "/moved" | "/hook":
                return 307, {"location": self._trap}, b""
            case _:
                return 200, {}, page


@pytest.fixture
def hostile(trap: Trap) -> Iterator[Hostile]:
    with endpoint() as served:
        yield Hostile(served, f"http://127.0.0.1:{trap.port}/inside")


@pytest.mark.slow
def test_no_answer_leads_inside(towpath: Towpath, tmp_path: Path, trap: Trap, hostile: Hostile):
    """Redirects and links to a next page, of a server that is allowed itself."""
    (towpath.home / "connectors").mkdir(parents=True)
    (towpath.home / "connectors" / "hostile.yaml").write_text(LISTINGS)
    towpath.environment |= {"TOWPATH_ALLOWED_HOSTS": hostile.url.removeprefix("http://")}
    shop = tmp_path / "shop.db"
    with closing(sqlite3.connect(shop)) as database, database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
        database.execute("INSERT INTO orders VALUES (1)")
    (tmp_path / "flows.yaml").write_text(
        connection("site", "hostile", token="${env:TOKEN}", site=hostile.url)
        + connection("hook", "http", url=f"{hostile.url}/hook")
        + connection("shop", "sqlite", path=str(shop))
        + connection("lake", "duckdb", path=str(tmp_path / "lake.duckdb"))
        + "".join(flow(name, "site", "lake", streams=[{"name": name}]) for name in ("moved", "linked"))
        + flow("sent", "shop", "hook", streams=[{"name": "orders", "write": "append"}])
    )
    towpath.environment["TOKEN"] = "secret-of-the-site"
    towpath("apply", "-f", tmp_path / "flows.yaml")
    for name, code in (
        ("moved", "http.blocked_host"),
        ("linked", "answer.foreign_link"),
        ("sent", "http.blocked_host"),
    ):
        done = subprocess.run(
            [towpath.program, "run", name],
            env=towpath.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode != 0
        assert code in done.stdout + done.stderr, (name, done)
        assert not trap.sprung, name
