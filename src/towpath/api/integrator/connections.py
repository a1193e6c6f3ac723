"""Connections: their routes."""

from typing import Annotated, Any

import orjson
from fastapi import Depends, Request
from starlette.responses import PlainTextResponse, Response

from towpath.api.integrator.auth import Caller, invokes, reads, writes
from towpath.api.integrator.connections_draft import drafted
from towpath.api.integrator.connections_keeper import ConnectionKeeper
from towpath.api.integrator.documents import BODY, Given, answer, iso
from towpath.api.integrator.ids import ours, shown
from towpath.api.integrator.resources import Resource, add_resource, add_route
from towpath.api.kit.origins import origin
from towpath.api.kit.routing import Router
from towpath.core.errors import NotFoundError
from towpath.core.ids import new_id, of_object_id
from towpath.core.records import Connection, DebugLine
from towpath.services.pipelines.debugging import Debugging
from towpath.services.pipelines.masking import refuse_left
from towpath.services.pipelines.pinging import Pings, Pong
from towpath.services.signins.signins import SignIns

router = Router(prefix="/v1", tags=["Connections"])

_TESTS = tuple(f"/http/ping/{name}" for name in ("successPath", "successValues", "failPath", "failValues"))
_REFUSALS = tuple(f"/http/auth/{name}" for name in ("failStatusCode", "failPath", "failValues"))

RESOURCE = Resource(
    "connections",
    "connection",
    ConnectionKeeper,
    patchable=("/name", "/debugDate", "/rest/cookieAuth/successStatusCode", *_TESTS, *_REFUSALS),
    volatile=("queues", "offline", "needsAuthorization", "lastError"),
    dependencies=True,
    aliases=("connection",),
)

Reading = Annotated[Caller, Depends(reads("connections"))]
Writing = Annotated[Caller, Depends(writes("connections"))]
Invoking = Annotated[Caller, Depends(invokes("connections"))]


def _row(caller: Caller, digits: str) -> Connection:
    id = ours("connections", digits)
    with caller.rooms.store.read() as work:
        return ConnectionKeeper(caller).find(work, id)


def _pong(pong: Pong) -> Response:
    """The status is 200 whatever came of it: the question was answered."""
    if pong.good:
        return answer({"code": pong.code})
    return answer({"code": pong.code, "message": pong.message})


@router.post("/connections/ping", summary="Ping a connection that is not kept", openapi_extra=BODY)
def ping_virtual_connection(caller: Writing, given: Given) -> Response:
    """Try what would be a connection; nothing is stored. `code` is 200, or `message` tells what is wrong."""
    refuse_left(given)
    with caller.rooms.store.read() as work:
        draft, settings = drafted(caller.rooms, work, caller.org, new_id("con"), given, {})
    pong = Pings(*caller.use).trial(caller.org, draft.connector, settings.config)
    return _pong(pong)


def ping_connection(caller: Invoking, id: str) -> Response:
    """Try the connection. It is online from then on, or offline. `code` is 200, or `message` tells what is
    wrong; the status of the answer is 200 either way.
    """
    return _pong(Pings(*caller.use).ping(caller.org, _row(caller, id)))


def read_debug(caller: Reading, id: str) -> Response:
    """What was captured while `debugDate` was in the future: a line for each request and each answer."""
    lines = Debugging(*caller.use).read(caller.org, _row(caller, id).id)
    return _lines(lines)


def read_debug_of(caller: Reading, id: str, resource: str) -> Response:
    """The same, only of one export or import."""
    row, steps = _row(caller, id), _steps(resource)
    return _lines(Debugging(*caller.use).read(caller.org, row.id, steps))


def clear_debug(caller: Writing, id: str) -> Response:
    """Forget what was captured."""
    Debugging(*caller.use).clear(caller.org, _row(caller, id).id)
    return Response(status_code=204)


def authorize_connection(caller: Writing, id: str, request: Request) -> dict[str, str]:
    """A link for the person who is to sign in at the connection's system. It can be used once, in one
    browser, within an hour; the connection is online then.
    """
    row = _row(caller, id)
    link = SignIns(*caller.use).begin(caller.org, None, row.id)
    return {"authorizationURL": f"{origin(request)}/connect/{link.token}"}


def _steps(digits: str) -> list[str]:
    try:
        return [of_object_id(kind, digits) for kind in ("exp", "imp")]
    except ValueError:
        raise NotFoundError("resource.not_found", "There is no such step.", hint="Check the _id.") from None


def _lines(lines: Any) -> Response:
    return PlainTextResponse("".join(f"{_line(line)}\n" for line in lines))


def _line(line: DebugLine) -> str:
    kind, id = _subject(line)
    detail = orjson.dumps(line.detail).decode()
    return f"{iso(line.at)} {shown(line.id)} {kind} {shown(id)} {line.what} {detail}"


def _subject(line: DebugLine) -> tuple[str, str]:
    if line.step is None:
        return "connection", line.connection
    return ("export" if line.step.startswith("exp_") else "import"), line.step


add_resource(router, RESOURCE)
for _method in ("GET", "POST"):
    _said = {"summary": "Ping connection", "include_in_schema": _method == "GET"}
    add_route(router, RESOURCE, _method, "/{id}/ping", ping_connection, **_said)
add_route(router, RESOURCE, "POST", "/{id}/test", ping_connection, include_in_schema=False)
_text: dict[str, Any] = {"response_class": PlainTextResponse}
add_route(router, RESOURCE, "GET", "/{id}/debug", read_debug, summary="Read debug lines", **_text)
_text |= {"summary": "Read debug lines of a step"}
add_route(router, RESOURCE, "GET", "/{id}/debug/{resource}", read_debug_of, **_text)
_gone = {"summary": "Clear debug lines", "status_code": 204}
add_route(router, RESOURCE, "DELETE", "/{id}/debug", clear_debug, **_gone)
add_route(router, RESOURCE, "GET", "/{id}/oauth2", authorize_connection, summary="Link to sign in")
