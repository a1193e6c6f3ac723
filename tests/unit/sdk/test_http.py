"""The client against a real server on this machine."""

import datetime as dt
import gzip
import socket
import ssl
import threading
import time
from email.utils import formatdate

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from support.http import endpoint
from towpath.sdk import AuthError, ConfigError, DataError, NotFoundError, UnreachableError, guard
from towpath.sdk.backoff import Retry, retry_after
from towpath.sdk.guard import AllowedHosts
from towpath.sdk.http import HttpClient, status_error
from towpath.sdk.webhooks import Signer


@pytest.fixture
def server():
    with endpoint() as served:
        yield served


@pytest.fixture(autouse=True)
def allowed():
    guard.configure(AllowedHosts.parse("127.0.0.1, hook.example"))
    yield
    guard.configure(AllowedHosts())


@pytest.fixture
def waits():
    return []


@pytest.fixture
def client(waits):
    with HttpClient(sleep=waits.append, timeout=5, max_body=100_000) as made:
        yield made


def refused(code, kind, *arguments, **more):
    with HttpClient(sleep=lambda _: None, timeout=5) as client, pytest.raises(kind) as caught:
        client.request(*arguments, **more)
    assert caught.value.code == code
    return caught.value


def test_sends_and_reads(server, client):
    server.answer = lambda _: (201, {"X-Mixed": "Case"}, b'{"n": 1}')
    response = client.request("POST", server.url + "/a?b=c", headers={"X-One": "1"}, body=b"hello")
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body, asked.headers["x-one"]) == ("POST", "/a?b=c", b"hello", "1")
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"
    assert (response.status, response.headers["x-mixed"], response.json()) == (201, "Case", {"n": 1})
    assert response.ok


def test_what_is_not_json_is_said_so(server, client):
    server.answer = lambda _: (200, {}, b"<html>")
    with pytest.raises(DataError) as caught:
        client.request("GET", server.url).json()
    assert caught.value.code == "http.not_json"


# ── guard ────────────────────────────────────────────────────────────────────────────────────


def test_nothing_private_without_leave(server):
    guard.configure(AllowedHosts())
    error = refused("http.blocked_host", ConfigError, "GET", server.url)
    assert not error.retryable
    assert server.asked == []


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.2:{port}/", "http://169.254.169.254/", "http://[::1]/", "http://2130706433:{port}/"],
)  # fmt: skip
def test_a_redirect_to_a_private_address_is_refused(server, location):
    with endpoint("127.0.0.2") as other:
        server.answer = lambda _: (307, {"location": location.format(port=other.port)}, b"")
        refused("http.blocked_host", ConfigError, "POST", server.url, body=b"x")
        assert other.asked == []


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1:70/"])
def test_a_redirect_to_another_scheme_is_refused(server, location):
    server.answer = lambda _: (302, {"location": location}, b"")
    refused("http.invalid_url", ConfigError, "GET", server.url)


def test_a_name_that_changes_its_answer_is_checked_each_time(server):
    """DNS rebinding: the first answer is allowed, the second is not; nothing reaches the second."""
    guard.configure(AllowedHosts.parse("127.0.0.2"))
    answers = iter(["127.0.0.2", "127.0.0.1"])
    with endpoint("127.0.0.2") as allowed:
        url = f"http://rebind.example:{allowed.port}/"
        with HttpClient(resolver=lambda *_: [next(answers)], sleep=lambda _: None) as client:
            assert client.request("GET", url).ok
            with pytest.raises(ConfigError) as caught:
                client.request("GET", url)
        assert caught.value.code == "http.blocked_host"
        assert [asked.headers["host"] for asked in allowed.asked] == [f"rebind.example:{allowed.port}"]
    assert server.asked == []


def test_the_connection_goes_to_the_address_that_was_checked(server):
    """The name does not resolve at all in the system: only the pinned address can have been used."""
    with HttpClient(resolver=lambda *_: ["127.0.0.1"]) as client:
        assert client.request("GET", f"http://hook.example:{server.port}/").ok
    assert server.asked[0].headers["host"] == f"hook.example:{server.port}"


def test_the_next_address_is_tried_when_one_is_down(server):
    guard.configure(AllowedHosts.parse("127.0.0.0/8"))
    with HttpClient(resolver=lambda *_: ["127.0.0.9", "127.0.0.1"]) as client:
        assert client.request("POST", f"http://two.example:{server.port}/").ok


def test_proxies_of_the_environment_are_not_used(server, client, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert client.request("GET", server.url).ok


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "ftp://h/", "file:///etc/passwd", "http://", "http:///p", "http://u:p@127.0.0.1/", "http://h:0/",
        "http://h:99999/", "http://h\\@g/", "http://h/a b",
    ],
)  # fmt: skip
def test_urls_that_are_none(url):
    error = refused("http.invalid_url", ConfigError, "GET", url)
    assert "u:p" not in error.message


