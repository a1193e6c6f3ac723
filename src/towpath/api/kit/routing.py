"""Routes of families: both slash forms of every path, and bodies that are read strictly."""

from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from enum import Enum
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.params import Depends
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.responses import Response

from towpath.api.kit.strictjson import strict_json

#: Bytes of a body that is not read between two other things.
_LARGE = 256 * 1024


class Router(APIRouter):
    """Every path answers with and without a slash at its end; only the form as written is in the document."""

    def __init__(
        self,
        *,
        prefix: str = "",
        tags: list[str | Enum] | None = None,
        dependencies: Sequence[Depends] | None = None,
    ) -> None:
        super().__init__(
            prefix=prefix,
            tags=tags,
            dependencies=dependencies,
            route_class=StrictRoute,
            redirect_slashes=False,
            generate_unique_id_function=_name,
        )

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().add_api_route(path, endpoint, **options)
        if twin := self._twin(path):
            super().add_api_route(twin, endpoint, **options | {"include_in_schema": False})

    def add_route(
        self,
        path: str,
        endpoint: Callable[[Request], Awaitable[Response] | Response],
        methods: Collection[str] | None = None,
        name: str | None = None,
        include_in_schema: bool = True,
    ) -> None:
        for form in (path, self._twin(path)):
            if form:
                super().add_route(form, endpoint, methods, name, include_in_schema)

    def _twin(self, path: str) -> str | None:
        if self.prefix + path == "/":
            return None
        return path[:-1] if path.endswith("/") else path + "/"


def _name(route: APIRoute) -> str:
    """Operation ids are the names of the functions: short, and stable when a path changes."""
    return route.name


class StrictRoute(APIRoute):
    """A route whose body, where it has one, is strict JSON; see `strict_json`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            if request.app.state.door:
                await run_in_threadpool(request.app.state.door, request)
            strict = StrictRequest(request.scope, request.receive)
            if self.body_field:
                await strict.sniff()
            return await handle(strict)

        return strictly


class StrictRequest(Request):
    """A request whose `json` is strict."""

    async def json(self) -> Any:
        """Raises `json.JSONDecodeError`."""
        body = await self.body()
        if len(body) > _LARGE:
            # Reading it takes a while, in which others want to be answered.
            return await run_in_threadpool(strict_json, body)
        return strict_json(body)

    async def sniff(self) -> None:
        """Call the body JSON if it looks like it: ``curl -d '{…}'`` calls everything a form."""
        if "json" in Headers(scope=self.scope).get("content-type", ""):
            return
        if (await self.body()).lstrip().startswith((b"{", b"[")):
            others = [pair for pair in self.scope["headers"] if pair[0] != b"content-type"]
            self.scope["headers"] = [*others, (b"content-type", b"application/json")]
