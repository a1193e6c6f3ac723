"""A real HTTP server in a thread, that answers as a test says and remembers what it was asked."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    began: float
    ended: float = 0


@dataclass
class Endpoint:
    """``answer`` decides; it may also be the text ``reset``, to break the connection off."""

    host: str
    port: int
    answer: Callable[[Asked], Answer | str] = lambda _: (200, {}, b"{}")
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def answers(self, *statuses: int | Answer | str) -> None:
        """Give these answers one after the other, and 200 ever after."""
        rest = iter(statuses)

        def answer(_: Asked) -> Answer | str:
            one = next(rest, 200)
            return (one, {}, b"{}") if isinstance(one, int) else one

        self.answer = answer


@contextmanager
def endpoint(host: str = "127.0.0.1", context: Any = None) -> Iterator[Endpoint]:
    """A server on a free port; ``context`` makes it speak TLS."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes: the second must not wait

        def do(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): text for name, text in self.headers.items()}
            asked = Asked(self.command, self.path, headers, self.rfile.read(length), time.monotonic())
            served.asked.append(asked)
            answer = served.answer(asked)
            asked.ended = time.monotonic()
            if isinstance(answer, str):
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            status, more, body = answer
            self.send_response(status)
            for name, text in ({"content-length": str(len(body))} | more).items():
                self.send_header(name, text)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_HEAD = do_DELETE = do  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Clients that hang up are what many tests are about."""

    server = Server((host, 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    served = Endpoint(host, server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
