"""Requests of a program's own through a connection."""

import json

import pytest

from support.http import endpoint

CANARY = "canary-proxy-8d1c"


@pytest.fixture
def shop():
    def answer(asked):
        if f"Bearer {CANARY}" != asked.headers.get("authorization"):
            return 401, {"content-type": "application/json"}, b'{"error": "who?"}'
        body = json.loads(asked.body or b"null")
        status = 409 if body == {"taken": True} else 200
        told = {"method": asked.method, "path": asked.path, "body": body, "x": asked.headers.get("x-shop")}
        return status, {"content-type": "application/json"}, json.dumps(told).encode()

    with endpoint() as found:
        found.answer = answer
        yield found


@pytest.fixture
def path(program, shop):
    rest = {"baseURI": f"{shop.url}/api", "mediaType": "json", "authType": "token", "bearerToken": CANARY}
    made = program.make("/connections", {"type": "rest", "rest": rest})
    return f"/connections/{made['_id']}/proxy"


def at(uri):
    return {"headers": {"Integrator-Relative-URI": uri}}


def test_method_and_body_get_there_and_the_answer_comes_back(program, path):
    read = program.good("POST", path, **at("/orders?page=2&q=a%20b")).json()
    assert read == {"method": "GET", "path": "/api/orders?page=2&q=a%20b", "body": None, "x": None}
    sent = {"method": "put", "body": {"a": [1]}, "headers": {"X-Shop": "acme"}}
    wrote = program.good("POST", path, sent, **at("orders/1")).json()
    assert wrote == {"method": "PUT", "path": "/api/orders/1", "body": {"a": [1]}, "x": "acme"}
    refused = program.call("POST", path, {"body": {"taken": True}}, **at("orders"))
    assert refused.status_code == 409
    assert refused.json()["body"] == {"taken": True}


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "https://evil.example/x",
        "//evil.example/x",
        "http:evil",
        "\\\\evil.example",
        "/a/../../x",
        "{{connection.rest.bearerToken}}",
    ],
)
def test_it_stays_below_the_base_uri(program, shop, path, uri):
    options = {} if uri is None else at(uri)
    assert program.refused(422, "POST", path, **options)[0]["field"] == "Integrator-Relative-URI"
    assert shop.asked == []


def test_refused_credentials_do_not_blame_the_caller(program, shop, path):
    rest = {"baseURI": shop.url, "mediaType": "json", "authType": "token", "bearerToken": "wrong"}
    program.good("PUT", path.removesuffix("/proxy"), {"type": "rest", "rest": rest})
    found = program.call("POST", path, **at("/x"))
    assert found.status_code == 422
    assert CANARY not in found.text


def test_only_http_apis_are_asked(program, stranger, path, tmp_path):
    made = program.make("/connections", {"type": "sqlite", "towpath": {"path": str(tmp_path / "x.db")}})
    there = f"/connections/{made['_id']}/proxy"
    assert program.refused(422, "POST", there, **at("/x"))[0]["code"] == "connector.unsupported"
    assert stranger.call("POST", path, **at("/x")).status_code == 404
    assert program.refused(422, "POST", path, {"verb": "GET"}, **at("/x"))[0]["field"] == "verb"