# ── redirects ────────────────────────────────────────────────────────────────────────────────


def test_redirects_keep_method_and_body_and_drop_secrets_elsewhere(server, client):
    guard.configure(AllowedHosts.parse("127.0.0.0/8"))
    with endpoint("127.0.0.2") as other:
        hops = iter(["/moved", other.url + "/far"])
        server.answer = lambda _: (308, {"location": next(hops)}, b"")
        headers = {"X-Plain": "1", "Authorization": "leaks"}
        client.request("POST", server.url, headers=headers, secret_headers={"X-Key": "k"}, body=b"data")
        assert [asked.path for asked in server.asked] == ["/", "/moved"]
        assert [asked.headers["x-key"] for asked in server.asked] == ["k", "k"]
        (far,) = other.asked
    assert (far.method, far.path, far.body, far.headers["x-plain"]) == ("POST", "/far", b"data", "1")
    assert not {"x-key", "authorization"} & set(far.headers)


def test_a_redirect_that_would_drop_the_body_is_refused(server):
    server.answer = lambda _: (302, {"location": "/login"}, b"")
    refused("http.redirect_refused", ConfigError, "POST", server.url, body=b"data")


def test_where_redirects_are_not_allowed_none_is_followed(server):
    server.answers((307, {"location": "/other"}, b""))
    with HttpClient(max_redirects=0) as client, pytest.raises(ConfigError) as caught:
        client.request("POST", server.url, body=b"secret")
    assert caught.value.code == "http.redirect_refused"
    assert len(server.asked) == 1


def test_a_circle_of_redirects_ends(server):
    server.answer = lambda _: (302, {"location": "/"}, b"")
    refused("http.redirect_refused", ConfigError, "GET", server.url)
    assert len(server.asked) == 6


# ── bounds ───────────────────────────────────────────────────────────────────────────────────


def test_a_huge_answer_is_cut_off(server, client):
    server.answer = lambda _: (200, {}, b"x" * 5_000_000)
    with pytest.raises(DataError) as caught:
        client.request("GET", server.url)
    assert caught.value.code == "http.too_large"


def test_a_small_answer_that_unpacks_to_a_huge_one_is_cut_off(server, client):
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000
    server.answer = lambda _: (200, {"content-encoding": "gzip"}, bomb)
    with pytest.raises(DataError) as caught:
        client.request("GET", server.url)
    assert caught.value.code == "http.too_large"


