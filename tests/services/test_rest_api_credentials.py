"""How a connection shows itself to a real HTTP server, and how it is checked."""

import base64
import datetime as dt
import hashlib
import hmac
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson
import pytest
from authlib.oauth1.rfc5849.client_auth import ClientAuth
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from support.http import Asked
from support.orders import (
    TOKEN,
    OrderShop,
    by_basic,
    by_digest,
    by_header,
    by_query,
    content,
    order_shop,
    reply,
)
from support.rest import Line
from towpath.connectors.rest_api.config import RestConfig
from towpath.connectors.rest_api.reading import RestReading
from towpath.sdk import AuthError, ConfigError, NotFoundError, UnreachableError

READ = {"relative_uri": "/pages/list"}


@pytest.fixture
def shop() -> Iterator[OrderShop]:
    with order_shop(3) as shop:
        yield shop


@pytest.fixture
def line(shop: OrderShop, tmp_path: Path) -> Callable[..., Line]:
    def made(_end: dict[str, Any] | None = None, **config: Any) -> Line:
        return Line(shop, tmp_path, config, **(_end or {}))

    return made


def _jwt(asked: Asked) -> bool:
    told = asked.headers.get("authorization", "").removeprefix("Bearer ")
    signed, _, signature = told.rpartition(".")
    wanted = base64.urlsafe_b64encode(hmac.digest(b"shared", signed.encode(), "sha256")).rstrip(b"=").decode()
    claims = orjson.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
    return signature == wanted and claims["iss"] == "towpath" and claims["exp"] > claims["iat"]


def _wsse(asked: Asked) -> bool:
    told = asked.headers.get("x-wsse", "")
    fields = dict(part.strip().split("=", 1) for part in told.partition(" ")[2].split(", "))
    nonce = base64.b64decode(fields["Nonce"].strip('"'))
    created = fields["Created"].strip('"')
    digest = base64.b64encode(hashlib.sha1(nonce + created.encode() + b"pw").digest()).decode()  # noqa: S324 - WSSE
    return fields["Username"] == '"ann"' and fields["PasswordDigest"].strip('"') == digest


def _oauth1(shop: OrderShop) -> Callable[[Asked], bool]:
    def check(asked: Asked) -> bool:
        told = asked.headers.get("authorization", "").removeprefix("OAuth ")
        fields = dict(part.strip().split("=", 1) for part in told.split(","))
        fields = {name: text.strip('"') for name, text in fields.items()}
        client = ClientAuth("ck", "cs", "tk", "ts")
        given = [(name, fields[name]) for name in fields if name not in ("oauth_signature", "realm")]
        headers = {"Authorization": "OAuth " + ", ".join(f'{name}="{text}"' for name, text in given)}
        wanted = client.get_oauth_signature(asked.method, shop.url + asked.path, headers, asked.body)
        return unquote(fields["oauth_signature"]) == wanted

    return check


WAYS: dict[str, tuple[dict[str, Any], Callable[[Asked], bool]]] = {
    "basic": ({"type": "basic", "username": "ann", "password": "pä"}, by_basic("ann", "pä")),
    "token": ({"type": "token", "token": TOKEN}, by_header("authorization", f"Bearer {TOKEN}")),
    "token with its own scheme": (
        {"type": "token", "token": TOKEN, "scheme": "MAC", "header_name": "X-Auth"},
        by_header("x-auth", f"MAC {TOKEN}"),
    ),
    "token alone": (
        {"type": "token", "token": TOKEN, "scheme": "", "header_name": "X-Key"},
        by_header("x-key", TOKEN),
    ),
    "token in the URL": (
        {"type": "token", "token": TOKEN, "location": "url", "param_name": "token"},
        by_query("token", TOKEN),
    ),
    "wsse": ({"type": "wsse", "username": "ann", "password": "pw"}, _wsse),
    "jwt": ({"type": "jwt", "secret": "shared", "claims": {"iss": "towpath"}}, _jwt),
}


@pytest.mark.parametrize("way", WAYS)
def test_credentials_are_shown(line: Callable[..., Line], shop: OrderShop, way: str):
    auth, shop.allows = WAYS[way]
    one = line(auth=auth)
    assert len(one.records(**READ)) == 3
    assert one.send([{"name": "a"}], relative_uri="/customers")[0].status == 200
    shop.allows = lambda _: False
    with pytest.raises(AuthError):
        one.check()


