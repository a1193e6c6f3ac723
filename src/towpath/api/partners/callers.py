"""Who may come in: bearers of an access token, each as far as its scopes go."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import OAuth2
from starlette.exceptions import HTTPException
from starlette.responses import Response

from towpath.api.kit.callers import Caller, bearer, caller_of, unauthorized
from towpath.api.kit.routing import Router, StrictRoute
from towpath.api.partners.schemas import Detail
from towpath.core.records import Key, now
from towpath.services.context import Rooms
from towpath.services.partners.tokens import Tokens

_READING = {"GET", "HEAD"}

_scheme = OAuth2(
    flows={"clientCredentials": {"tokenUrl": "/o/token/", "scopes": {"read": "Look.", "write": "Change."}}},
    scheme_name="Access token",
    description="A token from `/o/token/`, as `Authorization: Bearer …`.",
    auto_error=False,
)


class Door:
    """Lets callers in by their tokens."""

    def __init__(self, rooms: Rooms, clock: Callable[[], datetime] = now) -> None:
        self._tokens = Tokens(rooms, clock=clock)

    def enter(self, request: Request) -> Caller:
        """Raises `HTTPException`: 401 for who is not known, 403 for who may not do this."""
        text = bearer(request)
        if text is None:
            raise unauthorized("Authentication credentials were not provided.", 'Bearer realm="towpath"')
        key = self._tokens.known(text)
        if key is None:
            raise unauthorized(
                "The access token is invalid or has expired.", 'Bearer realm="towpath", error="invalid_token"'
            )
        self._check_scope(request, key)
        return caller_of(request, key)

    def _check_scope(self, request: Request, key: Key) -> None:
        needed = "read" if request.method in _READING else "write"
        if needed not in key.scopes:
            challenge = f'Bearer realm="towpath", error="insufficient_scope", scope="{needed}"'
            detail = "You do not have permission to perform this action."
            raise HTTPException(403, detail, {"WWW-Authenticate": challenge})

    def router(self, tag: str) -> Router:
        """A router whose routes are for who is let in. That is settled before a body is read."""

        class Guarded(StrictRoute):
            def get_route_handler(route) -> Callable[[Request], Coroutine[Any, Any, Response]]:  # noqa: N805 - the door is the self here
                handle = super().get_route_handler()

                async def guarded(request: Request) -> Response:
                    request.state.caller = await run_in_threadpool(self.enter, request)
                    return await handle(request)

                return guarded

        router = Router(prefix="/api/v2", tags=[tag], dependencies=[Depends(_scheme)])
        router.route_class = Guarded
        router.responses = {401: {"model": Detail}, 403: {"model": Detail}}
        return router


def _caller(request: Request) -> Caller:
    found: Caller = request.state.caller
    return found


Partner = Annotated[Caller, Depends(_caller)]