def test_a_slow_server_is_given_up(server, waits):
    server.answer = lambda _: time.sleep(0.5) or (200, {}, b"")
    with (
        HttpClient(timeout=0.1, sleep=waits.append, retry=Retry(attempts=2)) as client,
        pytest.raises(UnreachableError) as caught,
    ):
        client.request("GET", server.url)
    assert caught.value.code == "connection.timeout"
    assert len(waits) == 1


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nx-long: ", b"x"),
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    ],
    ids=["body", "head", "processing"],
)
def test_an_answer_in_drops_is_given_up(first, drop):
    """Each byte comes in time; the whole does not."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip():
            connection, _ = listener.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(first)
                try:
                    while True:
                        connection.sendall(drop)
                        time.sleep(0.02)
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            HttpClient(timeout=0.3, retry=Retry(attempts=1)) as client,
            pytest.raises(UnreachableError) as caught,
        ):
            client.request("GET", url)
        thread.join()
    assert caught.value.code == "connection.timeout"


def test_a_closed_client_opens_no_connection(server, waits):
    client = HttpClient(retry=Retry(attempts=5), sleep=waits.append)
    assert client.request("GET", server.url).ok
    client.close()
    asked = len(server.asked)
    with pytest.raises(UnreachableError) as caught:
        client.request("GET", server.url)
    assert (caught.value.code, len(server.asked)) == ("connection.lost", asked)
    assert not waits


# ── trying again ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(server, client, waits, status):
    server.answers(status, status)
    assert client.request("GET", server.url).status == 200
    assert len(server.asked) == 3
    assert 0 < waits[0] <= 0.5 < waits[1] <= 1 or waits[1] >= 0.5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 304])
def test_what_will_not_pass_is_not(server, client, status):
    server.answers(status)
    assert client.request("GET", server.url).status == status
    assert len(server.asked) == 1


def test_a_post_is_sent_once_unless_it_may_be_repeated(server, client):
    server.answers(500, 500)
    assert client.request("POST", server.url).status == 500
    assert client.request("POST", server.url, repeatable=True).status == 200
    assert len(server.asked) == 3


def test_a_broken_connection_is_tried_again_if_that_does_no_harm(server, client):
    server.answers("reset", 200, "reset")
    assert client.request("PUT", server.url).status == 200
    with pytest.raises(UnreachableError) as caught:
        client.request("POST", server.url)
    assert caught.value.code == "connection.lost"
    assert len(server.asked) == 3


def test_a_refused_connection_is_tried_again_whatever_the_method(waits):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with (
        HttpClient(sleep=waits.append, retry=Retry(attempts=3)) as client,
        pytest.raises(UnreachableError) as caught,
    ):
        client.request("POST", f"http://127.0.0.1:{port}/x?secret=1")
    assert caught.value.code == "connection.refused"
    assert "secret" not in caught.value.message
    assert len(waits) == 2


def test_the_last_answer_stands(server, client, waits):
    server.answer = lambda _: (503, {}, b"busy")
    response = client.request("GET", server.url)
    assert (response.status, len(server.asked), len(waits)) == (503, 5, 4)
    assert status_error(response).retryable


def test_retry_after_is_obeyed(server, client, waits):
    date = formatdate(time.time() + 30, usegmt=True)
    server.answers((429, {"Retry-After": "7"}, b""), (503, {"Retry-After": date}, b""))
    assert client.request("GET", server.url).ok
    assert waits[0] == 7
    assert 25 < waits[1] <= 30


def test_a_server_that_asks_for_hours_is_left_alone(server, client, waits):
    server.answers((429, {"Retry-After": "7200"}, b""))
    assert client.request("GET", server.url).status == 429
    assert waits == []


@given(st.text())
def test_any_retry_after_is_read_or_ignored(text):
    seconds = retry_after({"retry-after": text})
    assert seconds is None or seconds >= 0


@given(st.integers(1, 30))
def test_waiting_grows_and_is_bounded(attempt):
    wait = Retry(attempts=100).wait(attempt)
    assert wait is not None
    assert 0.25 <= wait <= 60


# ── errors ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, DataError, False), (401, AuthError, False), (403, AuthError, False),
        (404, NotFoundError, False),
        (429, "BusyError", True), (500, UnreachableError, True), (302, ConfigError, False),
    ],
)  # fmt: skip
def test_errors_of_statuses(server, status, kind, retryable):
    server.answer = lambda _: (status, {}, b"why")
    with HttpClient(retry=Retry(attempts=1)) as client:
        error = status_error(client.request("GET", server.url + "/p?token=t"))
    assert type(error).__name__ == (kind if isinstance(kind, str) else kind.__name__)
    assert (error.code, error.retryable, error.context["status"]) == ("http.status", retryable, status)
    assert str(error) == f"{server.url}/p answered {status}: why"


def test_secrets_that_a_server_echoes_do_not_show(server):
    server.answer = lambda asked: (400, {}, f"bad key {asked.headers['x-key']} and hunter22".encode())
    with HttpClient(secrets=["hunter22"]) as client:
        response = client.request("GET", server.url, secret_headers={"X-Key": "s3cret-key"})
    assert response.excerpt() == "bad key *** and ***"


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A self-signed certificate for hook.example, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hook.example")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "hook.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + built.public_bytes(pem))
    return str(path)


@pytest.fixture
def secure(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with endpoint(context=context) as served:
        yield served


def test_the_certificate_is_checked_against_the_name(secure, certificate):
    with HttpClient(ca_file=certificate, resolver=lambda *_: ["127.0.0.1"]) as client:
        assert client.request("GET", f"https://hook.example:{secure.port}/").ok
        guard.configure(AllowedHosts.parse("127.0.0.1"))
        with pytest.raises(ConfigError) as caught:
            client.request("GET", f"https://other.example:{secure.port}/")
    assert caught.value.code == "connection.tls"


def test_an_unknown_authority_is_refused(secure):
    with HttpClient(resolver=lambda *_: ["127.0.0.1"]) as client, pytest.raises(ConfigError) as caught:
        client.request("GET", f"https://hook.example:{secure.port}/")
    assert caught.value.code == "connection.tls"


def test_from_https_to_http_is_refused(secure, server, certificate):
    secure.answer = lambda _: (307, {"location": server.url}, b"")
    with (
        HttpClient(ca_file=certificate, resolver=lambda *_: ["127.0.0.1"]) as client,
        pytest.raises(ConfigError) as caught,
    ):
        client.request("GET", f"https://hook.example:{secure.port}/")
    assert caught.value.code == "http.redirect_refused"


def test_a_ca_file_that_is_not_there():
    with pytest.raises(ConfigError) as caught:
        HttpClient(ca_file="/nowhere.pem")
    assert caught.value.context["field"] == "ca_file"


# ── webhooks ─────────────────────────────────────────────────────────────────────────────────


def test_signatures_are_those_of_the_specification():
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = Signer(secret).headers("msg_1", b'{"a":1}')
    assert Webhook(secret).verify('{"a":1}', dict(headers)) == {"a": 1}


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!"])
def test_a_secret_that_is_none(secret):
    with pytest.raises(ConfigError):
        Signer(secret)