def test_oauth_tokens_come_from_the_platform(line: Callable[..., Line], shop: OrderShop):
    shop.allows = by_header("authorization", f"Bearer {TOKEN}")
    assert len(line(auth={"type": "oauth"}, access_token=TOKEN).records(**READ)) == 3
    with pytest.raises(AuthError) as caught:
        line(auth={"type": "oauth"}).records(**READ)
    assert caught.value.code == "connection.auth_failed"


def test_oauth1_signs_requests(line: Callable[..., Line], shop: OrderShop):
    shop.allows = _oauth1(shop)
    auth = {
        "type": "oauth1",
        "consumer_key": "ck",
        "consumer_secret": "cs",
        "token": "tk",
        "token_secret": "ts",
    }
    assert len(line(auth=auth).records(relative_uri="/pages/list?a=b c&d=e")) == 3


def test_digests_answer_challenges(line: Callable[..., Line], shop: OrderShop):
    def answer(asked: Asked) -> Any:
        if "authorization" in asked.headers:
            return reply(shop.orders if by_digest("ann", "pw", asked) else {}, 200)
        challenge = 'Digest realm="shop", nonce="abc", qop="auth", algorithm=MD5'
        return 401, {"www-authenticate": challenge}, b"{}"

    shop.server.answer = answer
    auth = {"type": "digest", "username": "ann", "password": "pw"}
    one = line(auth=auth)
    assert one.records(**READ) == shop.orders
    assert len(shop.asked) == 2
    shop.server.answer = lambda _: (401, {"www-authenticate": 'Digest realm="x", nonce="y"'}, b"")
    with pytest.raises(AuthError):
        one.records(**READ)


def test_tokens_in_bodies(line: Callable[..., Line], shop: OrderShop):
    shop.allows = lambda asked: content(asked).get("key") == TOKEN
    one = line(auth={"type": "token", "token": TOKEN, "location": "body", "param_name": "key"})
    assert one.send([{"a": 1}], relative_uri="/tell/x")[0].status == 200
    assert one.send([{"a": 1}], relative_uri="/tell/x", request_media_type="urlencoded")[0].status == 200
    assert shop.told[0]["body"]["a"] == 1


def test_templates_may_hold_the_credentials(line: Callable[..., Line], shop: OrderShop):
    shop.allows = by_header("x-signature", hmac.new(b"k", b"7", hashlib.sha256).hexdigest())
    header = {"name": "X-Signature", "value": '{{hmac "sha256" connection.http.encrypted.key "hex" "7"}}'}
    alternative = {"name": "X-Plain", "value": "{{{connection.http.encrypted.key}}}"}
    one = line(auth={"type": "hmac"}, encrypted={"key": "k"}, headers=[header, alternative])
    with one.open() as application, pytest.raises(ConfigError) as caught:
        application.check()
    assert caught.value.code == "template.unsupported"
    with one.open() as application:
        assert application.check(one.tools)
    assert shop.asked[-1].headers["x-plain"] == "k"


def test_keys_in_paths_do_not_show(line: Callable[..., Line], shop: OrderShop):
    one = line(encrypted={"bot": "bot-canary/7"}, base_uri=shop.url + "/{{connection.http.encrypted.bot}}")
    with pytest.raises(NotFoundError) as caught:
        one.records(relative_uri="/updates")
    shop.faults = ["reset"] * 5
    with pytest.raises(UnreachableError) as lost:
        one.records(relative_uri="/updates", max_attempts=1)
    dead = line(
        encrypted={"bot": "bot-canary/7"}, base_uri="http://10.0.0.1/{{connection.http.encrypted.bot}}"
    )
    with pytest.raises(ConfigError) as blocked:
        dead.check()
    assert shop.asked[0].path == "/bot-canary/7/updates"
    assert "canary" not in orjson.dumps([error.value.to_json() for error in (caught, lost, blocked)]).decode()


def test_renewals_are_guarded_too(line: Callable[..., Line]):
    auth = {"type": "token", "refresh": {"relative_uri": "http://169.254.169.254/token"}}
    with pytest.raises(ConfigError) as caught:
        line(auth=auth).send([{"a": 1}], relative_uri="/customers")
    assert caught.value.code == "http.blocked_host"


