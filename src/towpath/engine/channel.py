"""JSON messages over a socket between a worker and its child."""

import select
import socket
import struct
import threading
from collections.abc import Mapping
from typing import Any

import orjson

Message = dict[str, Any]

_LENGTH = struct.Struct("!I")
_CHUNK = 1 << 16


class Channel:
    """One end of a pipe. Any thread may send; one thread receives."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._lock = threading.Lock()
        self._received = bytearray()

    def send(self, message: Mapping[str, Any]) -> None:
        """Raises `OSError` if the other end is gone."""
        data = orjson.dumps(message)
        with self._lock:
            self._socket.sendall(_LENGTH.pack(len(data)) + data)

    def receive(self, timeout: float | None = None) -> Message | None:
        """The next message, or None if none came within ``timeout`` seconds (None: wait for ever).

        Raises `EOFError` once the other end is closed or dead.
        """
        while (message := self._next()) is None:
            if not select.select([self._socket], [], [], timeout)[0]:
                return None
            self._fill()
        return message

    def close(self) -> None:
        self._socket.close()

    def _fill(self) -> None:
        try:
            data = self._socket.recv(_CHUNK)
        except ConnectionError as error:
            raise EOFError from error
        if not data:
            raise EOFError
        self._received += data

    def _next(self) -> Message | None:
        if len(self._received) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._received)
        end = _LENGTH.size + length
        if len(self._received) < end:
            return None
        message: Message = orjson.loads(bytes(self._received[_LENGTH.size : end]))
        del self._received[:end]
        return message
