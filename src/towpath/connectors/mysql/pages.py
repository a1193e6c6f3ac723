"""Reads a table along its primary key, a page at a time.

No statement runs for hours, and each one that begins shows that the server is still there.
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from queue import Full, Queue
from socket import SHUT_RDWR
from typing import Any

import pyarrow as pa
import pymysql

from towpath.connectors.mysql.connection import Connection, execute, plug
from towpath.connectors.mysql.query import Query, after, literal, name
from towpath.connectors.mysql.reading import Read

PAGE_ROWS = 1 << 18
#: Ranges that each connection gets on average: the rows are seldom spread evenly over the keys.
_RANGES_EACH = 4
_POLL_SECONDS = 0.2


def paged(
    read: Read, connection: Connection, query: Query, keys: Sequence[str], page_rows: int
) -> Iterator[pa.RecordBatch]:
    """All rows of the query in the order of the keys, which must be among its fields."""
    along = replace(query, index=not query.conditions)
    first = along.ordered(*map(name, keys)).limited(page_rows)
    page: Query | None = first
    while page is not None:
        rows, last = 0, []
        for batch in read(connection, page):
            rows, last = rows + batch.num_rows, [batch.column(key)[-1] for key in keys]
            yield batch
        page = first.also(after(keys, list(map(literal, last)))) if rows == page_rows else None


def ranges(connection: Connection, query: Query, key: str, connections: int) -> list[Query]:
    """The query cut into pieces by the values of a column of whole numbers."""
    column = name(key)
    bounds = execute(connection, f"SELECT MIN({column}), MAX({column}) FROM {query.table}")[0]
    if bounds[0] is None:
        return []
    low, high = map(int, bounds)
    step = -(-(high - low + 1) // (connections * _RANGES_EACH))
    starts = range(low, high + 1, step)
    return [
        query.also(f"{column} >= {start}", f"{column} <= {min(start + step - 1, high)}") for start in starts
    ]


class Merged:
    """The batches of many queries, read by several connections at once, in no particular order.

    Each connection has a thread, which works without the GIL most of the time. Iterate once, to the end or
    not: leaving the loop ends the threads, and closes connections in the middle of something.
    """

    def __init__(
        self,
        read: Read,
        connections: Sequence[Connection],
        queries: Sequence[Query],
        keys: Sequence[str],
        page_rows: int,
    ) -> None:
        self._read, self._keys, self._page_rows = read, keys, page_rows
        self._connections = connections
        self._queries = deque(queries)
        self._batches: Queue[pa.RecordBatch | Exception | None] = Queue(len(connections))
        self._stopped = threading.Event()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        threads = [
            threading.Thread(target=self._work, args=[each], daemon=True) for each in self._connections
        ]
        for thread in threads:
            thread.start()
        try:
            for _ in threads:
                yield from self._until_one_ends()
        finally:
            self._stop(threads)

    def _until_one_ends(self) -> Iterator[pa.RecordBatch]:
        while (item := self._batches.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def _work(self, connection: Connection) -> None:
        try:
            while self._queries and not self._stopped.is_set():
                self._read_one(connection)
        except Exception as error:  # noqa: BLE001 - raised again where the batches are taken
            self._put(error)
        self._put(None)

    def _read_one(self, connection: Connection) -> None:
        with suppress(IndexError):  # another thread has taken the last one
            query = self._queries.popleft()
            for batch in paged(self._read, connection, query, self._keys, self._page_rows):
                if not self._put(batch):
                    return

    def _put(self, item: Any) -> bool:
        """Hand it over as soon as there is room; False if nobody waits for it any more."""
        while not self._stopped.is_set():
            with suppress(Full):
                self._batches.put(item, timeout=_POLL_SECONDS)
                return True
        return False

    def _stop(self, threads: Sequence[threading.Thread]) -> None:
        self._stopped.set()
        for connection, thread in zip(self._connections, threads, strict=True):
            if thread.is_alive():
                with suppress(OSError, pymysql.MySQLError):
                    plug(connection).shutdown(SHUT_RDWR)  # wakes a thread that waits for the server
            thread.join()
