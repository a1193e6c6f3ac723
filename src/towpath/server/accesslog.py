"""One line for each request: never its query, headers or body, which may hold secrets."""

import logging
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("towpath.access")


class AccessLog:
    """Logs method, path, status and time of every request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), [500]

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            _write(scope, status[0], time.perf_counter() - began)


def _write(scope: Any, status: int, seconds: float) -> None:
    _log.info("%s %s %d %.0f ms", scope["method"], scope["path"], status, seconds * 1000)
