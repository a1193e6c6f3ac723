"""How much a request may send us."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from towpath.api.kit.mounting import mounted


class BodyLimit:
    """Bodies above the limit are answered with 413 by whoever reads them: announced or chunked ones alike.

    A family may take more: see `Family.max_body`.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = _length(scope)
        if length == 0:
            await self._app(scope, receive, send)
            return
        limit = left = max(self._limit, mounted(scope).max_body(scope["path"]))

        async def counted() -> Message:
            nonlocal left
            if length is not None and length > limit:
                raise _TooLarge(limit)
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise _TooLarge(limit)
            return message

        await self._app(scope, counted, send)


class _TooLarge(HTTPException):
    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The body is larger than {limit} bytes.")


def _length(scope: Scope) -> int | None:
    """The announced length; None for a chunked body, 0 for none."""
    length: int | None = 0
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = int(value)
    return length
