"""Listeners: who may post, what is kept of it, and what is answered."""

import base64
import hashlib
import hmac
import json
import logging
import time

import pytest

from support.orders import order_shop
from support.steps import customers_import, rest_connection
from towpath.core.ids import of_object_id
from towpath.core.records import RunStatus

SECRET = "canary-listener-secret"


@pytest.fixture(scope="module")
def shop():
    with order_shop() as found:
        yield found


@pytest.fixture
def target(program, shop):
    connection = program.make("/connections", rest_connection(shop.url))["_id"]
    return program.make("/imports", customers_import(connection))["_id"]


def listener(program, target=None, **webhook):
    """Id of a webhook export, which begins a flow if there is a target."""
    made = program.make("/exports", {"name": "Listener", "type": "webhook", "webhook": webhook})
    if target:
        steps = {
            "pageGenerators": [{"_exportId": made["_id"]}],
            "pageProcessors": [{"type": "import", "_importId": target}],
        }
        program.make("/flows", {"name": "Posted", "disabled": False, **steps})
    return made["_id"]


def kept(program):
    """The records that wait for flows: one list for each run, in order."""
    with program.api.container.store.read() as work:
        runs = work.runs.list(program.org)
        found = [(run, work.values.find(program.org, run.id)) for run in runs]
    assert all(run.status is RunStatus.QUEUED and run.cause == "webhook" for run, _ in found)
    return [[record for value in values for record in value.value["records"]] for _, values in found]


def signed(body, algorithm, encoding):
    digest = hmac.digest(SECRET.encode(), body, algorithm)
    return base64.b64encode(digest).decode() if encoding == "base64" else digest.hex()


def test_a_secret_url_opens_and_no_other(program, stranger, target):
    id = listener(program, target, verify="secret_url", token=SECRET)
    post = program.api.post
    good = post(f"/v1/exports/{id}/{SECRET}/data", json={"name": "one"})
    assert (good.status_code, good.content) == (204, b"")
    for path in (f"{id}/wrong/data", f"{id}/data", f"{id}/{SECRET.upper()}/data"):
        assert post(f"/v1/exports/{path}", json={"name": "no"}).status_code == 401
    for path in (f"{'f' * 24}/{SECRET}/data", f"x/{SECRET}/data", f"{target}/{SECRET}/data"):
        assert post(f"/v1/exports/{path}", json={"name": "no"}).status_code == 404
    assert kept(program) == [[{"name": "one"}]]
    assert kept(stranger) == []


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_a_signature_opens(program, algorithm, encoding):
    id = listener(
        program, verify="hmac", key=SECRET, header="X-Signature", algorithm=algorithm, encoding=encoding
    )
    body = json.dumps({"name": "signed", "ü": 1}).encode()
    good = signed(body, algorithm, encoding)

    def post(signature, content=body):
        headers = {"X-Signature": signature} if signature else {}
        return program.api.post(f"/v1/exports/{id}/data", content=content, headers=headers).status_code

    assert post(good) == post(f"{algorithm}={good}") == 204
    other = signed(body, algorithm, "hex" if encoding == "base64" else "base64")
    tampered = good[:-3] + ("AAA" if good[-3:] != "AAA" else "BBB")
    assert {post(one) for one in ("", other, tampered, hashlib.new(algorithm, body).hexdigest())} == {401}
    assert post(good, body + b" ") == 401


@pytest.mark.parametrize(
    ("webhook", "good"),
    [
        ({"tokenLocation": "header", "tokenHeaderName": "X-Token"}, {"headers": {"X-Token": SECRET}}),
        (
            {"tokenLocation": "header", "tokenHeaderScheme": "Bearer"},
            {"headers": {"Authorization": f"Bearer {SECRET}"}},
        ),
        ({"tokenLocation": "queryParam", "tokenQueryParam": "k"}, {"params": {"k": SECRET}}),
        ({"path": "auth.token"}, {"json": {"auth": {"token": SECRET}}}),
    ],
)
def test_a_token_opens_where_it_is_expected(program, webhook, good):
    id = listener(program, verify="token", token=SECRET, **webhook)
    path = f"/v1/exports/{id}/data"
    assert program.api.post(path, **{"json": {}} | good).status_code == 204
    wrong = json.loads(json.dumps(good).replace(SECRET, "wrong"))
    for asked in (wrong, {}):
        refused = program.api.post(path, **{"json": {}} | asked)
        assert (refused.status_code, list(refused.json())) == (401, ["message"])


def test_a_password_opens(program):
    id = listener(program, verify="basic", username="ann", password=SECRET)
    path = f"/v1/exports/{id}/data"
    assert program.api.post(path, json={}, auth=("ann", SECRET)).status_code == 204
    for auth in (("ann", "wrong"), ("ben", SECRET), None):
        assert program.api.post(path, json={}, auth=auth).status_code == 401


