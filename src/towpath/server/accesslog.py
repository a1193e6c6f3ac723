"""One line for each request: never its query, headers or body, which may hold secrets."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from towpath.api.kit.mounting import mounted

_log = logging.getLogger("towpath.access")


class AccessLog:
    """Logs method, path, status, time, client and id of every request; of hot paths at level debug."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A line costs more than all else that is done here to a request.
        level = logging.DEBUG if mounted(scope).unmetered(scope["path"]) else logging.INFO
        if not _log.isEnabledFor(level):
            await self._app(scope, receive, send)
            return
        status, method, began = 499, scope["method"], time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            _write(level, scope, method, status, time.perf_counter() - began)


def _write(level: int, scope: Scope, method: str, status: int, seconds: float) -> None:
    client = scope["client"][0] if scope.get("client") else "-"
    path = mounted(scope).loggable(scope)
    request = scope["state"]["request_id"]
    _log.log(level, "%s %s %d %.0f ms %s %s", method, path, status, seconds * 1000, client, request)
