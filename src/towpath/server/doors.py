"""From the socket to a family: what is done to every request on its way."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from towpath.api.kit.family import Cors
from towpath.api.kit.mounting import Families, mounted, refuse

#: What scripts of other origins may read of an answer.
EXPOSED = (
    "Location",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-Id",
)


class Choose:
    """Finds the family, which all that follows may ask in whose words to refuse."""

    def __init__(self, app: ASGIApp, families: Families) -> None:
        self._app = app
        self._families = families

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["mounted"] = self._families.of(scope["path"])
        await self._app(scope, receive, send)


class Browsers:
    """CORS, for what web pages ask; all others need not pay for it."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._origins = origins
        self._made: dict[Cors, ASGIApp] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from_page = any(name == b"origin" for name, _ in scope["headers"])
        await (self._cors(mounted(scope).family.cors) if from_page else self._app)(scope, receive, send)

    def _cors(self, cors: Cors) -> ASGIApp:
        if cors not in self._made:
            self._made[cors] = CORSMiddleware(
                self._app,
                allow_origins=self._origins,
                allow_credentials=True,
                allow_methods=cors.methods,
                allow_headers=cors.headers,
                expose_headers=EXPOSED,
            )
        return self._made[cors]


async def deliver(scope: Scope, receive: Receive, send: Send) -> None:
    """Hand the request to its family. HEAD is a GET whose body stays here."""
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        # No name or id has one, and PostgreSQL takes it in no text at all.
        await refuse(scope, receive, send, 400, "The address holds NUL.")
    elif scope["method"] == "HEAD":
        await _without_body(scope, receive, send)
    else:
        await mounted(scope).app(scope, receive, send)


async def _without_body(scope: Scope, receive: Receive, send: Send) -> None:
    async def answer(message: Message) -> None:
        # The server below us looks at the method to know that no body follows.
        scope["method"] = "HEAD"
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    scope["method"] = "GET"
    await mounted(scope).app(scope, receive, answer)
