"""Plain HTTP is sent to HTTPS, where the operator asks for it."""

import logging
from ipaddress import ip_address

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("towpath.server")

_HSTS = (b"strict-transport-security", b"max-age=31536000")
_EXEMPT = ("/healthz", "/readyz", "/metrics")


class RequireHttps:
    """308 to the same path and query of ``public_url``, whatever Host the request names. Never for callers on
    this machine, nor for what its supervisors and monitors ask.
    """

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self._app = app
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["scheme"] == "https":
            await self._app(scope, receive, _strictly(send))
        elif scope["path"].rstrip("/") in _EXEMPT or _is_local(scope):
            await self._app(scope, receive, send)
        else:
            await self._redirect(scope, receive, send)

    async def _redirect(self, scope: Scope, receive: Receive, send: Send) -> None:
        if any(name in (b"authorization", b"x-api-key") for name, _ in scope["headers"]):
            _log.warning(
                "A credential came over plain HTTP from %s: it may have been seen.", scope["client"][0]
            )
        query = scope["query_string"].decode("latin-1")
        target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        await Response(status_code=308, headers={"Location": self._public_url + target})(scope, receive, send)


def _strictly(send: Send) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), _HSTS]
        await send(message)

    return answer


def _is_local(scope: Scope) -> bool:
    try:
        return scope.get("client") is not None and ip_address(scope["client"][0]).is_loopback
    except ValueError:
        return False
