"""What the kit promises for every family, over real sockets."""

import logging
import re
import socket
import threading
import time
from contextlib import suppress

import httpx2
import pytest

from towpath.server import protocol

JSON = {"Content-Type": "application/json"}
MEGABYTE = 1024 * 1024


def raw(api, data, seconds=20):
    """What the server answers to these bytes until it closes the connection, in whatever way."""
    host, port = api.url.removeprefix("http://").split(":")
    answer = b""
    with (
        socket.create_connection((host, int(port)), timeout=seconds) as connection,
        suppress(ConnectionResetError, BrokenPipeError),
    ):
        for piece in (data,) if isinstance(data, bytes) else data:
            connection.sendall(piece)
        while piece := connection.recv(65536):
            answer += piece
    return answer


def test_a_body_at_the_limit_is_taken_and_one_byte_more_is_not(serving_toy):
    with serving_toy(max_body=1000) as api:
        frame = len(b'{"name":""}')
        for surplus, status in ((0, 201), (1, 413)):
            body = b'{"name":"%s"}' % (b"x" * (1000 - frame + surplus))
            assert api.post("/toy/things/", content=body, headers=JSON).status_code == status
            chunks = (body[at : at + 100] for at in range(0, len(body), 100))
            assert api.post("/toy/things/", content=chunks, headers=JSON).status_code == status
        assert api.post("/toy/things", content=body, headers=JSON).json() == {
            "detail": "The body is larger than 1000 bytes."
        }


@pytest.mark.parametrize("setting", [1000, 2 * MEGABYTE])
def test_a_family_may_take_more_at_some_paths(serving_toy, setting):
    """Never less than the operator allows."""
    with serving_toy(max_body=setting) as api:
        frame = len(b'{"name":""}')
        for surplus, status in ((0, 201), (1, 413)):
            body = b'{"name":"%s"}' % (b"x" * (max(MEGABYTE, setting) - frame + surplus))
            chunks = (body[at : at + 100_000] for at in range(0, len(body), 100_000))
            for content in (body, chunks):
                assert api.post("/toy/large/things", content=content, headers=JSON).status_code == status
        assert api.post("/toy/things", content=body, headers=JSON).status_code == 413


