"""HTTP/1.1 with an end to patience: whoever sends a request drop by drop, or without end, is cut off."""

from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Seconds until the head of a request is there, from the first sign of its sender.
HEAD_SECONDS = 10.0
#: Seconds until its body is there, from then on.
BODY_SECONDS = 60.0
#: Bytes of a head: address and headers.
HEAD_BYTES = 64 * 1024


class PatientProtocol(HttpToolsProtocol):
    """What uvicorn does, with limits that it does not know."""

    _deadline: TimerHandle | None = None
    _in_head = True
    _receiving = False
    _head = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as its base has it
        super().connection_made(transport)
        self._wait(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        was_in_head = self._in_head
        super().data_received(data)
        # What comes between requests and is none, empty lines, would keep an idle connection for ever.
        idle = self.cycle is None or self.cycle.response_complete
        if not self._receiving and not idle:
            self._stop_waiting()
        elif self._deadline is None or was_in_head != self._in_head:
            self._wait(HEAD_SECONDS if self._in_head or not self._receiving else BODY_SECONDS)

    def on_message_begin(self) -> None:
        self._receiving, self._in_head, self._head = True, True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._receiving = False
        super().on_message_complete()

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > HEAD_BYTES:
            # The parser makes its own error of it, and the answer is 400.
            raise ValueError("the head of the request is too large")

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self, *_: Any) -> None:
        self._deadline = None
        self.transport.abort()
