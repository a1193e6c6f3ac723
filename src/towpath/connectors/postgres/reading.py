"""Runs queries and brings their records as Arrow batches, in the fastest way that is there."""

import ctypes
import importlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Protocol

import psycopg
import pyarrow as pa

from towpath.connectors.postgres.config import PostgresConfig, SpecialValues
from towpath.connectors.postgres.query import Query
from towpath.connectors.postgres.snapshot import Snapshot
from towpath.connectors.postgres.types import Column
from towpath.sdk import DataError, ResourceError

BATCH_ROWS = 65_536
BATCH_BYTES = 32 << 20


class Reader(Protocol):
    """Reads within one snapshot. After an error, or if it is left early, the snapshot is of no more use."""

    def batches(self, query: Query) -> Iterator[pa.RecordBatch]:
        """The query's records in batches of its schema, none empty.

        Raises `TowpathError`, and psycopg's errors.
        """
        ...

    def close(self) -> None: ...


def best() -> Callable[[PostgresConfig, Snapshot], Reader]:
    """The compiled reader, or the one that needs nothing of ours compiled."""
    try:
        _libpq()
        importlib.import_module("towpath.connectors.postgres._link")
    except (ImportError, OSError, AttributeError):
        from towpath.connectors.postgres.fallback import AdbcReader

        return AdbcReader
    return CompiledReader


class CompiledReader:
    """COPY in binary format, from libpq's hands straight into Arrow's memory."""

    def __init__(self, config: PostgresConfig, snapshot: Snapshot) -> None:
        self._config = config
        self._connection = snapshot.connection

    def close(self) -> None:
        """Nothing to do: the connection is the snapshot's."""

    def batches(self, query: Query) -> Iterator[pa.RecordBatch]:
        from towpath.connectors.postgres._decode import DecodeError, Decoder

        decoder = Decoder(
            query.schema,
            [column.wire or "text" for column in query.columns],
            max_rows=BATCH_ROWS,
            max_bytes=BATCH_BYTES,
            lenient=self._config.special_values is SpecialValues.NULL,
        )
        try:
            yield from self._copied(decoder, query)
        except MemoryError as error:
            raise ResourceError(
                "memory.exhausted",
                "There is not enough memory for a batch of records.",
                hint="Give Towpath more memory, or let fewer slices run at once.",
                retryable=True,
            ) from error
        except DecodeError as error:
            if error.unrepresentable:
                raise unrepresentable(query.columns[error.column]) from error
            raise DataError(
                "protocol.malformed",
                f"The server's answer does not follow PostgreSQL's protocol: {error}.",
                hint="Read without a proxy in between; if it stays, report it with the server's version.",
            ) from error

    def _copied(self, decoder: Any, query: Query) -> Iterator[pa.RecordBatch]:
        from towpath.connectors.postgres._link import Link

        server = self._connection.pgconn
        begun = server.exec_(f"COPY ({query.sql()}) TO STDOUT (FORMAT binary)".encode())
        if begun.status != psycopg.pq.ExecStatus.COPY_OUT:
            raise psycopg.errors.error_from_result(begun)
        link = Link(
            connection=server.pgconn_ptr,  # type: ignore[attr-defined]  # documented, not in its protocol
            socket=server.socket,
            blocking=server.ssl_in_use,
            **_libpq(),
        )
        while link.drain(decoder):
            yield decoder.take()
        self._finish()
        decoder.finish()
        if decoder.rows:
            yield decoder.take()

    def _finish(self) -> None:
        """The outcome of the COPY: an error that came in the middle is raised here."""
        while result := self._connection.pgconn.get_result():
            if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
                raise psycopg.errors.error_from_result(result)


@cache
def _libpq() -> dict[str, int]:
    """Addresses of functions of the very libpq that psycopg is linked to.

    Raises `ImportError`, `OSError` or `AttributeError` where they cannot be found.
    """
    module = importlib.import_module(psycopg.pq.PGconn.__module__)
    library = module.impl.pq if hasattr(module, "impl") else ctypes.CDLL(module.__file__)
    if library.PQlibVersion() != psycopg.pq.version():
        raise ImportError("another libpq than psycopg's")
    functions = {"get": "PQgetCopyData", "consume": "PQconsumeInput", "free": "PQfreemem"}
    return {
        name: ctypes.cast(getattr(library, function), ctypes.c_void_p).value or 0
        for name, function in functions.items()
    }


def unrepresentable(column: Column) -> DataError:
    """The error for a value that no Arrow type can hold."""
    if pa.types.is_list(column.type):
        what = "an array of several dimensions, with subscripts that do not begin at 1, or of special values"
        way = 'set "arrays" to "text" to read all arrays as text'
    elif pa.types.is_string(column.type):
        what = "text that is not UTF-8"
        way = "correct the text in the database"
    else:
        what = "a special value that no other system knows: a NaN, an infinity, a time out of range"
        way = 'set "special_values" to "null" to read such values as null'
    return DataError(
        "value.unrepresentable",
        f"The column {column.name!r} of type {column.native} holds {what}.",
        hint=f"Leave the column out, filter such rows out, or {way}.",
        column=column.name,
    )
