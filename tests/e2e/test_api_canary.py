"""One server, every secret that its APIs take, marked; then all that it said, wrote or started is searched.

Where a secret is granted it has to be found: what was searched for was really there. # Invariant 8
"""

import base64
import itertools
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Self

import httpx2
import psutil
import pytest

from support.command import PATIENCE, Towpath
from support.http import Answer, Asked, Endpoint, endpoint
from support.lent import description
from support.oauth import CLIENT, SECRET, Provider

#: What the provider of the tests issues is marked like this too.
MARK = "canary-"
#: A program's own notes are not sealed; they are not shown either.
UNSHOWN = "remark-of-a-program"
SIGNING = "whsec_" + base64.b64encode(b"canary-signing-secret-000").decode()
#: The mark inside of base64, at any offset: without the characters that neighbours have a part in.
DISGUISED = [
    base64.b64encode(b"x" * n + MARK.encode() + b"xx")[-(-8 * n // 6) : 8 * (n + len(MARK)) // 6]
    for n in range(3)
]

SITE = """
name: {name}
title: Site
fields: {{token: {{title: Token, secret: true}}, site: {{title: Site}}}}
auth: [{{type: api_key, {place}, value: "{{token}}"}}]
base_url: "{{site}}"
streams:
  items: {{path: /items, records: items, schema: {{id: integer}}, intervals: [60]}}
"""


def echo(asked: Asked) -> Answer:
    """A system that repeats all it was told: a good page, or refusals of many kinds, for whom it knows."""
    told = json.dumps({"path": asked.path, "headers": asked.headers, "body": asked.body.decode()}).encode()
    if "/items" in asked.path and "good" in str(asked.headers) + asked.path:
        return 200, {}, b'{"items": [{"id": 1}, {"id": 2}]}'
    return 422 if asked.method == "POST" else 403, {"x-echo": "".join(asked.headers.values())[:200]}, told


class Answers:
    """A client of the server that keeps what it is told."""

    def __init__(self, url: str) -> None:
        self.client = httpx2.Client(base_url=url, timeout=PATIENCE, trust_env=False)
        self.plain: list[tuple[str, str]] = []
        """What was asked, and all of the answer: nothing secret may be in it."""
        self.granted: list[str] = []
        """Answers that are meant to hold something secret."""

    def __call__(self, method: str, path: str, *, granted: bool = False, **options: Any) -> httpx2.Response:
        answer = self.client.request(method, path, **options)
        whole = f"{answer.status_code} {answer.headers!r} {answer.text}"
        if granted:
            self.granted.append(whole)
        else:
            self.plain.append((f"{method} {path.partition('?')[0]}", whole))
        return answer


class Spy(threading.Thread):
    """Looks again and again at the arguments and the environment of a process and all that come of it."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self._root, self._over = psutil.Process(root), threading.Event()
        self.seen: set[bytes] = set()
        self.processes: set[int] = set()

    def run(self) -> None:
        while not self._over.wait(0.05):
            try:
                family = [self._root, *self._root.children(recursive=True)]
            except psutil.Error:
                return
            for one in family:
                self._look(one.pid)

    def _look(self, pid: int) -> None:
        try:
            self.seen |= {Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")}
            self.processes.add(pid)
        except OSError:
            return

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(PATIENCE)


def eventually(look: Callable[[], Any], what: str) -> Any:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what} did not happen")


class House:
    """The server, its neighbours, and what was said."""

    def __init__(self, towpath: Towpath, provider: Provider, site: Endpoint, url: str) -> None:
        self.towpath, self.provider, self.site = towpath, provider, site
        self.ask = Answers(url)
        self.said: list[str] = []
        self.keys: list[str] = []
        """Secrets that Towpath itself has made."""

    def command(self, *words: str) -> Any:
        done = self.towpath(*words)
        self.said.append(done.stdout + done.stderr)
        return done

    def made_key(self, *words: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.towpath.json(*words)
        self.keys += [shown[name] for name in ("key", "secret", "proxy_key") if name in shown]
        return shown


@pytest.fixture
def house(towpath: Towpath, provider: Provider, tmp_path: Path) -> Iterator[tuple[House, Spy, Path]]:
    temporary, log = tmp_path / "temporary", tmp_path / "server.log"
    temporary.mkdir()
    folder = towpath.home / "connectors"
    folder.mkdir(parents=True)
    (folder / "acme.yaml").write_text(description(provider, "acme"))
    for name, place in (("site", "header: X-Token"), ("query_site", "query: key")):
        (folder / f"{name}.yaml").write_text(SITE.format(name=name, place=place))
    towpath.environment |= {
        "TOWPATH_ALLOWED_HOSTS": "127.0.0.1",
        "TOWPATH_LOG_LEVEL": "debug",
        "TOWPATH_RATE_LIMIT": "none",
        "TOWPATH_FAILURE_LIMIT": "none",
        "TMPDIR": str(temporary),
    }
    towpath.environment["SIGNING"] = SIGNING
    with ExitStack() as stack:
        site = stack.enter_context(endpoint())
        site.answer = echo
        towpath(
            *("connections", "add", "events", "http", "--set", f"url={site.url}/events"),
            *("--set", "signing_secret=${env:SIGNING}"),
        )
        del towpath.environment["SIGNING"]
        towpath.environment["TOWPATH_MASTER_KEY"] = (towpath.home / "master.key").read_text().strip()
        output = stack.enter_context(log.open("w"))
        process = stack.enter_context(towpath.started("serve", "--port", "0", stdout=output, stderr=output))
        eventually(lambda: "Ctrl-C" in log.read_text(), "the start of the server")
        url = "http://" + log.read_text().split("http://")[1].split()[0]
        spy = stack.enter_context(Spy(process.pid))
        made = House(towpath, provider, site, url)
        stack.enter_context(made.ask.client)
        yield made, spy, log


@pytest.mark.slow
def test_no_secret_is_found_where_it_must_not_be(house: tuple[House, Spy, Path], tmp_path: Path):
    here, spy, log = house
    lend(here)
    move(here, tmp_path)
    abuse(here)
    look_around(here)

    master = here.towpath.environment["TOWPATH_MASTER_KEY"]
    secrets = [MARK, SIGNING, master, *here.keys, *(text.decode() for text in DISGUISED)]
    assert len(here.keys) >= 5
    assert not [what for what, whole in here.ask.plain for one in (*secrets, UNSHOWN) if one in whole]
    assert not [text[:200] for text in here.said for one in secrets if one in text]
    files = [log, *(path for top in (here.towpath.home, tmp_path / "temporary") for path in top.rglob("*"))]
    for path in filter(Path.is_file, files):
        if path.name != "master.key":
            content = path.read_bytes()
            assert not [one for one in secrets if one.encode() in content], path
    # The server itself was given the master key; what it has started was not.
    own = Path(f"/proc/{spy._root.pid}/environ").read_bytes()
    assert len(spy.processes) > 1
    assert not [1 for seen in spy.seen - {own} for one in secrets if one.encode() in seen]

    # All of it was really there.
    granted = "".join(here.ask.granted)
    assert all(f"{MARK}{name}" in granted for name in ("at-", "api-key", "basic", "note"))
    told = "".join(str((asked.path, asked.headers)) for asked in here.site.asked)
    assert all(f"{MARK}{name}" in told for name in ("good-token", "bad-token", "bad-query", "hook", "plain"))
    assert "DEBUG" in log.read_text().upper()
    assert "webhook-signature" in told


# ── the broker ───────────────────────────────────────────────────────────────────────────────────


def lend(here: House) -> None:
    """Credentials of every kind go in, and come out where they are granted."""
    ask = here.ask
    key = here.made_key("keys", "create", "app", "--kind", "broker")["key"]
    own = {"headers": {"X-Api-Key": key}}
    put = ask("PUT", "/v1/providers/acme/client", json={"client_id": CLIENT, "client_secret": SECRET}, **own)
    here.provider.client(CLIENT, SECRET, put.json()["redirect_uri"])
    customer = f"/v1/customers/{ask('POST', '/v1/customers', json={'name': 'Bakery'}, **own).json()['id']}"
    robot = ask("POST", f"{customer}/instances", granted=True, json={"name": "robot"}, **own).json()
    here.keys.append(robot["proxy_key"])

    def connect(name: str, auth: str, credentials: Any, provider: str = "acme") -> str:
        body = {"name": name, "provider": provider, "auth_type": auth, "credentials": credentials}
        body["metadata_json"] = {"note": UNSHOWN}
        id = ask("POST", f"{customer}/connections", json=body, **own).json()["id"]
        grant = {"instance_id": robot["id"], "capabilities": []}
        assert ask("POST", f"{customer}/connections/{id}/grants", json=grant, **own).status_code == 201
        return f"{customer}/connections/{id}"

    def fetch(name: str, provider: str = "acme") -> int:
        path = f"/internal/v1/instances/{robot['id']}/connections?provider={provider}&name={name}"
        proxy = {"Authorization": f"Bearer {robot['proxy_key']}"}
        return ask(
            "GET", path, granted=here.ask.client.get(path, headers=proxy).status_code == 200, headers=proxy
        ).status_code

    # A person signs in, and the token is renewed.
    here.provider.faults.fields = {"expires_in": 1}
    mailbox = connect("mailbox", "oauth2", {})
    sign_in(here, ask("POST", f"{mailbox}/connect", granted=True, json={}, **own).json()["url"])
    time.sleep(1.1)
    here.provider.faults.fields = {}
    assert fetch("mailbox") == 200
    assert here.provider.count("refresh_token") == 1

    connect("shop", "api_key", {"api_key": f"{MARK}api-key", "deep": [{"note": f"{MARK}note"}]})
    login = connect("login", "basic", {"username": "ada", "password": f"{MARK}basic"})
    assert [fetch("shop"), fetch("login")] == [200, 200]
    ask("PATCH", login, json={"credentials": {"username": "ada", "password": f"{MARK}basic-2"}}, **own)
    assert fetch("login") == 200

    # The provider says no, repeating what it was sent: somebody is told.
    ended = {"access_token": f"{MARK}old", "refresh_token": f"{MARK}refresh", "expires_in": 1}
    client = {"client_id": CLIENT, "client_secret": SECRET, "token_url": f"{here.site.url}/token"}
    lost = connect("lost", "oauth2", ended | client, "somebody")
    ask("POST", f"{lost}/test", **own)
    time.sleep(1.1)
    assert fetch("lost", "somebody") in (424, 503)
    here.provider.faults.error("invalid_grant")
    ask("POST", f"{mailbox}/test", **own)
    eventually(lambda: [one for one in here.site.asked if one.path == "/events"], "an event")

    # Connections of our own connectors, tried with marked secrets at a system that repeats them.
    for name, provider, credentials in (
        ("hook", "http", {"url": f"{here.site.url}/hook", "auth": {"type": "bearer", "token": f"{MARK}x"}}),
        ("site", "site", {"token": f"{MARK}tried", "site": here.site.url}),
        ("query", "query_site", {"token": f"{MARK}tried", "site": here.site.url}),
        (
            "dead",
            "postgres",
            {"host": "127.0.0.1", "port": 1, "database": "d", "username": "u", "password": f"{MARK}pg"},
        ),
        ("bad", "postgres", {"host": "127.0.0.1", "port": f"{MARK}port", "password": [f"{MARK}pg"]}),
    ):
        ask("POST", f"{connect(name, 'basic', credentials, provider)}/test", **own)

    # A sealed secret is damaged: the server cannot say why.
    damage(here, "shop")
    assert fetch("shop") == 500
    for path in ("", "/grants", "/test"):
        ask("POST" if path == "/test" else "GET", f"{mailbox}{path}", **own)
    for path in (
        "/v1/customers",
        customer,
        f"{customer}/connections",
        f"{customer}/instances",
        "/v1/audit?limit=1000",
    ):
        ask("GET", path, **own)
    ask("GET", "/v1/providers", **own)
    ask("GET", "/v1/providers/acme/client", **own)
    rotated = ask("POST", f"{customer}/instances/{robot['id']}/rotate-key", granted=True, json={}, **own)
    here.keys.append(rotated.json()["proxy_key"])
    ask("DELETE", mailbox, **own)


def sign_in(here: House, link: str) -> None:
    path = "/connect/" + link.partition("/connect/")[2]
    assert here.ask("GET", path).status_code == 200
    away = here.ask("POST", path).headers["location"]
    back = httpx2.get(away, trust_env=False, timeout=PATIENCE).headers["location"]
    back = "/connect/" + back.partition("/connect/")[2]
    assert "Connected" in here.ask("GET", back).text


def damage(here: House, name: str) -> None:
    with closing(sqlite3.connect(here.towpath.home / "towpath.db", timeout=PATIENCE)) as store, store:
        (id,) = store.execute("SELECT id FROM connections WHERE name = ?", (name,)).fetchone()
        (fields,) = store.execute("SELECT fields FROM secrets WHERE connection = ?", (id,)).fetchone()
        broken = {field: text[:-8] + "AAAAAAAA" for field, text in json.loads(fields).items()}
        store.execute("UPDATE secrets SET fields = ? WHERE connection = ?", (json.dumps(broken), id))


# ── partners ─────────────────────────────────────────────────────────────────────────────────────


def move(here: House, tmp_path: Path) -> None:
    """Connectors that work and connectors that fail, with secrets at both ends."""
    ask = here.ask
    shown = here.made_key("keys", "create", "program", "--kind", "partner")
    auth, grant = (shown["key"], shown["secret"]), {"grant_type": "client_credentials"}
    token = ask("POST", "/o/token/", granted=True, auth=auth, json=grant).json()["access_token"]
    here.keys.append(token)
    own = {"headers": {"Authorization": f"Bearer {token}"}}
    kinds = {one["code"]: one["id"] for one in ask("GET", "/api/v2/destination-templates/", **own).json()}
    sources = {one["code"]: one["id"] for one in ask("GET", "/api/v2/connector-templates/", **own).json()}

    def destination(name: str, kind: str, form: Any) -> int:
        body = {"name": name, "credential_json": form, "type_adapter": kinds[kind]}
        return int(ask("POST", "/api/v2/destinations/", json=body, **own).json()["id"])

    lake = destination("lake", "duckdb", {"path": str(tmp_path / "lake.duckdb")})
    secret = {
        "auth.type": "bearer",
        "auth.token": f"{MARK}hook",
        "secret_headers": {"X-More": f"{MARK}plain"},
    }
    hook = destination("hook", "http", {"url": f"{here.site.url}/hook", "signing_secret": SIGNING, **secret})
    postgres = {"host": "127.0.0.1", "port": "1", "database": "d", "username": "u", "password": f"{MARK}pg"}
    dead = destination("dead", "postgres", postgres)

    def connector(name: str, kind: str, token: str, number: int) -> str:
        path = f"/api/v2/connector-templates/{sources[kind]}"
        (entity,) = ask("GET", path, **own).json()["entities"]
        wanted = {"id": entity["id"], "entity_timer_id": entity["entity_timer"][0]["id"], "is_active": True}
        body = {
            "name": name,
            "connector_category_id": sources[kind],
            "credentials": {"token": token, "site": here.site.url},
            "targets": [{"destination_id": number, "entities": [wanted]}],
        }
        made = ask("POST", "/api/v2/connectors/", json=body, **own)
        assert made.status_code == 201, made.text
        return f"/api/v2/connectors/{made.json()['data']['id']}"

    paths = [
        connector("good", "site", f"{MARK}good-token", lake),
        connector("bad", "site", f"{MARK}bad-token", lake),
        connector("bad query", "query_site", f"{MARK}bad-query", lake),
        connector("refused", "site", f"{MARK}good-token", hook),
        connector("dead", "site", f"{MARK}good-token", dead),
    ]

    def over() -> bool:
        # All but the last one, which tries again and again.
        shown = [ask("GET", path, **own).json()["lifecycle_status"] for path in paths[:-1]]
        return "CREATION_STARTED" not in shown

    eventually(over, "the end of the first runs")
    ask("PATCH", paths[0], json={"credentials": {"token": f"{MARK}changed", "site": here.site.url}}, **own)
    for path in ("connectors/", "destinations/", f"destinations/{hook}"):
        ask("GET", f"/api/v2/{path}", **own)
    ask("DELETE", paths[1], **own)


# ── requests that fail ───────────────────────────────────────────────────────────────────────────


def abuse(here: House) -> None:
    """Secrets where they do not belong: in queries, headers, cookies, broken bodies, wrong places."""
    ask, secret = here.ask, f"{MARK}misplaced"
    hidden = [
        {"headers": {"X-Api-Key": secret}},
        {"headers": {"Authorization": f"Bearer {secret}"}},
        {"headers": {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}},
        {
            "headers": {
                "Cookie": f"session={secret}",
                "X-Forwarded-For": secret,
                "X-Request-Id": f"{secret} x",
            }
        },
        {"params": {"access_token": secret, "limit": secret, "after": secret}},
        {"json": {"name": [secret], "credentials": secret, "provider": [secret]}},
        {"content": f'{{"client_secret": "{secret}", '.encode()},
        {"content": secret.encode() * 200_000},
        {"data": {"grant_type": secret, "client_id": secret, "client_secret": secret}},
    ]
    keys = itertools.cycle(
        [{}, {"X-Api-Key": here.keys[0]}, {"Authorization": f"Bearer {here.keys[-1]}"}, {}]
    )
    zero = "00000000-0000-0000-0000-000000000000"
    for path, options in itertools.product(
        (
            f"/v1/customers/{zero}/connections",
            "/v1/customers",
            "/v1/providers/acme/client",
            "/v1/audit",
            f"/internal/v1/instances/{zero}/connections",
            "/o/token/",
            "/o/revoke_token/",
            "/api/v2/destinations/",
            "/api/v2/connectors/",
            "/connect/callback",
            "/nothing",
        ),
        hidden,
    ):
        headers = next(keys) | options.get("headers", {})
        method = "GET" if "params" in options else "PUT" if "providers" in path else "POST"
        answer = ask(method, path, **options | {"headers": headers})
        assert answer.status_code < 500, (method, path, answer.text)


def look_around(here: House) -> None:
    """Everything else that can be asked, by HTTP and by the command."""
    for path in ("/metrics", "/healthz", "/readyz", "/openapi/broker.json", "/openapi/partners.json"):
        assert here.ask("GET", path).status_code == 200
    runs = here.towpath.json("runs", "list")
    assert {"failed", "succeeded"} <= {run["status"] for run in runs}
    # Logs and errors of all runs stand in the files that are searched, as plain text.
    failed = next(run["id"] for run in runs if run["status"] == "failed")
    for words in (("logs", failed), ("errors", "list"), ("audit", "export"), ("export",), ("doctor",)):
        here.command(*words)
