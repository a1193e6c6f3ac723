"""Functions of users' own, on a real extension server: every kind, and everything that can go wrong."""

import json
import socket
import threading
from decimal import Decimal

import pytest

from support.extension import Server
from support.loopback import loopback
from towpath.sdk import AuthError, ConfigError, DataError, TowpathError, UnreachableError, guard
from towpath.sdk.extension import MOST_ANSWER, Extension, ExtensionConfig

pytestmark = pytest.mark.service("extension")


@pytest.fixture
def stack(extension: Server):
    with Extension(ExtensionConfig.model_validate(extension.config())) as opened:
        yield opened


def opened(url: str, token: str = "t0ken-of-the-stack", **more) -> Extension:
    server = {"host_uri": url, "system_token": token, "max_attempts": 1, **more}
    return Extension(ExtensionConfig.model_validate({"server": server}))


def test_what_is_sent_and_what_comes_back(stack, extension):
    options = {"bearerToken": "one-time", "data": [{"name": "Žofie ☃", "id": 2**53}], "settings": {}}
    answer = stack.call("hook", "echo", options, traceid="trace-1")
    assert json.dumps(answer) == json.dumps(options), "names in their order"
    assert extension.heard() == [
        {
            "diy": True,
            "type": "hook",
            "function": "echo",
            "maxResponseSize": MOST_ANSWER,
            "options": options,
            "traceid": "trace-1",
        }
    ]


@pytest.mark.parametrize(
    "value", [2**53 + 1, Decimal("0.10000000000000000001"), float("nan"), object(), "\ud800"]
)
def test_what_javascript_would_see_otherwise_is_not_sent(stack, extension, value):
    with pytest.raises(DataError) as caught:
        stack.call("hook", "echo", {"data": [{"id": value}]})
    assert caught.value.code == "value.unrepresentable"
    assert extension.heard() == []


def test_hooks_of_every_kind(stack):
    page = {"data": [{"id": 1}], "errors": [], "pageIndex": 1}
    saved = stack.call("hook", "preSavePage", page)
    assert saved == {"data": [{"id": 1, "hooked": 1}], "errors": [], "abort": True}
    mapped = stack.call("hook", "preMap", {"data": [{"id": number} for number in (1, 2, 3, 6)]})
    assert [sorted(one) for one in mapped] == [[], ["data"], ["errors"], ["data", "errors"]]
    both = {"preMapData": [{"id": 1}], "postMapData": [{"no": 1}]}
    assert stack.call("hook", "postMap", both) == [{"data": {"no": 1, "before": {"id": 1}}}]
    assert stack.call("hook", "postSubmit", {"responseData": [{"statusCode": 200}]}) == [
        {"statusCode": 200, "seen": True}
    ]
    assert stack.call("hook", "postResponseMap", {"postResponseMapData": [{}]}) == [{}]
    assert stack.call("hook", "postAggregate", {"postAggregateData": {"success": True}}) is None
    instants = {"lastExportDateTime": "2026-01-01T00:00:00Z", "currentExportDateTime": "2026-01-02T00:00:00Z"}
    assert stack.call("hook", "instants", instants) == {"last": True, "current": True}


def test_functions_of_apps(app_server: Server):
    with loopback(), opened(app_server.url, app_server.token) as stack:
        app = "5f0000000000000000000001"
        app_server.heard()
        for type, function in (
            ("installer", "stepOne"),
            ("uninstaller", "before"),
            ("setting", "persist"),
        ):
            assert stack.call(type, function, {"pending": {}}, app=app)["success"] is True
        heard = app_server.heard()
        assert {one["_connectorId"] for one in heard} == {app}
        assert not any("diy" in one for one in heard)
        with pytest.raises(DataError) as caught:
            stack.call("installer", "stepOne", {})
    assert caught.value.context["errors"][0]["code"] == "missing_required_field"


def test_a_wrong_token(extension):
    with opened(extension.url, "wr0ng-token") as stack, pytest.raises(AuthError) as caught:
        stack.call("hook", "echo", {})
    assert caught.value.code == "extension.unauthorized"
    assert "wr0ng-token" not in json.dumps(caught.value.to_json())


def test_all_that_is_wrong_is_told_at_once(stack):
    """No such module in the configuration, and no function: two errors in one answer."""
    with pytest.raises(DataError) as caught:
        stack.call("hook", "", {}, app="5f0000000000000000000001")
    error = caught.value
    assert error.code == "extension.failed"
    assert [one["code"] for one in error.context["errors"]] == ["invalid_field", "missing_required_field"]
    assert all(one["message"].rstrip(".") in error.message for one in error.context["errors"])


