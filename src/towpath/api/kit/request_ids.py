"""Every request has an id: its sender's, if that is a decent one, or one of ours."""

import re
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FORM = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_NAME = b"x-request-id"


class RequestIds:
    """Puts it into ``scope["state"]["request_id"]`` and into the answer's ``X-Request-Id``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = _given(scope) or secrets.token_hex(16).encode()
        scope.setdefault("state", {})["request_id"] = given.decode()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (_NAME, given)]
            await send(message)

        await self._app(scope, receive, answer)


def _given(scope: Scope) -> bytes | None:
    for name, value in scope["headers"]:
        if name == _NAME:
            return value if _FORM.fullmatch(value) else None
    return None
