"""Requests of a program's own through a connection: with its credentials, below its base URI."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Header
from starlette.responses import Response

from towpath.api.integrator.auth import Caller, invokes
from towpath.api.integrator.connections import RESOURCE
from towpath.api.integrator.connections_keeper import ConnectionKeeper
from towpath.api.integrator.documents import BODY, MaybeGiven, answer
from towpath.api.integrator.errors import Fault, Refused, invalid
from towpath.api.integrator.ids import ours
from towpath.api.integrator.resources import add_route
from towpath.api.kit.routing import Router
from towpath.core.application import Outcome
from towpath.core.flows import ImportSpec
from towpath.core.records import Connection
from towpath.core.steps import RecordWrite
from towpath.services.pipelines.ends import unsupported
from towpath.services.pipelines.running import Running, Step

router = Router(prefix="/v1", tags=["Connections"])

CONNECTOR = "rest_api"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_LONGEST = 4000
_FIRST_ERROR, _FAILED, _OURS = 400, 422, 401

Invoking = Annotated[Caller, Depends(invokes("connections"))]
Relative = Annotated[
    str | None,
    Header(alias="Integrator-Relative-URI", description="What to ask for, below the connection's base URI."),
]
RecordType = Annotated[
    str | None, Header(alias="Integrator-Record-Type", description="Of NetSuite; other systems have none.")
]


def proxy_request(
    caller: Invoking,
    id: str,
    given: MaybeGiven,
    relative_uri: Relative = None,
    record_type: RecordType = None,  # noqa: ARG001 - of connections that are only kept yet
) -> Response:
    """Ask the connection's system, and answer as it does. The body is `{"method", "body", "headers"}`, all of
    them optional: without a method it is POST if there is a body, else GET.

    A good answer has the status 200, a refusal the system's own, but for 401, which would blame your token:
    422.
    """
    with caller.rooms.store.read() as work:
        row = ConnectionKeeper(caller).find(work, ours("connections", id))
    if row.connector != CONNECTOR:
        raise unsupported(row.connector)
    request = _request(relative_uri, given)
    spec = ImportSpec(records=RecordWrite(request=request, max_attempts=1))
    (outcome,) = Running(*caller.use).write(caller.org, _step(row, spec), [given.get("body", {})])
    return _answer(outcome)


def _step(row: Connection, spec: ImportSpec) -> Step:
    return Step(spec=spec, connection=row.id)


def _request(relative_uri: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    faults = [invalid(name, "It is no part of a request.") for name in given if name not in _KNOWN]
    method = str(given.get("method") or ("POST" if "body" in given else "GET")).upper()
    if method not in _METHODS:
        faults.append(invalid("method", f"It is one of {', '.join(_METHODS)}."))
    headers = given.get("headers") or {}
    if not isinstance(headers, dict) or not all(isinstance(text, str) for text in headers.values()):
        faults.append(invalid("headers", "It is an object of names and texts."))
        headers = {}
    if any("{" in text for text in headers.values()):
        faults.append(invalid("headers", "They hold no braces: nothing is filled in here."))
    if not _is_relative(relative_uri):
        told = "Say in the header Integrator-Relative-URI what to ask for, relative to the base URI."
        faults.append(Fault("invalid_field", told, "Integrator-Relative-URI"))
    if faults:
        raise Refused(*faults)
    pairs = [{"name": name, "value": text} for name, text in headers.items()]
    return {"relative_uri": [relative_uri], "method": [method], "headers": pairs}


_KNOWN = ("method", "body", "headers")


def _is_relative(uri: str | None) -> bool:
    """Whether it stays where the connection is: no address of its own, and no template."""
    if not uri or len(uri) > _LONGEST or "{" in uri or "\\" in uri or uri.startswith("//"):
        return False
    if any(char < " " or char == "\x7f" for char in uri):
        return False
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return not parts.scheme and not parts.netloc and ".." not in parts.path.split("/")


def _answer(outcome: Outcome) -> Response:
    if not outcome.failed:
        return answer(outcome.json)
    first = outcome.errors[0] if outcome.errors else None
    status = outcome.status
    if first is not None and first.code.isdecimal() and _FIRST_ERROR <= int(first.code) < 600:  # noqa: PLR2004 - the last of HTTP
        status = int(first.code)
    status = _FAILED if status == _OURS else status
    if outcome.json is not None:
        return answer(outcome.json, status)
    faults = [{"code": error.code, "message": error.message} for error in outcome.errors]
    return answer({"errors": faults}, status)


add_route(
    router,
    RESOURCE,
    "POST",
    "/{id}/proxy",
    proxy_request,
    summary="Ask the connection's system",
    openapi_extra=BODY,
)
