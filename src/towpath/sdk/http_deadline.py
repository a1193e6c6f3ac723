"""One moment that bounds a whole exchange: also against servers that send a little, or "102 Processing",
again and again, and so never let a single wait take too long.
"""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2
import httpx2

#: Connections of a pool that nobody uses are kept so long.
_IDLE_SECONDS = 5
_until = threading.local()


@contextmanager
def until(moment: float) -> Iterator[None]:
    """What this thread reads and writes inside ends at the moment, of `time.monotonic`."""
    _until.moment = moment
    try:
        yield
    finally:
        del _until.moment


def transport(verify: ssl.SSLContext) -> httpx2.HTTPTransport:
    """A transport that `until` bounds; proxies of the environment are not used."""
    made = httpx2.HTTPTransport(verify=verify, trust_env=False)
    made._pool = httpcore2.ConnectionPool(  # noqa: SLF001 - the only way to give it a network of our own
        ssl_context=verify,
        max_connections=100,
        max_keepalive_connections=20,
        keepalive_expiry=_IDLE_SECONDS,
        network_backend=_Network(),
    )
    return made


class _Network(httpcore2.SyncBackend):
    def connect_tcp(self, *arguments: Any, **named: Any) -> httpcore2.NetworkStream:
        return _Stream(super().connect_tcp(*arguments, **named))


class _Stream(httpcore2.NetworkStream):
    """A connection whose every wait ends at the thread's moment."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(timeout: float | None, error: type[Exception]) -> float | None:
    moment: float | None = getattr(_until, "moment", None)
    if moment is None:
        return timeout
    left = moment - time.monotonic()
    if left <= 0:
        raise error("the answer takes too long")
    return left if timeout is None else min(timeout, left)
