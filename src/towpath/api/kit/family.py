"""One API family: a sub-application with its own OpenAPI document, callers and errors."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from towpath import __version__
from towpath.api.kit import openapi
from towpath.api.kit.defects import defect
from towpath.api.kit.errors import Errors, problems
from towpath.core.errors import TowpathError
from towpath.services.context import Rooms

_log = logging.getLogger("towpath.api")

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Cors:
    """What pages of the origins that the operator allows may send."""

    methods: tuple[str, ...] = _METHODS
    headers: tuple[str, ...] = ("*",)
    """``*`` is any."""


@dataclass(frozen=True)
class Family:
    """The one value that a family's package exports, as ``family``."""

    name: str
    """Of its OpenAPI document, and in the metrics."""
    title: str
    prefixes: tuple[str, ...]
    """The paths that are its own, without a slash at the end; the longest one of any family wins."""
    build: Callable[[Rooms], FastAPI]
    """Its application, made by `new_app`. It is asked with the full path of a request."""
    unmetered: tuple[str, ...] = ()
    """Prefixes of hot paths: the general rate limit does not count them, and the access log has them at level
    debug only, as each of their requests leaves a row in the audit trail.
    """
    max_body: Mapping[str, int] = field(default_factory=dict)
    """Prefixes of paths whose bodies may have so many bytes, where that is more than the setting `max_body`.
    The family itself turns strangers away before it reads them.
    """
    cors: Cors = Cors()


def new_app(
    title: str, summary: str, *, errors: Errors, door: Callable[[Request], None] | None = None
) -> FastAPI:
    """An empty application: no redirects, no pages of its own, every error in the family's envelope.

    ``door`` is called, in a thread, before anything of a request's body is read; it may refuse the request.
    """
    app = FastAPI(
        title=title,
        summary=summary,
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        # It would ask the environment at every request whether somebody collects traces.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.errors, app.state.door = errors, door
    openapi.install(app)

    async def known(_request: Request, error: Any) -> Response:
        return errors.answer(error)

    async def invalid(_request: Request, error: Any) -> Response:
        return errors.invalid(problems(error.errors()))

    async def refused(request: Request, error: Any) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 405:  # noqa: PLR2004 - the standard's number says it best
            headers["Allow"] = ", ".join(_allowed(app, request))
            if request.method == "OPTIONS":
                return Response(status_code=204, headers=headers)
        return errors.refuse(error.status_code, error.detail, headers)

    app.add_exception_handler(TowpathError, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, refused)
    app.add_middleware(_Unexpected, errors=errors)
    return app


def _allowed(app: FastAPI, request: Request) -> list[str]:
    """The methods of all routes of the path: one route alone knows its own only."""
    found = [method for method in _METHODS if _matches(app, {**request.scope, "method": method})]
    return [*found, *(["HEAD"] if "GET" in found else []), "OPTIONS"]


def _matches(app: FastAPI, scope: Scope) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in app.router.routes)


class _Unexpected:
    """Answers what nobody expected with the request's id and nothing else."""

    def __init__(self, app: ASGIApp, errors: Errors) -> None:
        self._app = app
        self._errors = errors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - the last resort: nothing of it may reach the caller
            answer = self._errors.answer(defect(error, scope, _log))
            # Of an answer that has begun the server breaks the connection off.
            if not started:
                await answer(scope, receive, send)
