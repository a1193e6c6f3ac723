"""Requests, documents, records and systems that mean harm: each ends in a clear error, and none in a 5xx."""

import copy
import json
import re

import pytest

from support.api import cases_of
from support.orders import order_shop
from support.steps import customers_import, orders_export, rest_connection

CANARY = "canary-3e8d51"


@pytest.fixture(scope="module")
def shop():
    with order_shop(12) as found:
        yield found


@pytest.fixture
def connection(program, shop):
    return program.make("/connections", rest_connection(shop.url))["_id"]


def sent(program, method, path, **options):
    """The answer, which is well-formed whatever was asked, and repeats nothing long when it is a refusal."""
    found = program.api.call(method, path, program.token, **options)
    said = f"{method} {path[:100]}: {found.status_code} {found.text[:400]}"
    assert found.status_code < 500, said
    if found.status_code >= 400:
        assert CANARY * 99 not in found.text, said
        for one in found.json()["errors"]:
            assert set(one) <= {"code", "message", "field"}, said
            assert one["message"].endswith("."), said
    return found


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────

NAMED = b'{"name": "%s", "type": "rest", "rest": {"baseURI": "https://x.example", "a": '.replace(
    b"%s", CANARY.encode()
)
#: Bodies that are no JSON, or none that anybody should take.
RAW = {
    "not closed": NAMED,
    "a trailing comma": NAMED + b"1,}}",
    "NaN": NAMED + b"NaN}}",
    "a great exponent": NAMED + b"1e99999}}",
    "a number of 5,000 digits": NAMED + b"9" * 5000 + b"}}",
    "NUL": NAMED + b'"\\u0000"}}',
    "half a pair": NAMED + b'"\\ud800"}}',
    "half a pair in a key": NAMED + b'{"\\udfff": 1}}}',
    "a key twice": NAMED + b'1}, "name": "x"}',
    "a key twice, deep": NAMED + b'{"mode": 1, "mode": 2}}}',
    "deep": NAMED + b'{"a":' * 100 + b"1" + b"}" * 102,
    "very deep lists": b"[" * 100_000,
    "not UTF-8": NAMED + b'"\xc3\x28"}}',
    "UTF-16": '{"name": "canary-3e8d51"}'.encode("utf-16"),
    "a list": b'["canary-3e8d51"]',
    "a text": b'"canary-3e8d51"',
    "two documents": b"{} {}",
    "a form": b"name=canary-3e8d51",
    "nothing": b"",
}


@pytest.fixture(scope="module")
def operations(server):
    return cases_of(server.client.get("/openapi/integrator.json").json())


def test_bodies_that_are_no_json_documents(program, operations):
    """Refused wherever a document is wanted."""
    wanting = [
        (method, path)
        for method, path in operations
        if method in ("POST", "PUT", "PATCH")
        and not re.search(r"state|data$|invoke|identifier|jobs/current|\{id\}", path)
    ]
    assert len(wanting) > 15
    for method, path in wanting:
        for name, raw in RAW.items():
            found = sent(program, method, path, content=raw, headers={"Content-Type": "application/json"})
            assert found.status_code in (400, 422), (method, path, name, found.text)
            assert CANARY not in found.text, (method, path, name, found.text)
        typed = sent(program, method, path, content=b"<x/>", headers={"Content-Type": "text/xml"})
        assert typed.status_code == 415, (method, path, typed.text)


def test_bodies_that_are_too_long(program, connection):
    block = b" " * 2**20
    for path in ("/v1/exports", f"/v1/connections/{connection}/import", "/v1/exports/x/y/data"):
        long = b'{"name": "canary-3e8d51"' + block * 65
        assert sent(program, "POST", path, content=long).status_code == 413, path
        pieces = (block for _ in range(65))
        assert sent(program, "POST", path, content=pieces).status_code == 413, path


PLACES = [
    "x",
    "%ff",
    "%00",
    "%ED%A0%80",
    "..%2f..%2f",
    "1",
    "' or 1=1 --",
    "{id}",
    "\u00f8",
    "0" * 5000,
    "f" * 24,
    CANARY,
]


def test_ids_that_are_none(program, operations):
    for method, path in operations:
        if "{" not in path:
            continue
        body = {"json": {}} if method in ("POST", "PUT") else {"json": []} if method == "PATCH" else {}
        for place in PLACES if method == "GET" else PLACES[:2]:
            found = program.api.call(method, re.sub(r"\{\w+\}", place, path), program.token, **body)
            assert found.status_code < 500, (method, path, place, found.text)
            if "state" not in path:
                assert found.status_code in (400, 401, 403, 404, 422), (method, path, place, found.text)


# ── documents ────────────────────────────────────────────────────────────────────────────────────

WRONG = [
    None,
    [CANARY],
    [[{"a": CANARY}]],
    {CANARY: [1]},
    -1.5,
    10**40,
    True,
    CANARY * 9000,
    "{{#each",
    "\x7f",
]


