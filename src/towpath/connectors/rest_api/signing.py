"""Puts credentials on requests, and renews them when they are refused."""

import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any, Protocol
from urllib.parse import urlencode

import orjson

from towpath.connectors.rest_api.auth import (
    Auth,
    BasicAuth,
    CookieAuth,
    DigestAuth,
    JwtAuth,
    Location,
    OAuth1Auth,
    OAuth2Auth,
    Refresh,
    TokenAuth,
    WsseAuth,
)
from towpath.connectors.rest_api.parts import Request, text_of
from towpath.connectors.rest_api.words import Words
from towpath.sdk import AuthError, Tools
from towpath.sdk.http import Response
from towpath.sdk.rest.urls import with_query

#: Sends a request of the connection's own, without credentials; gives the answer and its value.
Ask = Callable[[Request, Tools], tuple[Response, Callable[[str], Any]]]


@dataclass
class Draft:
    """A request before it is sent."""

    method: str
    url: str
    headers: dict[str, str]
    """By names in lower case."""
    body: bytes
    secret: dict[str, str] = field(default_factory=dict)
    """Headers that are never shown, and not sent on to another origin."""
    mark: object = None
    """What it was signed with."""


class Signer(Protocol):
    """One way of authentication. Safe between threads."""

    def sign(self, draft: Draft, tools: Tools) -> None:
        """Put the credentials on. Raises `AuthError` if there are none."""
        ...

    def renew(self, draft: Draft, response: Response, tools: Tools) -> bool:
        """Get better credentials than those that were refused; whether there are any now."""
        ...


def signer(auth: Auth, words: Words, ask: Ask) -> Signer:  # noqa: PLR0911 - one line for each way
    """The signer of a connection."""
    match auth:
        case BasicAuth():
            pair = f"{auth.username}:{auth.password.get_secret_value()}"
            return _Fixed({"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"})
        case TokenAuth():
            return _Token(auth, words, ask)
        case OAuth2Auth():
            return _OAuth2(auth, words)
        case CookieAuth():
            return _Cookies(auth, ask)
        case DigestAuth():
            return _Digest(auth)
        case WsseAuth():
            return _Wsse(auth)
        case JwtAuth():
            return _Jwt(auth, words)
        case OAuth1Auth():
            return _OAuth1(auth)
        case _:
            return _Fixed({})


class _Signer:
    def renew(self, draft: Draft, response: Response, tools: Tools) -> bool:
        return False


class _Fixed(_Signer):
    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def sign(self, draft: Draft, tools: Tools) -> None:
        draft.secret.update(self._headers)


class _Token(_Signer):
    def __init__(self, auth: TokenAuth, words: Words, ask: Ask) -> None:
        self._auth, self._words, self._ask = auth, words, ask
        self._lock = threading.Lock()

    def sign(self, draft: Draft, tools: Tools) -> None:
        if not self._words.token and self._auth.refresh:
            self._replace("", self._auth.refresh, tools)
        draft.mark = self._words.token
        _put(draft, self._auth, self._words.token)

    def renew(self, draft: Draft, response: Response, tools: Tools) -> bool:
        if self._auth.refresh is None:
            return False
        self._replace(str(draft.mark or ""), self._auth.refresh, tools)
        return True

    def _replace(self, used: str, refresh: Refresh, tools: Tools) -> None:
        """Of many that find the token refused, one asks for a new one."""
        with self._lock:
            if self._words.token == used:
                response, find = self._ask(refresh, tools)
                token = find(refresh.token_path) if response.ok else None
                if not isinstance(token, str) or not token:
                    raise _refused(response, "no new token came")
                self._words.token = token


class _OAuth2(_Signer):
    def __init__(self, auth: OAuth2Auth, words: Words) -> None:
        self._auth, self._words = auth, words

    def sign(self, draft: Draft, tools: Tools) -> None:
        if not self._words.token:
            raise AuthError(
                "connection.auth_failed",
                "The connection has no access token yet.",
                hint="Sign in to it, so that a token is issued.",
            )
        _put(draft, self._auth, self._words.token)


class _Cookies(_Signer):
    def __init__(self, auth: CookieAuth, ask: Ask) -> None:
        self._auth, self._ask = auth, ask
        self._lock = threading.Lock()
        self._cookies = ""

    def sign(self, draft: Draft, tools: Tools) -> None:
        self._log_in("", tools)
        draft.mark = draft.secret["cookie"] = self._cookies

    def renew(self, draft: Draft, response: Response, tools: Tools) -> bool:
        self._log_in(str(draft.mark or ""), tools)
        return True

    def _log_in(self, used: str, tools: Tools) -> None:
        with self._lock:
            if self._cookies != used:
                return
            response, _ = self._ask(self._auth, tools)
            wanted = self._auth.success_status
            if response.status != wanted if wanted else response.status >= 400:  # noqa: PLR2004 - as in HTTP
                raise _refused(response, "the login failed")
            self._cookies = "; ".join(_cookies(response))
            if not self._cookies:
                raise _refused(response, "the login gave no cookie")


