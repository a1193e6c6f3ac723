"""Requests that mean harm, to every operation of both documents, by who has a key: 4xx, no word repeated."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from typing import Any

import httpx2
import pytest

from support.api import Api, cases_of, running, settings_of, uuid

MARK = "canary-3c7e"
_BIG = 10 * 2**20

#: Bodies that are no JSON, or none that anybody should take; none may be a part of an answer.
RAW: dict[str, bytes] = {
    "nothing": b"",
    "not closed": b'{"name": "canary-3c7e',
    "a trailing comma": b'{"name": "canary-3c7e",}',
    "NaN": b'{"name": "canary-3c7e", "credentials": {"a": NaN}}',
    "NUL": b'{"name": "canary-3c7e\\u0000"}',
    "a raw NUL": b'{"name": "canary-3c7e\x00"}',
    "half a pair": b'{"name": "canary-3c7e\\ud800"}',
    "a key twice": b'{"name": "canary-3c7e", "name": "canary-3c7e"}',
    "deep lists": b"[" * 50_000,
    "deep objects": b'{"canary-3c7e":' * 20_000,
    "a huge number": b'{"name": ' + b"9" * 5_000 + b', "note": "canary-3c7e"}',
    "a great exponent": b'{"name": 1e99999, "note": "canary-3c7e"}',
    "not UTF-8": b'{"name": "canary-3c7e\xc3\x28"}',
    "UTF-16": '{"name": "canary-3c7e"}'.encode("utf-16"),
    "a list": b'["canary-3c7e"]',
    "a text": b'"canary-3c7e"',
    "null": b"null",
    "a form": b"name=canary-3c7e&credentials[a]=canary-3c7e",
    "ten megabytes": b'{"name": "canary-3c7e' + b"x" * _BIG + b'"}',
}
#: What may stand where an id belongs.
IDS = [
    MARK,
    "0",
    "-1",
    "9" * 30,
    "1e3",
    "NaN",
    "%00",
    "..%2F..%2Fetc%2Fpasswd",
    "%2e%2e",
    "'%20OR%201=1--",
    "%F0%9F%92%A9",
    "%FF",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "con_00000000000000000000000000",
    "\u0661",  # a digit in Arabic
    "x" * 3000,
]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "BREW")


class Door:
    """A server, and keys that open it."""

    def __init__(self, api: Api) -> None:
        self.api = api
        org = api.organization()
        customer = api.customer(org)
        instance, proxy = api.instance(org, customer)
        shown = api.shown_key(org, "partner")
        assert shown.secret
        auth = (shown.text.get_secret_value(), shown.secret.get_secret_value())
        token = api.client.post("/o/token/", auth=auth, json={"grant_type": "client_credentials"})
        self.keys = {
            "/internal": proxy,
            "/v1": api.key(org, "broker"),
            "/api": token.json()["access_token"],
            "/o/": "",
            "/media": "",
        }
        self.words = {
            "customer_id": str(uuid(customer)),
            "instance_id": str(uuid(instance)),
            "template_id": "4",
        }
        documents = [api.client.get(f"/openapi/{name}.json").json() for name in ("broker", "partners")]
        self.cases = [case for document in documents for case in cases_of(document)]

    def key(self, path: str) -> str:
        return next(key for prefix, key in self.keys.items() if path.startswith(prefix))

    def place(self, path: str, other: str = "1") -> str:
        """The path with ids that are there, where they are known, and else this one."""
        for part in path.split("{")[1:]:
            word = part.partition("}")[0]
            path = path.replace(f"{{{word}}}", self.words.get(word, other))
        return path

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        answer = self.api.call(method, path, self.key(path) or None, **options)
        said = f"{method} {path[:80]}: {answer.status_code} {answer.text[:500]}"
        assert answer.status_code < 500, said
        assert MARK not in answer.text.replace(path, ""), said
        assert MARK not in str(answer.headers), said
        assert "Traceback" not in answer.text, said
        return answer


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with running(settings_of(tmp_path_factory.mktemp("hostile") / "home")) as api:
        yield Door(api)


def test_the_keys_open_the_doors(door: Door):
    """Else everything below would be refused for want of a key."""
    opened = [
        path
        for method, path in door.cases
        if method == "GET" and path.count("{") == path.count("customer_id}")
    ]
    for path in opened:
        assert door.ask("GET", door.place(path)).status_code == 200, path
    assert len(opened) > 8


@pytest.mark.parametrize("body", RAW)
def test_bodies_that_nobody_should_take(door: Door, body: str):
    types = cycle(["application/json", "text/plain", "application/x-www-form-urlencoded"])
    for method, path in door.cases:
        if method in ("POST", "PUT", "PATCH"):
            headers = {"Content-Type": next(types)}
            answer = door.ask(method, door.place(path), content=RAW[body], headers=headers)
            # Where a body is optional, none is fine; a token to revoke may be anything.
            fine = answer.status_code < 300 and (body in ("nothing", "null") or "revoke" in path)
            assert 400 <= answer.status_code < 500 or fine, (method, path, answer.text)


@pytest.mark.parametrize("place", range(len(IDS)))
def test_ids_that_are_none(door: Door, place: int):
    for method, path in door.cases:
        if "{" in path:
            words, door.words = door.words, {}
            try:
                asked = door.place(path, IDS[place])
            finally:
                door.words = words
            body = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
            answer = door.ask(method, asked, **body)
            known = path.startswith("/media") and answer.status_code == 200
            assert answer.status_code in (400, 401, 404, 405, 414, 422) or known, (method, asked, answer.text)


def test_queries_that_are_none(door: Door):
    words = ["limit", "offset", "after", "provider", "name", "capability", "status", "category", "x"]
    values = [
        "-1",
        "9" * 40,
        "NaN",
        "%00",
        "%FF",
        "a" * 5000,
        "'",
        "1&limit=2",
        "%F0%9F%92%A9",
        "%0d%0aX-A:b",
    ]
    for (method, path), value in ((case, value) for case in door.cases for value in values):
        if method == "GET" and "{" not in path.replace("{customer_id}", "").replace("{instance_id}", ""):
            query = "&".join(f"{word}={value}" for word in words)
            answer = door.ask(method, f"{door.place(path)}?{query}")
            assert "x-a" not in answer.headers


def test_methods_that_are_none(door: Door):
    known = {door.place(path): set() for _, path in door.cases}
    for method, path in door.cases:
        known[door.place(path)].add(method)
    for path, methods in known.items():
        for method in METHODS:
            if method not in methods:
                answer = door.ask(method, path)
                assert answer.status_code in (400, 404, 405), (method, path)
                assert answer.status_code != 405 or answer.headers["allow"]


HEADERS = [
    ("Authorization", "Bearer"),
    ("Authorization", "Bearer  " + "a" * 6000),
    ("Authorization", "Basic ===="),
    ("Authorization", "Basic " + "A" * 4000),
    ("Authorization", "\u00ff\u00fe"),
    ("X-Api-Key", "tp_broker_" + MARK),
    ("X-Request-Id", MARK + "\tx"),
    ("Idempotency-Key", "k" * 300),
    ("Content-Type", "application/json; charset=utf-7"),
    ("Content-Encoding", "gzip"),
    ("X-Forwarded-For", f"{MARK}, 127.0.0.1"),
    ("X-Forwarded-Host", MARK),
    ("Host", MARK),
    ("Origin", f"https://{MARK}"),
    ("Cookie", f"session={MARK}; __Host-a={MARK}"),
    ("Range", "bytes=0-18446744073709551615"),
]


@pytest.mark.parametrize("place", range(len(HEADERS)))
def test_headers_that_mean_harm(door: Door, place: int):
    name, value = HEADERS[place]
    for method, path in door.cases:
        if method in ("GET", "POST") and path.count("{") < 2:
            key = door.key(path)
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            headers |= {name: value.encode("latin-1")}
            body = {"content": b'{"name": 5}'} if method == "POST" else {}
            answer = door.api.client.request(method, door.place(path), headers=headers, **body)
            assert answer.status_code < 500, (method, path, answer.text)
            assert MARK not in answer.text + str(answer.headers), (method, path)


def test_no_line_is_smuggled_into_the_head_of_an_answer(door: Door):
    """Over a bare socket: clients refuse to send such things."""
    host, port = door.api.url.removeprefix("http://").split(":")
    for line in (
        b"X-Request-Id: a\r\n b",
        b"X-Request-Id: a\rSet-Cookie: canary-3c7e",
        b"X-Request-Id: a\nSet-Cookie: canary-3c7e",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: -1",
        b"Bad Header: canary-3c7e",
    ):
        with ExitStack() as stack:
            connection = stack.enter_context(socket.create_connection((host, int(port)), 30))
            connection.sendall(
                b"GET /v1/customers HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + line + b"\r\n\r\n"
            )
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(partial(connection.recv, 65536), b""))
        head = answer.partition(b"\r\n\r\n")[0].lower()
        assert answer == b"" or answer.split()[1] in (b"400", b"401"), (line, answer)
        assert b"set-cookie" not in head, line
        assert MARK.encode() not in answer, line


def test_icons_lead_to_no_other_file(door: Door):
    for kind in ("cat_connectors", "adapters"):
        for name in (
            "../numbers.yaml",
            "..%2fnumbers.yaml",
            "%2e%2e%2f%2e%2e%2fnumbers.yaml",
            "....//numbers.yaml",
            "..%5cnumbers.yaml",
            "/etc/passwd",
            "%2fetc%2fpasswd",
            "sqlite.svg%00.png",
            "sqlite.svg/../../numbers.yaml",
            ".",
            "gmail.yaml",
            "__init__.py",
        ):
            answer = door.ask("GET", f"/media/icons/{kind}/{name}")
            assert answer.status_code in (400, 404), (name, answer.text[:200])
            assert "postgres: 1" not in answer.text