def test_large_bodies_are_read_as_strictly_as_others(toys):
    body = b'{"name":"%s","name":""}' % (b"x" * (MEGABYTE // 2))
    assert toys.post("/toy/things", content=body, headers=JSON).status_code == 422


def test_ten_megabytes_are_refused_however_they_come(toys):
    body = b'{"name":"' + b"x" * (10 * MEGABYTE) + b'"}'
    chunks = (body[at : at + MEGABYTE] for at in range(0, len(body), MEGABYTE))
    for content in (body, chunks):
        answer = toys.post("/toy/things/", content=content, headers=JSON)
        assert (answer.status_code, list(answer.json())) == (413, ["detail"])
    assert toys.get("/healthz").status_code == 200


HOSTILE = {
    "malformed": b'{"name": "canary"',
    "not utf-8": b'{"name": "canary\xff"}',
    "nan": b'{"name": "canary", "more": NaN}',
    "infinity": b'{"name": "canary", "more": -Infinity}',
    "too large a number": b'{"name": "canary", "more": 1e999}',
    "twice": b'{"name": "canary", "name": "canary"}',
    "twice below": b'{"name": "canary", "more": [{"a": 1, "a": 2}]}',
    "nul": b'{"name": "canary\\u0000"}',
    "nul in a key": b'{"name": "canary", "more": {"\\u0000": 1}}',
    "lone surrogate": b'{"name": "canary\\ud800"}',
    "deep": b'{"name": "canary", "more": ' + b"[" * 64 + b"]" * 64 + b"}",
    "very deep": b'{"name": "canary", "more": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
    "endless digits": b'{"name": "canary", "more": ' + b"9" * 100_000 + b"}",
    "trailing": b'{"name": "canary"} {"name": "canary"}',
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_json_is_422_and_repeats_nothing(toys, content):
    answer = toys.post("/toy/things/", content=content, headers=JSON)
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert list(problem) == ["loc", "msg", "type"]
    assert (problem["loc"][0], problem["type"]) == ("body", "json_invalid")
    assert "canary" not in answer.text


def test_the_deepest_json_that_is_taken(toys):
    content = b'{"name": "x", "more": ' + b"[" * 63 + b"]" * 63 + b"}"
    assert toys.post("/toy/things/", content=content, headers=JSON).status_code == 201


def test_great_numbers_stay_what_they_are(toys):
    content = b'{"name": "x", "more": 123456789012345678901234567890}'
    answer = toys.post("/toy/things/", content=content, headers=JSON)
    assert b"123456789012345678901234567890" in answer.content


def test_a_body_that_looks_like_json_is_json_whatever_it_is_called(toys):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert toys.post("/toy/things/", content=b' {"name": "x"}', headers=form).status_code == 201
    assert toys.post("/toy/things/", content=b"name=x", headers=form).status_code == 422


def test_wrong_fields_are_told_without_their_values(toys):
    answer = toys.post("/toy/things/", json={"name": {"secret": "canary"}})
    assert answer.status_code == 422
    assert answer.json()["detail"] == [
        {"loc": ["body", "name"], "msg": "Input should be a valid string", "type": "string_type"}
    ]


@pytest.mark.parametrize("given", ["abc", "A.b_c-9" * 9, "x" * 64])
def test_a_decent_request_id_is_taken_over(toys, given):
    assert toys.get("/toy/things", headers={"X-Request-Id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "id;drop", "{}"])
def test_any_other_request_id_is_replaced(toys, given):
    found = toys.get("/toy/things", headers={"X-Request-Id": given}).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", found)


@pytest.mark.parametrize("path", ["/toy/things", "/nowhere", "/toy/errors/defect", "/healthz"])
def test_every_answer_has_a_request_id_of_its_own(toys, path):
    assert toys.get(path).headers["x-request-id"] != toys.get(path).headers["x-request-id"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_both_slash_forms_answer_the_same_without_redirect(toys, slash):
    assert toys.get(f"/toy/things{slash}").json() == ["one"]
    assert toys.get(f"/toy/things/a{slash}").json() == {"name": "a"}
    assert toys.post(f"/toy/things{slash}", json={"name": "x"}).status_code == 201
    assert toys.get(f"/healthz{slash}").status_code == 200


@pytest.mark.parametrize("path", ["/nowhere", "/toyland", "/toy/nowhere", "/toy//things", "/docs", "/redoc"])
def test_unknown_paths_are_a_plain_404(toys, path):
    answer = toys.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


def test_head_is_get_without_its_body(toys):
    got, head = toys.get("/toy/things"), toys.call("HEAD", "/toy/things/")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
    assert toys.call("HEAD", "/toy/nowhere").status_code == 404
    assert toys.call("HEAD", "/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/toy/things", "/toy/things/"])
def test_wrong_methods_hear_which_are_right(toys, path):
    answer = toys.call("DELETE", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST, HEAD, OPTIONS")
    assert toys.call("OPTIONS", path).headers["allow"] == "GET, POST, HEAD, OPTIONS"
    assert toys.call("OPTIONS", path).status_code == 204


@pytest.mark.parametrize("path", ["/toy/things/a%00b", "/toy/things?name=%00", "/%00"])
def test_nul_in_an_address_is_refused(toys, path):
    assert toys.get(path).status_code == 400


@pytest.mark.parametrize(("kind", "status"), [("missing", 404), ("taken", 409), ("away", 503)])
def test_errors_of_services_become_answers(toys, kind, status):
    answer = toys.get(f"/toy/errors/{kind}")
    assert answer.status_code == status
    assert answer.json() == {"detail": "Not Found" if kind == "missing" else "It says what."}
    assert ("retry-after" in answer.headers) == (status == 503)


def test_a_defect_is_told_by_its_request_id_alone(toys, caplog):
    answer = toys.get("/toy/errors/defect", headers={"X-Request-Id": "mine"})
    assert answer.status_code == 500
    assert answer.json()["detail"].endswith("about request mine.")
    (record,) = [record for record in caplog.records if record.name == "towpath.api"]
    assert "Request mine failed: RuntimeError" in record.getMessage()
    assert "canary" not in answer.text
    assert record.exc_info is None


def test_keys_open_their_own_doors_only(toys):
    org = toys.organization()
    key = toys.key(org, "broker", "mine")
    assert toys.get("/toy/door", key).json() == "mine"
    wrong = [None, "x", key[:-1], key + "x", key.upper(), "tp_broker_" + "x" * 43, "x" * 10_000]
    wrong += [toys.key(org, "integrator"), toys.instance(org, toys.customer(org))[1]]
    for text in wrong:
        answer = toys.get("/toy/door", text)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    with toys.container.store.begin() as work:
        row = work.keys.find(org, name="mine")
        assert row.last_used_at is not None
        work.keys.update(org, row.id, revoked_at=row.created_at)
    assert toys.get("/toy/door", key).status_code == 401


def test_who_is_refused_too_often_has_to_wait(serving_toy):
    with serving_toy(failure_limit="3/minute") as api:
        good = api.key(api.organization(), "broker")
        assert [api.get("/toy/door", f"bad {n}").status_code for n in range(4)] == [401, 401, 401, 429]
        slowed = api.get("/toy/door", good)
        assert (slowed.status_code, slowed.json()) == (429, {"detail": "Too many requests."})
        assert 1 <= int(slowed.headers["retry-after"]) <= 120
        assert slowed.headers["ratelimit-limit"] == "3"
        assert slowed.headers["ratelimit-remaining"] == "0"


def test_a_key_may_ask_so_much_and_no_more(serving_toy):
    with serving_toy(rate_limit="3/minute") as api:
        assert [api.get("/toy/things", "one").status_code for _ in range(4)] == [200, 200, 200, 429]
        assert api.get("/toy/things", "other").status_code == 200
        assert {api.get("/toy/free", "one").status_code for _ in range(9)} == {200}
        assert int(api.get("/toy/things", "one").headers["retry-after"]) >= 1


PROXIED = {"trusted_proxies": ("127.0.0.1/32",), "require_https": True, "public_url": "https://towpath.test"}
OUTSIDE = {"X-Forwarded-For": "203.0.113.9"}


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_plain_http_is_sent_to_the_public_url_whatever_the_host(serving_toy, method):
    with serving_toy(**PROXIED) as api:
        hostile = OUTSIDE | {
            "X-Forwarded-Proto": "http",
            "Host": "evil.test",
            "X-Forwarded-Host": "evil.test",
        }
        answer = api.call(method, "/toy/things/a%2Fb%20c/?q=1&r=%2F", headers=hostile)
        assert answer.status_code == 308
        assert answer.headers["location"] == "https://towpath.test/toy/things/a%2Fb%20c/?q=1&r=%2F"
        assert "evil" not in answer.text + str(answer.headers)


def test_a_path_of_two_slashes_does_not_lead_elsewhere(serving_toy):
    with serving_toy(**PROXIED) as api:
        head = b"GET //evil.test/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        answer = raw(api, head + b"X-Forwarded-For: 203.0.113.9\r\n\r\n")
        assert b"location: https://towpath.test//evil.test/\r\n" in answer.lower()


def test_https_is_remembered_by_browsers_and_this_machine_is_left_alone(serving_toy):
    with serving_toy(**PROXIED) as api:
        secure = api.get("/toy/things", headers=OUTSIDE | {"X-Forwarded-Proto": "https"})
        assert (secure.status_code, secure.headers["strict-transport-security"]) == (200, "max-age=31536000")
        local = api.get("/toy/things")
        assert (local.status_code, "strict-transport-security" in local.headers) == (200, False)
        assert api.get("/healthz", headers=OUTSIDE).status_code == 200


def test_a_credential_over_plain_http_is_reported_without_itself(serving_toy, caplog):
    with serving_toy(**PROXIED) as api:
        assert api.get("/toy/things", "canary", headers=OUTSIDE).status_code == 308
    assert "A credential came over plain HTTP from 203.0.113.9" in caplog.text
    assert "canary" not in caplog.text


def test_nobody_else_is_believed_about_where_a_request_comes_from(serving_toy, caplog):
    caplog.set_level(logging.INFO, "towpath.access")
    with serving_toy(trusted_proxies=("192.0.2.0/24",)) as api:
        api.get("/toy/things", headers=OUTSIDE | {"X-Forwarded-Proto": "https"})
    assert "203.0.113.9" not in caplog.text


def test_pages_of_allowed_origins_may_call_with_credentials(toys):
    origin = {"Origin": "http://localhost:8000"}
    answer = toys.get("/toy/things", headers=origin)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:8000"
    assert answer.headers["access-control-allow-credentials"] == "true"
    asked = origin | {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "x-api-key"}
    assert toys.call("OPTIONS", "/toy/things", headers=asked).status_code == 200
    foreign = toys.get("/toy/things", headers={"Origin": "https://evil.test"})
    assert "access-control-allow-origin" not in foreign.headers


def series(api):
    lines = api.get("/metrics").text.splitlines()
    return {line.rpartition(" ")[0] for line in lines if line.startswith("towpath_http_requests_total")}


def test_figures_do_not_grow_with_what_is_asked_for(toys):
    def ask(number):
        toys.get(f"/random/{number}")
        toys.get(f"/toy/random/{number}")
        toys.get(f"/toy/things/{number}?q={number}")
        toys.call(("PROPFIND", "LOCK", "M-SEARCH", "COPY")[number % 4], "/toy/things")

    ask(0)
    series(toys)
    before = series(toys)
    for number in range(1, 30):
        ask(number)
    assert series(toys) == before
    assert (
        'towpath_http_requests_total{family="toy",method="GET",route="/toy/things/{name}",status="200"}'
        in before
    )


def test_figures_of_the_house(toys):
    text = toys.get("/metrics").text
    assert "towpath_store_up 1.0" in text
    assert 'towpath_runs{status="queued"} 0.0' in text
    assert "towpath_workers_alive 0.0" in text


def logged(caplog, until=""):
    """The lines of the access log once one has that text: a line comes after its answer."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        lines = [record.getMessage() for record in caplog.records if record.name == "towpath.access"]
        # Lines of what earlier tests asked the same server may still come.
        lines = [line for line in lines if "/metrics" not in line]
        if any(until in line for line in lines):
            return lines
        time.sleep(0.01)
    raise AssertionError(caplog.text)


def test_one_line_for_each_request_and_no_secret_in_it(toys, caplog):
    caplog.set_level(logging.INFO, "towpath.access")
    toys.post(
        "/toy/things/?token=canary", "canary", json={"name": "canary"}, headers={"X-Request-Id": "mine"}
    )
    (line,) = logged(caplog)
    assert re.fullmatch(r"POST /toy/things/ 201 \d+ ms 127\.0\.0\.1 mine", line)


@pytest.mark.parametrize("path", ["/toy/link/canary", "/toy/%6cink/canary/", "/toy/link/canary/more"])
def test_links_with_a_secret_are_not_logged(toys, caplog, path):
    caplog.set_level(logging.INFO, "towpath.access")
    status = toys.get(path).status_code
    (line,) = logged(caplog)
    assert "canary" not in line
    assert line.startswith(f"GET {'/toy/link/{token}' if status == 200 else '-'} {status} ")


def test_hot_paths_are_in_the_log_for_who_looks_closely(toys, caplog):
    for level, expected in ((logging.INFO, ["/healthz"]), (logging.DEBUG, ["/toy/free", "/healthz"])):
        caplog.clear()
        caplog.set_level(level, "towpath.access")
        assert toys.get("/toy/free").status_code == toys.get("/healthz").status_code == 200
        assert [line.split()[1] for line in logged(caplog, "/healthz")] == expected


def test_a_line_of_the_log_stays_one_line(toys, caplog):
    caplog.set_level(logging.INFO, "towpath.access")
    toys.get("/toy/a%0D%0A500")
    (line,) = logged(caplog)
    assert line.startswith("GET /toy/a%0D%0A500 404 ")


@pytest.mark.parametrize("head", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"\r\n"])
def test_heads_that_never_end_are_cut_off(toys, monkeypatch, head):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    assert raw(toys, head) == b""


def test_drops_do_not_keep_a_connection(toys, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)

    def drops():
        yield b"GET /healthz HTTP/1.1\r\n"
        for _ in range(400):
            time.sleep(0.05)
            yield b"X-A: b\r\n"
        yield b"\r\n"

    assert raw(toys, drops()) == b""


def test_bodies_that_never_end_are_cut_off(toys, monkeypatch):
    monkeypatch.setattr(protocol, "BODY_SECONDS", 0.3)
    head = b"POST /toy/things HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"
    assert raw(toys, head) == b""
    assert toys.get("/healthz").status_code == 200


def test_endless_heads_are_refused(toys):
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(20_000))
    assert b" 200 " not in raw(toys, head)
    assert toys.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "data", [b"nonsense\r\n\r\n", b"GET /toy HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"\x16\x03\x01\x02\x00"]
)
def test_what_is_no_http_is_answered_400(toys, data):
    assert raw(toys, data).startswith(b"HTTP/1.1 400 ")


def test_a_request_in_flight_is_answered_before_the_server_stops(serving_toy, toy):
    answers = []
    with serving_toy() as api:
        url = f"{api.url}/toy/slow"
        asking = threading.Thread(target=lambda: answers.append(httpx2.get(url, timeout=60).json()))
        asking.start()
        assert toy.begun.wait(60)
        threading.Timer(0.5, toy.go_on.set).start()
        # Leaving the block stops the server while the request goes on.
    asking.join(60)
    assert answers == ["done"]


def test_its_document_is_served_with_full_paths(toys):
    document = toys.get("/openapi/toy.json").json()
    assert set(document["paths"]) == {
        *("/toy/things/", "/toy/things/{name}", "/toy/free", "/toy/door", "/toy/errors/{kind}", "/toy/slow"),
        "/toy/link/{token}",
    }
    assert set(document["components"]["schemas"]["ValidationError"]["properties"]) == {"loc", "msg", "type"}
    assert toys.get("/openapi/nobody.json").status_code == 404
