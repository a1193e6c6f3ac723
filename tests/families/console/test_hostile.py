"""Requests that mean harm, and clumsy ones: refused in the envelope, no secret repeated, never a 5xx."""

import json
import re

import httpx2
import pytest

from support.hostile import CANARY, PROJECT, enveloped, place, refused, sent

# ── bodies ───────────────────────────────────────────────────────────────────────────────────────

NAMED = b'{"name": "%s", "username": "%s", "password": "%s", "type": "%s", "config": '.replace(
    b"%s", CANARY.encode()
)
#: Bodies that are no JSON, or none that anybody should take.
RAW = {
    "not closed": NAMED,
    "not quoted": b"{name: 'canary-7d2b9e'}",
    "a trailing comma": NAMED + b"{},}",
    "NaN": NAMED + b'{"port": NaN}}',
    "a great exponent": NAMED + b'{"port": 1e99999}}',
    "a number of 5,000 digits": NAMED + b'{"port": ' + b"9" * 5000 + b"}}",
    "NUL": NAMED + b'"\\u0000"}',
    "a raw NUL": NAMED + b'"\x00"}',
    "half a pair": NAMED + b'"\\ud800"}',
    "half a pair in a key": NAMED + b'{"\\udfff": 1}}',
    "a key twice": NAMED + b'{}, "config": {}}',
    "a key twice, deep": NAMED + b'{"ssl": {"mode": 1, "mode": 2}}}',
    "deep": NAMED + b'{"a":' * 100 + b"1" + b"}" * 101,
    "very deep lists": b"[" * 100_000,
    "very deep objects": b'{"canary-7d2b9e":' * 30_000,
    "not UTF-8": NAMED + b'"\xc3\x28"}',
    "UTF-16": '{"name": "canary-7d2b9e"}'.encode("utf-16"),
    "a list": b'["canary-7d2b9e"]',
    "lists in a list": b"[[[]]]",
    "a text": b'"canary-7d2b9e"',
    "a number": b"17",
    "two documents": b"{} {}",
    "a form": b"name=canary-7d2b9e&config=canary-7d2b9e",
}


@pytest.mark.parametrize("raw", RAW)
def test_bodies_that_are_no_json_objects(eve, operations, raw):
    for method, path in operations:
        if method in ("POST", "PUT") and takes_body(path):
            for type in ("application/json", "text/plain"):
                refused(
                    eve, method, place(path), 400, 404, 409, content=RAW[raw], headers={"Content-Type": type}
                )


def takes_body(path):
    bare = ("/logout", "/invitations", "/sync", "/cancel", "/clear-destination", "/settings/test")
    return not path.endswith(bare)


@pytest.mark.parametrize("empty", [b"", b"{}", b"null", b"{} "])
def test_bodies_that_say_nothing(eve, operations, empty):
    optional = ("/settings", "/logs", "jobs/{id}", "/users/{id}")
    for method, path in operations:
        if method in ("POST", "PUT") and takes_body(path) and not path.endswith(optional):
            refused(eve, method, place(path), content=empty, headers={"Content-Type": "application/json"})


#: Good bodies: each field of each is replaced by what it must not be.
GOOD = {
    ("POST", "/sources"): {"name": "x", "type": "sqlite", "version": "v1", "config": {"path": "x"}},
    ("POST", "/destinations/test"): {"type": "sqlite", "version": "v1", "config": {"path": "x"}},
    ("POST", "/sources/spec"): {"type": "sqlite", "version": "v1"},
    ("POST", "/check-unique"): {"name": "x", "entity_type": "job"},
    ("PUT", "/settings"): {"project_id": "bakery", "webhook_alert_url": "https://x.invalid"},
    ("POST", "/jobs/1/activate"): {"activate": True},
    ("POST", "/jobs/1/stream-difference"): {"updated_streams_config": {}},
    ("PUT", "/jobs/1"): {
        "name": "x",
        "source": {"id": 1},
        "destination": {"id": 2},
        "frequency": "",
        "streams_config": {},
        "difference_streams": {},
        "advanced_settings": {},
        "activate": True,
    },
    ("POST", "/sources/streams"): {"type": "sqlite", "version": "v1", "config": {"path": "x"}, "job_id": -1},
}
WRONG = [
    [CANARY],
    [[{"a": CANARY}]],
    {CANARY: [1]},
    17,
    -1.5,
    10**40,
    True,
    CANARY * 9000,
    "a" * 300 + "\0",
]


