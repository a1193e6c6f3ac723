"""Running the HTTP server."""

import gc
import socket
import threading
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from towpath.api.kit.closing import Closing
from towpath.bootstrap.container import Container
from towpath.core.errors import BusyError, ResourceError
from towpath.server.app import create_app
from towpath.server.protocol import PatientProtocol

#: Seconds that a connection without requests is kept; longer than what proxies in front usually wait.
KEEP_ALIVE = 75

#: Seconds that requests in flight have to be answered when the server stops.
GRACE = 30

#: How many new objects make the garbage collector look through the young ones: a few requests' worth.
_YOUNG = 10_000


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises `BusyError` (``port.in_use``), `ResourceError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except PermissionError:
        sock.close()
        raise ResourceError(
            "port.refused", f"This user may not listen on port {port}.", hint="Choose one above 1023."
        ) from None
    except OSError as error:
        sock.close()
        raise BusyError(
            "port.in_use",
            f"Cannot listen on {host}:{port}: {error.strerror}.",
            hint="Stop what uses it, or choose another with --port (0 takes a free one).",
        ) from None
    sock.listen(socket.SOMAXCONN)
    return sock


def address(sock: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(container: Container, sock: socket.socket, started: Callable[[], None]) -> None:
    """Answer until SIGINT or SIGTERM; ``started`` is called when the first request can come.

    The engine is started before: it must be outside of the event loop that runs here.
    """
    server = make(create_app(container), started)
    _spare_what_stays()
    server.run(sockets=[sock])


def _spare_what_stays() -> None:
    """Keep the garbage collector away from what lives as long as the process: looking through all of it stops
    every request for a tenth of a second, again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)


def make(app: ASGIApp, started: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """A server that does not run yet. When it stops, requests in flight have `GRACE` seconds left, and those
    without an end are told so.
    """
    closing = threading.Event()
    config = uvicorn.Config(
        Closing(app, closing),
        http=PatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        # Proxies are believed by `create_app`, and only those that the operator named.
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )
    return _Server(config, started, closing)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None], closing: threading.Event) -> None:
        super().__init__(config)
        self._say_started = started
        self._closing = closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._say_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing.set()
        await super().shutdown(sockets)