class _Digest(_Signer):
    """The digest itself is the HTTP library's; it counts its answers to one challenge."""

    def __init__(self, auth: DigestAuth) -> None:
        import httpx2

        self._lock = threading.Lock()
        self._auth = httpx2.DigestAuth(auth.username, auth.password.get_secret_value())

    def sign(self, draft: Draft, tools: Tools) -> None:
        import httpx2

        request = httpx2.Request(draft.method, draft.url)
        with self._lock:
            next(self._auth.auth_flow(request))
        if "authorization" in request.headers:
            draft.secret["authorization"] = request.headers["authorization"]

    def renew(self, draft: Draft, response: Response, tools: Tools) -> bool:
        import httpx2

        challenge = response.headers.get("www-authenticate", "")
        if not challenge.lower().startswith("digest"):
            return False
        request = httpx2.Request(draft.method, draft.url)
        with self._lock:
            flow = self._auth.auth_flow(request)
            next(flow)
            flow.send(httpx2.Response(401, headers={"www-authenticate": challenge}, request=request))
        return True


class _Wsse(_Signer):
    def __init__(self, auth: WsseAuth) -> None:
        self._auth = auth

    def sign(self, draft: Draft, tools: Tools) -> None:
        nonce, created = secrets.token_bytes(16), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        secret = self._auth.password.get_secret_value()
        digest = hashlib.sha1(nonce + created.encode() + secret.encode()).digest()  # noqa: S324 - as WSSE wants
        draft.secret[self._auth.header_name.lower()] = (
            f'UsernameToken Username="{self._auth.username}", '
            f'PasswordDigest="{base64.b64encode(digest).decode()}", '
            f'Nonce="{base64.b64encode(nonce).decode()}", Created="{created}"'
        )


class _Jwt(_Signer):
    def __init__(self, auth: JwtAuth, words: Words) -> None:
        self._auth, self._words = auth, words

    def sign(self, draft: Draft, tools: Tools) -> None:
        now = int(time.time())
        words = self._words.connection(tools)
        claims = {
            name: tools.render(claim, {}, connection=words) if isinstance(claim, str) else claim
            for name, claim in self._auth.claims.items()
        }
        header = {"alg": self._auth.algorithm, "typ": "JWT"}
        parts = (header, {**claims, "iat": now, "exp": now + self._auth.lifetime})
        signed = b".".join(_base64url(orjson.dumps(part)) for part in parts)
        key = self._auth.secret.get_secret_value().encode()
        digest = hmac.digest(key, signed, f"sha{self._auth.algorithm[2:]}")
        _put(draft, self._auth, b".".join((signed, _base64url(digest))).decode())


class _OAuth1(_Signer):
    def __init__(self, auth: OAuth1Auth) -> None:
        from authlib.oauth1.rfc5849.client_auth import ClientAuth

        secret = auth.token_secret.get_secret_value() if auth.token_secret else None
        self._client = ClientAuth(
            auth.consumer_key,
            auth.consumer_secret.get_secret_value(),
            auth.token,
            secret,
            signature_method=auth.signature_method,
            realm=auth.realm,
        )

    def sign(self, draft: Draft, tools: Tools) -> None:
        kind = draft.headers.get("content-type", "")
        given = {"Content-Type": kind} if kind else {}
        _, headers, _ = self._client.prepare(draft.method, draft.url, given, draft.body)
        draft.secret["authorization"] = headers["Authorization"]


def _put(draft: Draft, auth: TokenAuth | OAuth2Auth | JwtAuth, token: str) -> None:
    location: Location = auth.location
    if location == "header":
        draft.secret[auth.header_name.lower()] = f"{auth.scheme} {token}".strip()
    elif location == "url" or not draft.body:
        draft.url = with_query(draft.url, {auth.param_name: token})
    else:
        draft.body = _with_member(draft, auth.param_name, token)


def _with_member(draft: Draft, name: str, token: str) -> bytes:
    """The body with one more member; bodies that have no members stay as they are."""
    kind = draft.headers.get("content-type", "")
    if "urlencoded" in kind:
        return draft.body + b"&" + urlencode({name: token}).encode()
    if "json" in kind:
        body = orjson.loads(draft.body)
        return orjson.dumps({**body, name: token}) if isinstance(body, dict) else draft.body
    return draft.body


def _cookies(response: Response) -> list[str]:
    found: dict[str, str] = {}
    for text in response.set_cookies:
        cookie: SimpleCookie = SimpleCookie()
        try:
            cookie.load(text)
        except CookieError:
            continue
        found |= {name: morsel.coded_value for name, morsel in cookie.items()}
    return [f"{name}={text}" for name, text in found.items()]


def _base64url(text: bytes) -> bytes:
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def _refused(response: Response, why: str) -> AuthError:
    return AuthError(
        "connection.auth_failed",
        f"{response.url} answered {text_of(response.status)}: {why}.",
        hint="Check the credentials of this connection.",
        status=response.status,
    )