@pytest.mark.parametrize("case", GOOD, ids=" ".join)
def test_fields_of_the_wrong_type(eve, case):
    method, path = case
    for field, value in GOOD[case].items():
        for wrong in WRONG:
            if type(wrong) is type(value) and not isinstance(wrong, str | dict):
                continue
            if field == "advanced_settings" and isinstance(wrong, dict):
                continue
            body = GOOD[case] | {field: wrong}
            content = json.dumps(body).encode()
            answer = sent(eve, method, f"{PROJECT}{path}", content=content)
            assert answer.status_code in (400, 404), (field, str(wrong)[:60], answer.text[:300])
            assert CANARY * 9 not in answer.text, (field, answer.text[:300])
            assert len(answer.content) < 3000, (field, answer.text[:300])


@pytest.mark.parametrize("end", ["source", "destination"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"id": 0},
        {"id": -1},
        {"id": 10**30},
        {"id": "1'"},
        {"id": [1]},
        {"id": 1.5},
        {"config": []},
        {"config": "[]"},
        {"config": "null"},
        {"config": '"text"'},
        {"config": "{"},
        {"config": '{"path": "a", "path": "b"}'},
        {"config": '{"path": "a\\u0000"}'},
        {"config": '{"path": ' + "[" * 200 + "]" * 200 + "}"},
        {"config": {"path": "a\u0000"}},
        {"config": {"path": {"$secret": "path"}}},
        {"name": " "},
        {"name": "n" * 256},
        {"name": "a\u0000"},
        {"type": "../sqlite"},
        {"type": "no_such_thing"},
        {"type": "t" * 65},
        {"type": "mongodb"},
        {"version": "v" * 65},
    ],
)
def test_ends_of_jobs_that_are_wrong(eve, end, wrong):
    body = eve.job("other")
    before = eve.data("GET", f"/{end}s")
    refused(eve, "POST", f"{PROJECT}/jobs", content=json.dumps(body | {end: body[end] | wrong}).encode())
    assert eve.data("GET", f"/{end}s") == before


def test_long_names(eve):
    for path, body in (
        ("/sources", {"type": "sqlite", "config": {"path": "x"}}),
        ("/check-unique", {"entity_type": "job"}),
        ("/jobs", eve.job()),
    ):
        answer = refused(eve, "POST", f"{PROJECT}{path}", json=body | {"name": CANARY * 9000})
        assert len(answer.content) < 1000
    for path in ("/login", "/signup", "/api/v1/users"):
        answer = sent(eve, "POST", path, json={"username": CANARY * 9000, "password": "p" * 1_000_00})
        assert answer.status_code in (400, 401, 403), answer.text
        assert CANARY not in answer.text


