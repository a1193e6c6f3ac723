"""Sends one COPY in a thread of its own: while the server takes a piece, the next one is being encoded."""

import threading
from queue import Empty, Full, Queue

import psycopg

#: Pieces that wait at most; with pieces of about a megabyte this bounds the memory of a writer.
_WAITING = 4
_TICK_SECONDS = 0.2
_GIVE_UP_SECONDS = 10


class _Abandoned(Exception):  # noqa: N818 - not an error: how the COPY is told to stop
    """Leaves the COPY so that the server drops what it has got."""


class CopyPipe:
    """One ``COPY … FROM STDIN`` on a connection that nobody else uses until it is finished or abandoned.

    Errors of the driver come out of `send` and `finish` as they are.
    """

    def __init__(self, connection: psycopg.Connection, statement: str) -> None:
        self._connection = connection
        self._statement = statement
        self._waiting: Queue[bytes | None] = Queue(_WAITING)
        self._abandoned = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="towpath-copy", daemon=True)
        self._thread.start()

    def send(self, piece: bytes) -> None:
        """Queue a piece; blocks while enough of them wait."""
        self._put(piece)

    def finish(self) -> None:
        """Wait until the server has taken everything."""
        self._put(None)
        self._thread.join()
        self._check()

    def abandon(self) -> bool:
        """Stop, and let the server drop what it has got. False if the connection is of no use any more."""
        self._abandoned.set()
        self._thread.join(_GIVE_UP_SECONDS)
        if self._thread.is_alive():  # stuck in the socket
            self._connection.cancel_safe(timeout=_GIVE_UP_SECONDS)
            self._thread.join(_GIVE_UP_SECONDS)
        return not self._thread.is_alive()

    def _put(self, piece: bytes | None) -> None:
        while True:
            self._check()
            try:
                return self._waiting.put(piece, timeout=_TICK_SECONDS)
            except Full:
                continue

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            with self._connection.cursor() as cursor, cursor.copy(self._statement) as copy:
                while (piece := self._get()) is not None:
                    copy.write(piece)
        except _Abandoned:
            pass
        except BaseException as error:  # noqa: BLE001 - handed over to whoever writes
            self._error = error

    def _get(self) -> bytes | None:
        while not self._abandoned.is_set():
            try:
                return self._waiting.get(timeout=_TICK_SECONDS)
            except Empty:
                continue
        raise _Abandoned
