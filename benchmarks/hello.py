"""The least that a Starlette application can do, on the same server with the same settings as Towpath."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from towpath.server import serving


async def hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


if __name__ == "__main__":
    with serving.listen("127.0.0.1", 0) as sock:
        server = serving.make(
            Starlette(routes=[Route("/", hello)]), lambda: print(serving.address(sock), flush=True)
        )
        server.run(sockets=[sock])
