"""A real OAuth 2 server in a thread: Authlib's server side behind HTTP, with faults to order.

Authorization code with PKCE, client credentials, refresh tokens that can be used once, revocation, ``iss`` in
the redirect. Any number of processes may be its clients. ::

    with oauth_server() as provider:
        provider.faults.answer(503, b"")          # the next token request
        provider.count("refresh_token")           # how many were asked for
"""

import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.oauth2 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.errors import OAuth2Error
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter

from support.http import Answer, Asked, endpoint
from towpath.core.ports import OAuth

CLIENT = "app-1"
SECRET = "canary-client-secret-7f3a"
_PATIENCE = 60.0


@dataclass
class Client:
    """A registered client; Authlib asks it what it may do."""

    client_id: str
    secret: str | None
    redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("read", "write")

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uris[0]

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(one for one in (scope or "").split() if one in self.scopes)

    def check_redirect_uri(self, uri: str) -> bool:
        return uri in self.redirect_uris

    def check_client_secret(self, secret: str) -> bool:
        return self.secret is not None and secrets.compare_digest(self.secret, secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method == "none") == (self.secret is None)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return True


@dataclass
class Token:
    """What was issued; a refresh token is good for one use."""

    client_id: str
    access_token: str
    refresh_token: str | None
    scope: str
    user: str | None
    used: bool = False
    revoked: bool = False

    def check_client(self, client: Client) -> bool:
        return client.client_id == self.client_id

    def get_scope(self) -> str:
        return self.scope


@dataclass
class Code:
    code: str
    client_id: str
    redirect_uri: str
    scope: str
    user: str
    code_challenge: str | None
    code_challenge_method: str | None

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


class Faults:
    """What goes wrong with token requests, in the order given; then all is well again."""

    def __init__(self) -> None:
        self._next: list[Answer | str] = []
        self.fields: dict[str, Any] = {}
        """Put over the fields of every token answer; None takes a field out."""
        self.delay = 0.0
        """Seconds before each answer."""
        self.after: Callable[[], None] = lambda: None
        """Called when tokens were issued, and before anybody learns of it."""

    def answer(self, status: int, body: bytes = b"{}", **headers: str) -> None:
        """Answer the next token request with this, and issue nothing."""
        self._next.append((status, headers, body))

    def error(self, word: str, status: int = 400) -> None:
        self.answer(status, json.dumps({"error": word}).encode())

    def reset(self) -> None:
        """Break the next one off."""
        self._next.append("reset")

    def take(self) -> "Answer | str | None":
        return self._next.pop(0) if self._next else None


@dataclass
class Provider:
    """The server as tests see it."""

    url: str
    clients: dict[str, Client] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)
    codes: dict[str, Code] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    grants: Counter[str] = field(default_factory=Counter)
    user: str | None = "ada"
    """Who says yes on the consent page; None says no."""
    issuer: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def definition(self) -> OAuth:
        return OAuth(
            token_url=f"{self.url}/token",
            authorize_url=f"{self.url}/authorize",
            revoke_url=f"{self.url}/revoke",
            issuer=self.url,
            scopes=("read",),
        )

    def client(self, id: str = CLIENT, secret: str | None = SECRET, *redirect_uris: str) -> Client:
        self.clients[id] = Client(id, secret, redirect_uris)
        return self.clients[id]

    def issue(self, client: str = CLIENT) -> Token:
        """Tokens as if somebody had signed in long ago."""
        return self.save({"access_token": _new("at"), "refresh_token": _new("rt")}, client, "read", "ada")

    def save(self, token: Mapping[str, Any], client: str, scope: str, user: str | None) -> Token:
        row = Token(client, token["access_token"], token.get("refresh_token"), scope, user)
        with self.lock:
            self.tokens.append(row)
        return row

    def count(self, grant: str = "refresh_token") -> int:
        """How many token requests of this grant came, whatever became of them."""
        return self.grants[grant]

    def live(self, access_token: str) -> bool:
        return any(row.access_token == access_token and not row.revoked for row in self.tokens)


def _new(kind: str) -> str:
    return f"canary-{kind}-{secrets.token_hex(12)}"


class _Request(OAuth2Request):
    def __init__(self, asked: Asked, url: str) -> None:
        # Authlib's server refuses plain http, which 127.0.0.1 needs no protection from.
        super().__init__(asked.method, url.replace("http://", "https://") + asked.path, None, _titled(asked))
        query = parse_qs(urlsplit(asked.path).query)
        body = parse_qs(asked.body.decode())
        self._form = {name: values[0] for name, values in body.items()}
        self._args = {name: values[0] for name, values in query.items()}
        self.payload = BasicOAuth2Payload(self._args | self._form)

    @property
    def args(self) -> dict[str, str]:
        return self._args

    @property
    def form(self) -> dict[str, str]:
        return self._form


def _titled(asked: Asked) -> dict[str, str]:
    return {name.title(): text for name, text in asked.headers.items()}


