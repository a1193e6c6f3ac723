"""The HTTP destination against a real server that misbehaves."""

import json
import threading
from collections import Counter, defaultdict
from dataclasses import replace

import pyarrow as pa
import pytest
from pydantic import ValidationError
from standardwebhooks import Webhook

from support.http import endpoint
from towpath.connectors.http import connector
from towpath.connectors.http.config import HttpConfig
from towpath.connectors.http.destination import HttpDestination
from towpath.connectors.http.lanes import lanes
from towpath.sdk import (
    AuthError,
    Batch,
    ConfigError,
    NotFoundError,
    SchemaError,
    Slice,
    Target,
    UnreachableError,
    WriteMode,
    guard,
)
from towpath.sdk.guard import AllowedHosts
from towpath.sdk.http import HttpClient
from towpath.sdk.registry import parse_config

SCHEMA = pa.schema({"id": pa.int64(), "who": pa.string()})
TARGET = Target("in", SCHEMA, WriteMode.APPEND, run="run_1", stream="people", lineage="flw_1:0")


@pytest.fixture
def server():
    guard.configure(AllowedHosts.parse("127.0.0.1"))
    with endpoint() as served:
        yield served
    guard.configure(AllowedHosts())


def people(*ids, who="ann"):
    return pa.RecordBatch.from_pylist([{"id": id, "who": who} for id in ids], schema=SCHEMA)


def send(server, *batches, target=TARGET, slice="s0001", **config):
    """Write the batches; the receipt, and what was rejected."""
    with HttpDestination(
        HttpConfig(**{"url": server.url + "/in", "max_attempts": 3} | config)
    ) as destination:
        destination.prepare(target)
        writer = destination.writer(target, Slice(slice))
        rejected = [one for batch in batches for one in writer.write(Batch(batch))]
        return writer.close(), rejected