def test_refused_tokens_are_renewed_once_for_all(line: Callable[..., Line], shop: OrderShop):
    shop.allows = lambda asked: asked.headers.get("authorization") == f"Bearer {TOKEN}-{shop.logins}"
    refresh = {
        "relative_uri": "/token",
        "body": '{"refresh": "{{connection.rest.refreshToken}}"}',
        "token_path": "data.token",
    }
    auth = {"type": "token", "token": "old-token", "refresh_token": "refresh-me", "refresh": refresh}
    one = line({"level": 4}, auth=auth)
    shop.late = 0.01
    outcomes = one.send([{"name": str(n)} for n in range(8)], relative_uri="/customers")
    assert {outcome.status for outcome in outcomes} == {200}
    assert shop.logins == 1
    assert next(content(asked) for asked in shop.asked if asked.path == "/token") == {"refresh": "refresh-me"}
    first = line(auth={"type": "token", "refresh": refresh | {"token_path": "nowhere"}})
    with pytest.raises(AuthError):
        first.records(**READ)


def test_cookies_of_a_login_are_kept_and_renewed(line: Callable[..., Line], shop: OrderShop):
    shop.allows = lambda asked: asked.headers.get("cookie") == f"session=s{shop.logins}"
    auth = {"type": "cookie", "relative_uri": "/login", "body": {"user": "ann"}, "success_status": 200}
    one = line(auth=auth)
    with one.open() as application:
        reading = RestReading.model_validate(READ)
        assert len(next(application.pages(reading, 5, one.tools)).records) == 3
        shop.logins = 5  # the session has ended
        assert len(next(application.pages(reading, 5, one.tools)).records) == 3
    assert shop.logins == 6
    with pytest.raises(AuthError):
        line(auth=auth | {"success_status": 204}).records(**READ)


def test_a_ping_tells_whether_the_connection_works(line: Callable[..., Line], shop: OrderShop):
    assert line().check() == f"{shop.url} answered 200"
    shop.faults = [reply({}, 403)]
    assert "403" in line().check(), "without a ping any answer will do"
    verdict = {"success_path": "status", "success_values": ["up"], "error_path": "error.message"}
    ping = {"relative_uri": "ping?k={{connection.http.unencrypted.k}}", "verdict": verdict}
    one = line(ping=ping, unencrypted={"k": "a b"})
    assert one.check() == f"{shop.url}/ping answered 200"
    assert shop.asked[-1].path == "/ping?k=a%20b"
    shop.faults = [reply({"error": {"message": "out of order"}})]
    with pytest.raises(AuthError, match="out of order"):
        one.check()
    for fault, kind in ((reply({}, 401), AuthError), (reply({}, 500), UnreachableError)):
        shop.faults = [fault]
        with pytest.raises(kind):
            one.check()


def test_settings_that_cannot_work(shop: OrderShop):
    for wrong in (
        {"base_uri": "ftp://example.com"},
        {"base_uri": shop.url, "auth": {"type": "token"}},
        {"base_uri": shop.url, "client_certificate": {"cert": "x", "key": "y"}},
        {"base_uri": shop.url, "auth": {"type": "jwtbearer"}},
    ):
        with pytest.raises(ValidationError):
            RestConfig.model_validate(wrong)


@pytest.fixture(scope="module")
def pem() -> tuple[str, str, str]:
    """A certificate for 127.0.0.1, its key, and its key behind the passphrase ``open``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    kind, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    locked = key.private_bytes(kind, form, serialization.BestAvailableEncryption(b"open")).decode()
    plain = key.private_bytes(kind, form, serialization.NoEncryption()).decode()
    return made.public_bytes(kind).decode(), plain, locked


def test_certificates(pem: tuple[str, str, str], tmp_path: Path):
    certificate, key, locked = pem
    (tmp_path / "server.pem").write_text(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    context.load_verify_locations(cadata=certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    with order_shop(2, context) as shop:
        url = shop.url.replace("http:", "https:")

        def ask(**config: Any) -> int:
            return len(Line(shop, tmp_path, {"base_uri": url, **config}).records(**READ))

        with pytest.raises(ConfigError) as caught:
            ask()
        assert caught.value.code == "connection.tls"
        assert ask(disable_strict_ssl=True) == 2
        assert ask(ca_certificate=certificate) == 2
        context.verify_mode = ssl.CERT_REQUIRED
        own = {"cert": certificate, "key": locked, "passphrase": "open"}
        assert ask(ca_certificate=certificate, client_certificate=own) == 2
        with pytest.raises(ConfigError) as caught:
            ask(ca_certificate=certificate, client_certificate=own | {"passphrase": "wrong"})
        assert caught.value.code == "connection.tls"
        assert "wrong" not in str(caught.value)