@pytest.mark.parametrize("path", ["/login", "/signup", "/auth/password", "/api/v1/users", "/sources/test"])
def test_bodies_that_are_too_long(eve, path):
    """64 MiB at a project's paths, and less elsewhere; in one piece or in many."""
    where, size = (PROJECT + path, 65 * 2**20) if path == "/sources/test" else (path, 9 * 2**20)
    method = "PUT" if path == "/auth/password" else "POST"
    block = b" " * 2**20
    for content in (b'{"name": "canary-7d2b9e"' + block * (size // len(block)), pieces(block, size)):
        refused(eve, method, where, 413, content=content)


def pieces(block, size):
    yield b'{"name": "canary-7d2b9e"'
    for _ in range(size // len(block)):
        yield block


# ── texts ────────────────────────────────────────────────────────────────────────────────────────

TEXTS = [
    "'; DROP TABLE connections; --",
    '" OR ""="',
    "\u202egnp.exe",
    "<script>alert(1)</script>",
    "${env:PATH}",
    "{{7*7}}",
    "%n%s%x",
    "../../etc/passwd",
    "\U0001f4a9" * 60,
    "null",
    "-1",
    "a\r\nSet-Cookie: b=c",
]


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_texts(eve, text):
    made = eve.data("POST", "/sources", {"name": text, "type": "sqlite", "config": {"path": text}})
    path = f"/sources/{made['id']}"
    shown = eve.data("GET", path)
    assert (shown["name"], json.loads(shown["config"])) == (text, {"path": text})
    eve.refused(409, "POST", "/check-unique", {"name": text, "entity_type": "source"})
    job = eve.make(text, source={"id": made["id"]})
    assert eve.data("GET", f"/jobs/{job['id']}")["name"] == text
    eve.refused(409, "DELETE", path)
    eve.data("DELETE", f"/jobs/{job['id']}")
    assert eve.data("DELETE", path) == {"name": text}


IDS = [
    "0",
    "-1",
    "2147483648",
    "9" * 30,
    "9" * 5000,
    "1e3",
    "NaN",
    "%00",
    "%FF",
    "%2e%2e",
    "..%2F..%2Fetc%2Fpasswd",
    "'%20OR%201=1--",
    "%F0%9F%92%A9",
    "%D9%A1",
    "con_00000000000000000000000000",
    "x" * 3000,
]


@pytest.mark.parametrize("id", IDS, ids=lambda text: text[:30])
def test_ids_that_are_none(eve, operations, id):
    for method, path in operations:
        if "{" in path.replace("{projectid}", ""):
            body = {"json": {}} if method in ("POST", "PUT") else {}
            answer = sent(eve, method, place(path, id), **body)
            empty = answer.status_code == 200 and "jobs/" in path and answer.json()["data"] == []
            assert answer.status_code in (400, 404, 405) or empty, (method, path, answer.text[:300])


@pytest.mark.parametrize(
    "name",
    ["..%2f..%2fetc", "%2e", "%2e%2e", "a%2fb", "a%00", "a b", "%F0%9F%92%A9", "n" * 65, "a;b", "%27", "~"],
)
def test_projects_that_cannot_be(eve, name):
    for path in ("/sources", "/jobs", "/settings", "/jobs/1"):
        refused(eve, "GET", f"/api/v1/project/{name}{path}", 400, 404)
    with eve.api.container.store.read() as work:
        assert {row.name for row in work.projects.list(eve.org)} == {"bakery"}


def test_queries_that_are_none(eve):
    values = [
        "-2",
        "9" * 40,
        "NaN",
        "%00",
        "%FF",
        "a" * 5000,
        "'",
        "1&limit=2",
        "%0d%0aX-A:b",
        "",
        "%ED%A0%80",
    ]
    words = ["limit", "before", "cursor", "direction", "file_path", "type", "version", "catalog", "config"]
    words += ["job_id", "source_id", "dest_id", "last_event_id"]
    for path in (
        "/jobs",
        "/jobs/1/tasks",
        "/jobs/1/logs/download",
        "/jobs/1/task/1/logs",
        "/sources/spec",
        "/destinations/versions",
        "/source/streams",
        "/jobs/1/tasks/1/events",
    ):
        for word in words:
            for value in values:
                answer = sent(eve, "GET", f"{PROJECT}{path}?{word}={value}")
                assert "x-a" not in answer.headers


# ── methods and headers ──────────────────────────────────────────────────────────────────────────


def test_methods_that_are_none(eve, operations):
    known = {}
    for method, path in operations:
        known.setdefault(place(path), set()).add(method)
    for path, methods in known.items():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
            if method not in methods:
                answer = sent(eve, method, path)
                # Some are served, and not in the document: GET of cancel and of streams, both forms of logs.
                if answer.status_code == 405:
                    allowed = set(re.findall(r"[A-Z]+", answer.headers["allow"]))
                    assert allowed >= methods, path
                    assert method not in allowed, path


def test_options_and_head(eve, operations):
    for path in {place(path) for method, path in operations if method == "GET"}:
        if path.endswith("events"):
            continue
        options = sent(eve, "OPTIONS", path)
        assert options.status_code == 204, path
        assert "GET" in options.headers["allow"], path
        head = eve.api.call("HEAD", path, eve.token)
        assert head.status_code < 500, path
        assert head.content == b"", path


def test_cookies_and_tokens_that_are_abused(eve):
    url, token = eve.api.url, eve.token
    good, bad = f"towpath-session={token}", "towpath-session=tp_session_" + CANARY
    inside = f"{PROJECT}/jobs"
    cases = [
        (200, {"Cookie": good}),
        (200, {"Cookie": f"a=b; {good}; c=d"}),
        (200, {"Cookie": good, "Authorization": "Bearer authenticated"}),
        (200, {"Cookie": bad, "Authorization": f"Bearer {token}"}),
        (200, {"Cookie": good, "Authorization": "Basic " + "A" * 4000}),
        (200, {"Cookie": good, "Authorization": "Bearer"}),
        (200, {"Authorization": f"bearer   {token}"}),
        (401, {}),
        (401, {"Cookie": bad}),
        (401, {"Cookie": "towpath-session="}),
        (401, {"Cookie": "x" * 8000}),
        (401, {"Cookie": f"towpath-session={'x' * 8000}"}),
        (401, {"Cookie": f"other-session={token}"}),
        (401, {"Cookie": "=; ;;; towpath-session"}),
        (401, {"Cookie": b"towpath-session=\xff\xfe"}),
        (401, {"Authorization": f"Basic {token}"}),
        (401, {"Authorization": token}),
        (401, {"Authorization": f"Bearer {token}x"}),
        (401, {"Authorization": f"Bearer {token[:-1]}"}),
        (401, {"Authorization": f"Bearer {token.upper()}"}),
        (401, {"Authorization": "Bearer " + CANARY * 400}),
        (401, {"Authorization": b"Bearer \xff\x00".replace(b"\x00", b"\xfe")}),
        (401, {"X-Api-Key": token}),
    ]
    with httpx2.Client(base_url=url, trust_env=False, timeout=60) as client:
        for status, headers in cases:
            answer = client.get(inside, headers=headers)
            assert answer.status_code == status, (headers, answer.text)
            assert CANARY not in answer.text + str(answer.headers)
            if status == 401:
                enveloped(answer)
        # Two cookies of one name: whichever counts, nothing breaks.
        for pair in (f"{good}; {bad}", f"{bad}; {good}"):
            assert client.get(inside, headers={"Cookie": pair}).status_code in (200, 401)
        assert client.get(f"{inside}?token={token}&towpath-session={token}").status_code == 401


HEADERS = [
    ("X-Request-Id", CANARY + "\tx"),
    ("Content-Type", "application/json; charset=utf-7"),
    ("Content-Type", "multipart/form-data"),
    ("Content-Type", "multipart/form-data; boundary=" + CANARY),
    ("Content-Encoding", "gzip"),
    ("X-Forwarded-For", f"{CANARY}, 127.0.0.1"),
    ("X-Forwarded-Proto", CANARY),
    ("Last-Event-ID", CANARY),
    ("Last-Event-ID", "run_00000000000000000000000000." + "9" * 15),
    ("Range", "bytes=0-18446744073709551615"),
    ("Range", CANARY),
    ("If-Range", CANARY),
    ("Accept", "application/x-" + CANARY),
    ("Expect", CANARY),
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: f"{header[0]}: {header[1][:30]}")
def test_headers_that_mean_harm(eve, operations, header):
    name, value = header
    for method, path in operations:
        if method in ("GET", "POST") and path.count("{") < 3 and not path.endswith(("events", "logout")):
            body = {"content": b'{"name": 5}'} if method == "POST" and takes_body(path) else {}
            answer = sent(eve, method, place(path, "2"), headers={name: value}, **body)
            assert CANARY not in answer.text + str(answer.headers), (method, path)


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "config",
    [
        {"host": "h", "port": CANARY, "database": "d", "username": "u", "password": "p"},
        {"host": "h", "port": 1, "database": "d", "username": "u", "password": [CANARY]},
        {"host": "h", "port": 1, "database": "d", "username": "u", "password": {"a": CANARY}},
        {
            "host": "h",
            "port": 1,
            "database": "d",
            "username": "u",
            "password": CANARY,
            "ssl": {"mode": CANARY},
        },
        {"host": "h", "port": 1, "database": "d", "username": "u", "password": CANARY, "unknown": CANARY},
        {"host": [CANARY], "port": 1, "database": "d", "username": "u", "password": CANARY},
        {"password": CANARY},
        {"p": CANARY, "x" * 100_000: CANARY},
        [CANARY],
        CANARY,
        '{"password": "canary-7d2b9e',
        '{"password": "canary-7d2b9e", "port": {}}',
    ],
)
def test_settings_that_are_refused_are_not_repeated(eve, config):
    body = {"name": "x", "type": "postgres", "version": "", "config": config}
    for path in ("/sources", "/sources/test", "/sources/streams"):
        refused(eve, "POST", f"{PROJECT}{path}", json=body)
    refused(eve, "POST", f"{PROJECT}/jobs", json=eve.job("x", source=body))


def test_passwords_are_not_repeated(eve):
    for path, body in (
        ("/login", {"username": "ann", "password": [CANARY]}),
        ("/login", {"username": [CANARY], "password": CANARY}),
        ("/login", {"username": "ann", "password": CANARY}),
        ("/signup", {"username": "a", "password": CANARY, "email": CANARY, "invitation": CANARY}),
        ("/signup", {"username": "a", "password": CANARY, "invitation": [CANARY]}),
        ("/api/v1/users", {"username": "new", "password": CANARY, "role": CANARY}),
        ("/api/v1/users", {"username": "new", "password": CANARY, "email": CANARY}),
    ):
        answer = sent(eve, "POST", path, json=body)
        assert answer.status_code in (400, 401, 403), answer.text
        assert CANARY not in answer.text + str(answer.headers)
