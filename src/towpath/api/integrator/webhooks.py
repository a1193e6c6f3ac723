"""Listeners: the addresses that other systems post to; tokens of ours have no part in it."""

import json
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from towpath.api.integrator.auth import public
from towpath.api.integrator.ids import ours
from towpath.api.kit.callers import basic, unauthorized
from towpath.api.kit.routing import Router
from towpath.api.kit.strictjson import strict_json
from towpath.core.errors import AuthError
from towpath.services.context import Actor, Rooms
from towpath.services.pipelines.listening import Listening, Reply
from towpath.services.pipelines.verifying import Posted

router = Router(prefix="/v1", tags=["Webhooks"])

#: What an answer cannot be made to say.
_OURS = frozenset({"content-length", "transfer-encoding", "connection", "content-type", "set-cookie"})


@router.post("/exports/{id}/{token}/data", status_code=204, summary="Post to a listener")
@public
async def post_with_token(request: Request, id: str, token: str) -> Response:
    """Keeps the records of the body for the flows of the export. `token` is that of a listener whose URL is
    its secret; of other listeners it can be left out.
    """
    return await _taken(request, id, token)


@router.post("/exports/{id}/data", status_code=204, summary="Post to a listener without a token in its path")
@public
async def post(request: Request, id: str) -> Response:
    """The same."""
    return await _taken(request, id, None)


async def _taken(request: Request, digits: str, token: str | None) -> Response:
    body = await request.body()
    posted = Posted(
        body=body,
        headers={name.lower(): value for name, value in request.headers.items()},
        query=dict(request.query_params),
        token=token,
        basic=basic(request),
        parsed=_parsed(body),
    )
    return await run_in_threadpool(_answered, request, digits, posted)


def _answered(request: Request, digits: str, posted: Posted) -> Response:
    rooms: Rooms = request.app.state.rooms
    address = request.client.host if request.client else None
    id = ours("exports", digits)
    listening = Listening(rooms, Actor(f"webhook:{id}", address=address))
    export = listening.find(id)
    try:
        reply = listening.challenged(export, posted) or listening.take(export, posted)
    except AuthError as error:
        raise unauthorized(error.message) from None
    return _response(reply)


def _parsed(body: bytes) -> Any:
    """The body as JSON; None if it is none."""
    try:
        return strict_json(body)
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None


def _response(reply: Reply) -> Response:
    headers = {name: value for name, value in reply.headers.items() if name.lower() not in _OURS}
    if reply.body in (None, ""):
        return Response(status_code=reply.status, headers=headers)
    text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body, ensure_ascii=False)
    kind = reply.media_type or ("text/plain" if isinstance(reply.body, str) else "application/json")
    kind = {"json": "application/json", "xml": "application/xml", "plaintext": "text/plain"}.get(kind, kind)
    return Response(text, reply.status, headers, kind)