@pytest.mark.parametrize(
    ("type", "function", "code"),
    [
        ("nonsense", "echo", "object_not_found"),
        ("hook", "missing", "invalid_function"),
        ("hook", "notAFunction", "invalid_function"),
        ("hook", "promises", "invalid_function"),
        ("hook", "dates", "invalid_extension_response"),
        ("hook", "throws", "TypeError"),
        ("hook", "fails", "unlucky"),
    ],
)
def test_functions_that_fail(stack, type, function, code):
    with pytest.raises(DataError) as caught:
        stack.call(type, function, {"bearerToken": "one-time-secret"})
    error = caught.value
    assert (error.code, error.retryable) == ("extension.failed", False)
    assert [one["code"] for one in error.context["errors"]] == [code]
    assert error.hint
    assert "one-time-secret" not in json.dumps(error.to_json())


def test_answers_may_be_as_long_as_they_may_be(stack):
    longest = MOST_ANSWER - 2  # the quotes count
    assert len(stack.call("hook", "much", {"size": longest})) == longest
    with pytest.raises(DataError) as caught:
        stack.call("hook", "much", {"size": longest + 1})
    assert caught.value.code == "extension.too_large"


def test_what_no_server_takes_is_not_sent(stack, extension):
    with pytest.raises(DataError) as caught:
        stack.call("hook", "echo", {"data": ["x" * 50_000_000]})
    assert caught.value.code == "extension.too_large"
    assert extension.heard() == []


def test_servers_say_that_they_are_still_at_it(stack):
    """HTTP 102, many times, before the answer."""
    assert stack.call("hook", "slow", {"milliseconds": 300}) == "at last"


def test_functions_that_take_too_long(stack, extension):
    with pytest.raises(UnreachableError) as caught:
        stack.call("hook", "slow", {"milliseconds": 3_000}, timeout=0.2)
    assert caught.value.code == "connection.timeout"
    assert [one["function"] for one in extension.heard()] == ["slow"], "never called twice by itself"


def test_calls_at_once(stack):
    answers = [None] * 8

    def call(number: int) -> None:
        answers[number] = stack.call("hook", "echo", {"number": number})

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [{"number": number} for number in range(8)]


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with loopback(), opened(f"http://127.0.0.1:{port}") as stack, pytest.raises(UnreachableError) as caught:
        stack.call("hook", "echo", {})
    assert (caught.value.code, caught.value.retryable) == ("connection.refused", True)


@pytest.fixture
def guarded():
    """Nothing but the public internet is reached, whatever servers of other tests allow."""
    before = guard.allowed_hosts()
    guard.configure(guard.AllowedHosts())
    yield
    guard.configure(before)


def test_hosts_of_our_own_are_not_reached(extension_server, guarded):
    with opened(extension_server.url) as stack, pytest.raises(ConfigError) as caught:
        stack.call("hook", "echo", {})
    assert caught.value.code == "http.blocked_host"


def answering(raw: bytes):
    """A server that gives this answer, whatever it is asked, and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, listener:
            connection.recv(65_536)
            connection.sendall(raw)

    thread = threading.Thread(target=serve)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", thread


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        ("200 OK", "<html>t0ken-of-the-stack</html>", "extension.bad_answer"),
        ("422 No", "[]", "extension.bad_answer"),
        ("422 No", '{"errors": []}', "extension.bad_answer"),
        ("422 No", '{"errors": "t0ken-of-the-stack"}', "extension.bad_answer"),
        ("422 No", "not json", "extension.bad_answer"),
        ("403 No", "", "extension.unauthorized"),
        ("404 No", "t0ken-of-the-stack", "http.status"),
        ("307 No\r\nlocation: http://127.0.0.1:9/", "", "http.redirect_refused"),
        ("503 No", "", "http.status"),
    ],
)
def test_servers_that_are_none(status, body, code):
    raw = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n{body}"
    url, thread = answering(raw.encode())
    with loopback(), opened(url) as stack, pytest.raises(TowpathError) as caught:
        stack.call("hook", "echo", {})
    thread.join(10)
    assert caught.value.code == code
    assert "t0ken-of-the-stack" not in json.dumps(caught.value.to_json())
    assert caught.value.hint


def test_functions_in_a_cloud_are_kept_and_not_called():
    secret = {"access_key_id": "AK", "secret_access_key": "s3cret", "function_name": "mine"}
    config = ExtensionConfig.model_validate({"aws_lambda": secret})
    with pytest.raises(ConfigError) as caught:
        Extension(config)
    assert caught.value.code == "extension.unsupported"
