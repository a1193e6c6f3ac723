"""``/o/token/`` and ``/o/revoke_token/``: OAuth 2 client credentials (RFC 6749, RFC 7009)."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from towpath.api.kit.callers import basic
from towpath.api.kit.defects import request_id
from towpath.api.kit.routing import Router
from towpath.api.kit.strictjson import strict_json
from towpath.api.partners.schemas import TokenAnswer, TokenRefusal
from towpath.core.records import Key
from towpath.services.context import Actor
from towpath.services.partners.tokens import Tokens

_NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_GRANT = "client_credentials"
_UNKNOWN_CLIENT = "The client is not known, or its secret is wrong."

Parameters = Mapping[str, str]


class Refused(Exception):  # noqa: N818 - an answer of the protocol
    """An error of RFC 6749, 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


async def answer_refused(_request: Request, error: Any) -> Response:
    headers = dict(_NOT_STORED)
    if error.status == 401:  # noqa: PLR2004 - the standard's number says it best
        headers["WWW-Authenticate"] = 'Basic realm="towpath"'
    body = {"error": error.error, "error_description": error.description}
    return JSONResponse(body, error.status, headers)


def router(tokens: Tokens) -> Router:
    found = Router(prefix="/o", tags=["Authentication"])

    async def token(request: Request) -> Response:
        """Get an access token for a client id and secret, given by HTTP Basic or in the body, not both."""
        given = parameters(await request.body(), request.headers.get("content-type", ""))
        return await run_in_threadpool(_issue, tokens, request, given)

    async def revoke_token(request: Request) -> Response:
        """End an access token. Unknown ones are answered in the same way."""
        given = parameters(await request.body(), request.headers.get("content-type", ""))
        return await run_in_threadpool(_revoke, tokens, request, given)

    refusals: dict[int | str, dict[str, Any]] = {400: {"model": TokenRefusal}, 401: {"model": TokenRefusal}}
    found.add_api_route(
        "/token/",
        token,
        methods=["POST"],
        response_model=TokenAnswer,
        responses=refusals,
        openapi_extra=_body("grant_type", grant_type={"const": _GRANT}, scope={}),
    )
    found.add_api_route(
        "/revoke_token/",
        revoke_token,
        methods=["POST"],
        responses=refusals,
        openapi_extra=_body("token", token={}, token_type_hint={}),
    )
    return found


def _issue(tokens: Tokens, request: Request, given: Parameters) -> Response:
    grant = given.get("grant_type", "")
    if not grant:
        raise Refused("invalid_request", "The parameter grant_type is missing.")
    client = _client(tokens, request, given)
    if grant != _GRANT:
        raise Refused("unsupported_grant_type", f"The only grant_type is {_GRANT}.")
    issued = Tokens(tokens.rooms, _actor(request, client), tokens.clock).issue(
        client, _scopes(tokens, client, given)
    )
    body = {
        "access_token": issued.token.get_secret_value(),
        "token_type": "Bearer",
        "expires_in": int(issued.life.total_seconds()),
        "scope": " ".join(issued.scopes),
    }
    return JSONResponse(body, headers=_NOT_STORED)


def _revoke(tokens: Tokens, request: Request, given: Parameters) -> Response:
    if not given.get("token"):
        raise Refused("invalid_request", "The parameter token is missing.")
    client = _client(tokens, request, given)
    Tokens(tokens.rooms, _actor(request, client), tokens.clock).revoke(client, given["token"])
    return JSONResponse({}, headers=_NOT_STORED)


def _scopes(tokens: Tokens, client: Key, given: Parameters) -> list[str]:
    allowed = list(tokens.allowed(client))
    asked = given.get("scope", "").split()
    if not set(asked) <= set(allowed):
        raise Refused("invalid_scope", f"The scopes of this client are: {' '.join(allowed)}.")
    return [scope for scope in allowed if scope in asked or not asked]


def _client(tokens: Tokens, request: Request, given: Parameters) -> Key:
    id, secret = client_credentials(request, given)
    client = tokens.client(id, secret)
    if client is None:
        raise Refused("invalid_client", _UNKNOWN_CLIENT, 401)
    return client


def client_credentials(request: Request, given: Parameters) -> tuple[str, str]:
    """Client id and secret, from wherever the request has them. Raises `Refused`."""
    id, secret = given.get("client_id"), given.get("client_secret")
    if "authorization" not in request.headers:
        if id is None or secret is None:
            raise Refused("invalid_client", "Client id and secret were not given.", 401)
        return id, secret
    halves = basic(request)
    if halves is None:
        raise Refused("invalid_client", "Give client id and secret by HTTP Basic.", 401)
    # RFC 6749, 2.3.1: each half is form-encoded, so that it may hold a colon.
    known = unquote_plus(halves[0])
    if secret is not None or id not in (None, known):
        raise Refused("invalid_request", "Give client id and secret by HTTP Basic or in the body, not both.")
    return known, unquote_plus(halves[1])


def parameters(body: bytes, content_type: str) -> Parameters:
    """The parameters of a form or a JSON object, whatever the body is called. Raises `Refused`."""
    if "json" in content_type or body.lstrip().startswith(b"{"):
        return _from_json(body)
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=20,
            strict_parsing=bool(body),
        )
    except ValueError:
        raise Refused("invalid_request", "The body is not a form.") from None
    given = dict(pairs)
    if len(given) != len(pairs):
        raise Refused("invalid_request", "A parameter comes twice.")
    if any("\0" in text for pair in pairs for text in pair):
        raise Refused("invalid_request", "A parameter holds NUL.")
    return given


def _from_json(body: bytes) -> Parameters:
    try:
        given = strict_json(body)
    except json.JSONDecodeError as error:
        raise Refused("invalid_request", f"The body is not JSON: {error.msg}.") from None
    if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
        raise Refused("invalid_request", "The body is not a JSON object of texts.")
    return given


def _actor(request: Request, client: Key) -> Actor:
    address = request.client.host if request.client else None
    return Actor(f"key:{client.id}", address=address, request=request_id(request.scope))


def _body(required: str, **properties: Any) -> dict[str, Any]:
    texts = {name: {"type": "string"} | more for name, more in properties.items()}
    client: dict[str, Any] = {"client_id": {"type": "string"}, "client_secret": {"type": "string"}}
    schema = {"type": "object", "required": [required], "properties": texts | client}
    kinds = ("application/x-www-form-urlencoded", "application/json")
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}}
