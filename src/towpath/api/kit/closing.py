"""How answers without an end learn that the server stops: it waits for all that are under way."""

import threading

from starlette.types import ASGIApp, Receive, Scope, Send

_NAME = "closing"


class Closing:
    """Puts the flag where every request finds it; who runs the server sets it."""

    def __init__(self, app: ASGIApp, flag: threading.Event) -> None:
        self._app = app
        self._flag = flag

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})[_NAME] = self._flag
        await self._app(scope, receive, send)


def is_closing(scope: Scope) -> bool:
    """Whether the server stops; never where no server has said that it will say so."""
    flag: threading.Event | None = scope.get("state", {}).get(_NAME)
    return flag is not None and flag.is_set()