def test_requests_wait_in_their_order(program, target):
    id = listener(
        program, target, verify="secret_url", token=SECRET, pathToRecords="items", includeParentData=True
    )
    path = f"/v1/exports/{id}/{SECRET}/data"
    program.api.post(path, json={"shop": 1, "items": [{"n": 1}, {"n": 2}]})
    program.api.post(path, json={"shop": 2, "items": [{"n": 3}]})
    assert kept(program) == [[{"shop": 1, "n": 1}, {"shop": 1, "n": 2}, {"shop": 2, "n": 3}]]
    # What comes when the run has begun is the next one's.
    with program.api.container.store.begin() as work:
        (run,) = work.runs.list(program.org)
        work.runs.claim(program.org, run.id)
        work.runs.finish(program.org, run.id, RunStatus.SUCCEEDED)
    program.api.post(path, json={"items": [{"n": 4}]})
    with program.api.container.store.read() as work:
        second = work.runs.list(program.org, status=RunStatus.QUEUED)
        assert [work.values.find(program.org, one.id)[0].value["records"] for one in second] == [[{"n": 4}]]
    for body in ({"other": 1}, "text"):
        refused = program.api.post(path, json=body)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "listener.no_records")
    assert program.api.post(path, content=b"<xml/>").status_code == 422


def test_senders_are_answered_as_they_expect(program):
    id = listener(
        program,
        verify="secret_url",
        token=SECRET,
        successStatusCode="202",
        successBody={"taken": True},
        successMediaType="json",
        successResponseHeaders=[{"name": "X-Taken", "value": "yes"}],
        challengePath="challenge",
    )
    path = f"/v1/exports/{id}/{SECRET}/data"
    found = program.api.post(path, json={"n": 1})
    assert (found.status_code, found.json(), found.headers["x-taken"]) == (202, {"taken": True}, "yes")
    shaken = program.api.post(path, json={"challenge": "abc"})
    assert (shaken.status_code, shaken.text) == (200, "abc")
    wrong = {"verify": "secret_url", "token": SECRET, "successStatusCode": 500}
    body = {"name": "x", "type": "webhook", "webhook": wrong}
    assert program.refused(422, "POST", "/exports", body)[0]["field"] == "webhook.successStatusCode"


def test_no_log_has_the_secret_of_a_url(program, caplog):
    id = listener(program, verify="secret_url", token=SECRET)
    caplog.set_level(logging.INFO, "towpath.access")
    for tail in ("data", "data/", "wrong"):
        program.api.post(f"/v1/exports/{id}/{SECRET}/{tail}", json={})
    program.api.get("/v1/tokenInfo")
    deadline = time.monotonic() + 30
    while "tokenInfo" not in caplog.text:
        assert time.monotonic() < deadline
    lines = [record.getMessage() for record in caplog.records]
    # The line of what was asked before may come late.
    assert len([line for line in lines if not line.startswith("POST /v1/exports 201")]) == 4
    assert SECRET not in caplog.text


def test_disabled_flows_are_given_nothing(program, target):
    id = listener(program, target, verify="secret_url", token=SECRET)
    (flow,) = program.get("/flows")
    program.good("PATCH", f"/flows/{flow['_id']}", [{"op": "replace", "path": "/disabled", "value": True}])
    assert program.api.post(f"/v1/exports/{id}/{SECRET}/data", json={}).status_code == 204
    assert kept(program) == []


def test_listeners_are_no_connections_and_their_secrets_stay_inside(program):
    id = listener(program, verify="hmac", key=SECRET, header="X-S")
    assert program.get("/connections") == []
    export = of_object_id("exp", id)
    with program.api.container.store.read() as work:
        row = work.exports.get(program.org, export)
        connection = work.connections.get(program.org, row.connection)
        assert connection.role == "listener"
        assert SECRET not in repr((row, connection))
    assert SECRET not in program.call("GET", f"/exports/{id}").text
    assert SECRET not in program.call("GET", f"/exports/{id}/audit").text
    # Another way of verification needs no key.
    other = {
        "name": "Listener",
        "type": "webhook",
        "webhook": {"verify": "secret_url", "token": "another-token"},
    }
    program.good("PUT", f"/exports/{id}", other)
    assert program.api.post(f"/v1/exports/{id}/another-token/data", json={}).status_code == 204
    wrong = {"name": "x", "type": "webhook", "webhook": {"verify": "hmac"}}
    fields = [one["field"] for one in program.refused(422, "POST", "/exports", wrong)]
    assert fields == ["webhook.key", "webhook.header"]
    paths = {"verify": "token", "token": SECRET, "path": "a[", "pathToRecords": "b[*"}
    wrong = {"name": 7, "type": "webhook", "webhook": paths}
    assert program.refused(422, "POST", "/exports", wrong)[0]["field"] == "name"
    errors = program.refused(422, "POST", "/exports", {**wrong, "name": "x"})
    assert {one["field"] for one in errors} == {"webhook.path", "webhook.pathToRecords"}
    odd = {"verify": "secret_url", "token": SECRET, "successResponseHeaders": [{"name": "a b", "value": "c"}]}
    assert program.refused(422, "POST", "/exports", {**wrong, "name": "x", "webhook": odd})