class _Server(AuthorizationServer):
    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self.provider = provider
        self.register_token_generator(
            "default",
            BearerTokenGenerator(lambda **_: _new("at"), lambda **_: _new("rt"), lambda *_: 3600),
        )
        self.register_grant(_CodeGrant, [CodeChallenge(required=True)])
        self.register_grant(_RefreshGrant)
        self.register_grant(_ClientGrant)
        self.register_endpoint(_Revocation)
        self.register_extension(_issuer(provider))

    def query_client(self, client_id: str) -> Client | None:
        return self.provider.clients.get(client_id)

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        scope = token.get("scope", "")
        self.provider.save(token, request.client.client_id, scope, request.user)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        return

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Any:
        return _Answered(status, body, dict(headers))


class _Answered:
    def __init__(self, status: int, body: Any, headers: dict[str, str]) -> None:
        self.status, self.body, self.headers = status, body, headers

    @property
    def location(self) -> str | None:
        return self.headers.get("Location")

    @location.setter
    def location(self, value: str) -> None:
        self.headers["Location"] = value

    def plain(self) -> Answer:
        if isinstance(self.body, str):
            return self.status, self.headers, self.body.encode()
        headers = self.headers | {"Content-Type": "application/json"}
        return self.status, headers, json.dumps(self.body).encode()


def _issuer(provider: Provider) -> type[IssuerParameter]:
    class Issuer(IssuerParameter):
        def __init__(self, server: AuthorizationServer) -> None:
            self(server)

        def get_issuer(self) -> str:
            return provider.issuer or provider.url

    return Issuer


_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]


class _CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _AUTH_METHODS

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        asked = request.payload.data
        assert asked.get("code_challenge_method") == "S256", "PKCE is required here"
        self.server.provider.codes[code] = Code(
            code,
            request.client.client_id,
            request.payload.redirect_uri,
            request.scope,
            request.user,
            asked.get("code_challenge"),
            asked.get("code_challenge_method"),
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        found = self.server.provider.codes.get(code)
        return found if found and found.client_id == client.client_id else None

    def delete_authorization_code(self, code: Code) -> None:
        del self.server.provider.codes[code.code]

    def authenticate_user(self, code: Code) -> str:
        return code.user


class _RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _AUTH_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        rows = self.server.provider.tokens
        found = next((row for row in rows if row.refresh_token == refresh_token), None)
        return None if found is None or found.used or found.revoked else found

    def authenticate_user(self, token: Token) -> str | None:
        return token.user

    def revoke_old_credential(self, token: Token) -> None:
        token.used = True


class _ClientGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _AUTH_METHODS


class _Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = _AUTH_METHODS

    def query_token(self, text: str, hint: str | None) -> Token | None:
        rows = self.server.provider.tokens
        return next((row for row in rows if text in (row.access_token, row.refresh_token)), None)

    def revoke_token(self, token: Token, request: OAuth2Request) -> None:
        token.revoked = True


class _Desk:
    """Routes requests to the server, through the faults that were ordered."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.server = _Server(provider)

    def __call__(self, asked: Asked) -> Answer | str:
        match urlsplit(asked.path).path:
            case "/authorize":
                return self._authorize(asked)
            case "/token":
                return self._token(asked)
            case "/revoke":
                with self.provider.lock:
                    return self.server.create_endpoint_response("revocation", self._request(asked)).plain()
            case _:
                return 404, {}, b"{}"

    def _request(self, asked: Asked) -> _Request:
        return _Request(asked, self.provider.url)

    def _authorize(self, asked: Asked) -> Answer:
        request = self._request(asked)
        with self.provider.lock:
            try:
                grant = self.server.get_consent_grant(request, self.provider.user)
            except OAuth2Error as error:
                return 400, {}, json.dumps(dict(error.get_body())).encode()
            answered = self.server.create_authorization_response(request, self.provider.user, grant)
        return answered.plain()

    def _token(self, asked: Asked) -> Answer | str:
        faults, request = self.provider.faults, self._request(asked)
        with self.provider.lock:
            self.provider.grants[request.payload.grant_type] += 1
            fault = faults.take()
        time.sleep(faults.delay)
        if fault is not None:
            return fault
        with self.provider.lock:
            status, headers, body = self.server.create_token_response(request).plain()
        if status == 200:
            body = _over(body, faults.fields)
            faults.after()
        return status, headers, body


def _over(body: bytes, fields: Mapping[str, Any]) -> bytes:
    values = json.loads(body) | fields
    return json.dumps({name: value for name, value in values.items() if value is not None}).encode()


@dataclass
class Held:
    """A place where answers wait: `reached` is set when one does, `go` lets them through."""

    reached: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> None:
        self.reached.set()
        self.go.wait(_PATIENCE)


@contextmanager
def oauth_server() -> Iterator[Provider]:
    """A provider on a free port, with one confidential client, ``CLIENT`` with ``SECRET``."""
    with endpoint() as served:
        provider = Provider(served.url)
        provider.client()
        served.answer = _Desk(provider)
        yield provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    with oauth_server() as served:
        yield served