def places(value, path=()):
    """The paths of all values in a document."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def changed(document, path, value):
    found = copy.deepcopy(document)
    holder = found
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return found


def test_values_that_are_something_else(program, connection):
    """Anything anywhere in a document is taken or refused: by those who keep it, and those who run it."""
    export = orders_export(
        connection, filter={"version": "1", "rules": ["equals", ["extract", "id"], 1]}, type="delta"
    )
    target = customers_import(
        connection,
        mapping={"fields": [{"extract": "a", "generate": "b"}]},
        lookups=[{"name": "x", "map": {"a": "b"}}],
    )
    flow = {"name": "f", "schedule": "? 0 2 ? * *", "pageGenerators": [{"_exportId": connection}]}
    cases = {
        "/v1/connections": rest_connection("https://x.example", pingRelativeURI="/", headers=[{"name": "a"}]),
        "/v1/exports": export,
        "/v1/imports": target,
        "/v1/flows": flow,
        "/v1/iclients": {
            "provider": "google",
            "oauth2": {"clientId": "c", "clientSecret": "s", "scope": ["a"]},
        },
        "/v1/accesstokens": {"name": "a", "_connectionIds": [connection], "autoPurgeAt": "2099-01-01"},
        "/v1/integrations": {"name": "i", "settings": {}, "install": [{"name": "x", "completed": False}]},
        f"/v1/connections/{connection}/export/pages": {"export": export},
        f"/v1/connections/{connection}/import/map": {"import": target, "data": [{"a": 1}]},
    }
    for where, document in cases.items():
        for number, path in enumerate(places(document)):
            for wrong in WRONG[number % 4 :: 4]:
                found = sent(program, "POST", where, json=changed(document, path, wrong))
                assert len(found.content) < 9000 or found.is_success, (where, path, str(wrong)[:40])


# ── systems and records ──────────────────────────────────────────────────────────────────────────


def test_reading_that_never_ends(program, connection, shop):
    stuck = orders_export()
    stuck["http"]["relativeURI"] = "/pages/stuck?size=5&page={{{export.http.paging.page}}}"
    del stuck["http"]["paging"]["maxCountPath"]
    found = program.refused(422, "POST", f"/connections/{connection}/export", stuck)
    assert found[0]["code"] == "paging.endless"
    assert len(shop.asked) < 300


def test_languages_that_mean_harm(program, connection):
    """Regexes without an end, templates that grow or nest, lists that do not fit."""
    path = f"/connections/{connection}/import/map"
    bomb = "a" * 5000 + "!"

    def mapped(extract, record, **more):
        fields = {"fields": [{"extract": extract, "generate": "x"}], **more}
        return program.call("POST", path, {"import": customers_import(mapping=fields), "data": [record]})

    regex = mapped("{{regexMatch text '^(a+)+$'}}", {"text": bomb})
    assert regex.json() == [{"x": ""}], regex.text
    backwards = mapped("{{regexMatch text '(a)\\1'}}", {"text": bomb})
    assert backwards.status_code == 422, backwards.text
    for template in ("{{#each a}}" * 300 + "{{/each}}" * 300, "{{a" * 2000, "{{#if a}}"):
        assert mapped(template, {"a": [1]}).status_code == 422
    grown = "{{#each @root.a}}" * 8 + "xxxxxxxxxx" + "{{/each}}" * 8
    (fault,) = mapped(grown, {"a": list(range(100))}).json()[0]["errors"]
    assert fault["code"] == "template.too_large", fault
    lines = {"lists": [{"generate": "l", "fields": [
        {"extract": "a[*].n", "generate": "n"}, {"extract": "b[*].m", "generate": "m"}]}]}  # fmt: skip
    record = {"id": 1, "a": [{"n": 1}, {"n": 2}, {"n": 3}], "b": [{"m": 9}]}
    (fault,) = mapped("id", record, **lines).json()[0]["errors"]
    assert (fault["code"], fault["source"]) == ("mapping.unequal_lengths", "mapping")
    deep = {"a": 1}
    for _ in range(60):
        deep = {"a": deep}
    assert mapped("a.a", {"a": deep}).is_success


def test_a_record_that_is_too_large_fails_alone(program, connection, shop, monkeypatch):
    from towpath.core import steps

    orders = shop.orders
    shop.orders = [{"id": 1}, {"id": 2, "name": "n" * (steps.PAGE_BYTES + 1)}, {"id": 3}]
    try:
        answer = program.good("POST", f"/connections/{connection}/export", orders_export()).json()
    finally:
        shop.orders = orders
    assert [row["id"] for row in answer["data"]] == [1, 3]
    (error,) = answer["errors"]
    assert "too_large" in error["code"]
    assert "nnn" not in json.dumps(error)