def ids(asked):
    body = json.loads(asked.body)
    return [record["id"] for record in body] if isinstance(body, list) else [body["id"]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Waits between attempts are counted, and not sat through."""
    waits = []
    monkeypatch.setitem(HttpClient.__init__.__kwdefaults__, "sleep", waits.append)
    return waits


# ── form ─────────────────────────────────────────────────────────────────────────────────────


def test_batches_as_an_array(server):
    receipt, _ = send(server, people(1, 2, 3, 4, 5), batch_size=2)
    assert [ids(asked) for asked in server.asked] == [[1, 2], [3, 4], [5]]
    assert {asked.headers["content-type"] for asked in server.asked} == {"application/json"}
    assert receipt.rows == 5
    assert receipt.bytes == sum(len(asked.body) for asked in server.asked)


def test_lines(server):
    send(server, people(1, 2), body="ndjson")
    (asked,) = server.asked
    assert asked.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line)["id"] for line in asked.body.splitlines()] == [1, 2]
    assert asked.body.endswith(b"\n")


def test_single_records_by_put(server):
    send(server, people(1, 2), body="single", method="PUT")
    assert [(asked.method, json.loads(asked.body)) for asked in server.asked] == [
        ("PUT", {"id": 1, "who": "ann"}),
        ("PUT", {"id": 2, "who": "ann"}),
    ]


def test_an_empty_slice_asks_nothing(server):
    receipt, _ = send(server, people())
    assert (receipt.rows, server.asked) == (0, [])


def test_headers_plain_and_secret(server):
    send(server, people(1), headers={"X-Plain": "p"}, secret_headers={"X-Secret": "s3cr3t"})
    assert (server.asked[0].headers["x-plain"], server.asked[0].headers["x-secret"]) == ("p", "s3cr3t")


@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [
        ({"type": "none"}, "authorization", None),
        ({"type": "bearer", "token": "abc"}, "authorization", "Bearer abc"),
        ({"type": "basic", "username": "ü", "password": "p"}, "authorization", "Basic w7w6cA=="),
        ({"type": "api_key", "name": "X-Key", "value": "k"}, "x-key", "k"),
    ],
)
def test_authentication_in_headers(server, auth, name, value):
    send(server, people(1), auth=auth)
    assert server.asked[0].headers.get(name) == value


def test_authentication_in_the_query(server):
    auth = {"type": "api_key", "name": "key", "value": "a&b", "place": "query"}
    send(server, people(1), auth=auth, url=server.url + "/in?x=1")
    assert server.asked[0].path == "/in?x=1&key=a%26b"


# ── per-record outcomes ──────────────────────────────────────────────────────────────────────


def test_a_refused_batch_is_split_to_find_the_records_at_fault(server):
    server.answer = lambda asked: (422, {}, b"no 2") if 2 in ids(asked) else (200, {}, b"")
    receipt, rejected = send(server, people(1, 2, 3))
    assert [ids(asked) for asked in server.asked] == [[1, 2, 3], [1], [2], [3]]
    assert [(one.record["id"], one.code, one.message, one.index) for one in rejected] == [
        (2, "http.refused", "422: no 2", 1)
    ]
    assert receipt.rows == 2


def test_a_refused_batch_may_be_rejected_whole(server):
    server.answers(400)
    receipt, rejected = send(server, people(1, 2), people(3), on_batch_error="reject")
    assert [one.record["id"] for one in rejected] == [1, 2]
    assert receipt.rows == 1


def test_numbers_that_json_lacks_are_rejected(server):
    schema = pa.schema({"x": pa.float64()})
    batch = pa.record_batch([pa.array([1.5, float("nan"), float("inf"), None])], schema=schema)
    receipt, rejected = send(server, batch, target=replace(TARGET, schema=schema))
    assert [one.code for one in rejected] == ["value.unrepresentable"] * 2
    assert json.loads(server.asked[0].body) == [{"x": 1.5}, {"x": None}]
    assert receipt.rows == 2


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthError), (403, AuthError), (404, NotFoundError), (302, ConfigError)]
)
def test_an_endpoint_at_fault_stops_the_slice(server, status, kind):
    server.answer = lambda _: (status, {"location": "/x"} if status == 302 else {}, b"")
    with pytest.raises(kind):
        send(server, people(1, 2))
    assert len(server.asked) == 1


def test_no_error_shows_a_secret(server):
    server.answer = lambda asked: (401, {}, asked.headers["authorization"].encode())
    with pytest.raises(AuthError) as caught:
        send(
            server, people(1), auth={"type": "bearer", "token": "topsecret"}, url=server.url + "/in?q=hidden"
        )
    assert "topsecret" not in str(caught.value.to_json())
    assert "hidden" not in str(caught.value.to_json())


# ── trying again ─────────────────────────────────────────────────────────────────────────────


def test_trouble_is_tried_again_under_the_same_key(server, impatient):
    server.answers((429, {"Retry-After": "9"}, b""), "reset", 200)
    receipt, _ = send(server, people(1))
    assert len({asked.headers["idempotency-key"] for asked in server.asked}) == 1
    assert len(server.asked) == 3
    assert impatient[0] == 9
    assert receipt.rows == 1


def test_lasting_trouble_is_a_retryable_error(server):
    server.answer = lambda _: (503, {}, b"")
    with pytest.raises(UnreachableError) as caught:
        send(server, people(1))
    assert caught.value.retryable
    assert len(server.asked) == 3


def test_without_a_key_a_post_is_sent_once(server):
    server.answers(503)
    with pytest.raises(UnreachableError):
        send(server, people(1), idempotency_header=None)
    assert len(server.asked) == 1
    assert "idempotency-key" not in server.asked[0].headers


def keys(server):
    return [asked.headers["x-once"] for asked in server.asked]


def test_a_redone_slice_has_the_same_keys_and_all_else_others(server):
    def done(**more):
        server.asked.clear()
        send(server, people(1, 2), people(3), idempotency_header="X-Once", batch_size=1, **more)
        return keys(server)

    first = done()
    assert len(set(first)) == 3
    assert done() == first
    for other in ({"slice": "s0002"}, {"target": replace(TARGET, run="run_2")}):
        assert not set(first) & set(done(**other))


def test_equal_records_have_keys_of_their_own(server):
    send(server, people(7, 7, 7), idempotency_header="X-Once", batch_size=1)
    assert len(set(keys(server))) == 3


def test_other_records_in_a_redone_slice_have_other_keys(server):
    """A receiver that knows the key would take them for the old ones, and lose them."""
    send(server, people(1, 2), idempotency_header="X-Once")
    send(server, people(1, 2, 3), idempotency_header="X-Once")
    assert len(set(keys(server))) == 2


def test_signatures_can_be_verified_and_are_fresh(server):
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    server.answers(500, 200)
    send(server, people(1), signing_secret=secret)
    first, second = server.asked
    assert Webhook(secret).verify(second.body, second.headers) == [{"id": 1, "who": "ann"}]
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


# ── order and concurrency ────────────────────────────────────────────────────────────────────


def test_records_of_one_key_come_in_order_and_never_at_once(server):
    running, overlap, seen = Counter(), [], defaultdict(list)
    lock = threading.Lock()

    def answer(asked):
        record = json.loads(asked.body)
        with lock:
            running[record["who"]] += 1
            overlap.append(running[record["who"]] > 1)
            seen[record["who"]].append(record["id"])
        threading.Event().wait(0.001)
        with lock:
            running[record["who"]] -= 1
        return 200, {}, b""

    server.answer = answer
    batch = pa.RecordBatch.from_pylist([{"id": n, "who": f"w{n % 7}"} for n in range(140)], schema=SCHEMA)
    receipt, _ = send(server, batch, body="single", key="who", concurrency=4)
    assert receipt.rows == 140
    assert not any(overlap)
    assert all(numbers == sorted(numbers) and len(numbers) == 20 for numbers in seen.values())


def test_requests_run_at_once_up_to_the_limit(server):
    gate, most, running, lock = threading.Barrier(3), [0], [0], threading.Lock()

    def answer(_):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        gate.wait(10)  # passes only if three requests are here together
        with lock:
            running[0] -= 1
        return 200, {}, b""

    server.answer = answer
    send(server, people(*range(9)), batch_size=1, concurrency=3)
    assert (len(server.asked), most[0]) == (9, 3)


def test_after_an_error_nothing_more_is_begun(server):
    server.answer = lambda asked: (404, {}, b"") if 0 in ids(asked) else (200, {}, b"")
    with pytest.raises(NotFoundError):
        send(server, people(*range(200)), batch_size=1)
    assert len(server.asked) == 1


def test_lanes_hold_every_record_once_and_each_key_in_one():
    keys = [n % 5 for n in range(100)]
    dealt = lanes(keys, 3, 100, 10)
    assert sorted(place for lane in dealt for place in lane) == list(range(100))
    for key in range(5):
        assert sum(any(keys[place] == key for place in lane) for lane in dealt) == 1
    assert lanes(None, 2, 5, 2) == [[0, 1, 4], [2, 3]]
    assert lanes(None, 3, 0, 2) == []


# ── settings ─────────────────────────────────────────────────────────────────────────────────


def test_only_append(server):
    with HttpDestination(HttpConfig(url=server.url)) as destination, pytest.raises(ConfigError) as caught:
        destination.prepare(replace(TARGET, mode=WriteMode.OVERWRITE))
    assert caught.value.code == "write_mode.unsupported"


def test_the_key_must_be_a_column(server):
    config = HttpConfig(url=server.url, key="nope")
    with HttpDestination(config) as destination, pytest.raises(SchemaError) as caught:
        destination.prepare(TARGET)
    assert caught.value.code == "column.not_found"


@pytest.mark.parametrize(
    "headers",
    [{"Host": "x"}, {"A\r\nB": "x"}, {"A": "x\r\nB: y"}, {"": "x"}, {"A": "☃"}, {"content-LENGTH": "1"}],
)
def test_headers_that_break_messages_are_refused(headers):
    with pytest.raises(ValidationError):
        HttpConfig(url="https://example.com", headers=headers)
    with pytest.raises(ValidationError):
        HttpConfig(url="https://example.com", secret_headers=headers)


def test_a_wrong_setting_never_shows_a_secret():
    config = {
        "url": "https://example.com",
        "secret_headers": {"A": "bad\nsecret"},
        "auth": {"type": "bearer"},
    }
    with pytest.raises(ConfigError) as caught:
        parse_config(connector, config)
    assert "secret" not in str(caught.value).replace("secret_headers", "")
    assert "auth.bearer.token" in str(caught.value)


def test_check(server):
    config = HttpConfig(url=server.url + "/in")
    with HttpDestination(config) as destination:
        server.answer = lambda _: (405, {}, b"")
        assert destination.check() == f"{server.url}/in answered 405"
        server.answer = lambda _: (401, {}, b"")
        with pytest.raises(AuthError):
            destination.check()
    guard.configure(AllowedHosts())
    with HttpDestination(config) as destination, pytest.raises(ConfigError) as caught:
        destination.check()
    assert caught.value.code == "http.blocked_host"
