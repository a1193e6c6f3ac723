"""Sends records while they are read: nothing can be staged in somebody else's HTTP service.

# Invariant 2 cannot hold here, and the README says so: a record is at its receiver once `write` returns.
Idempotency keys let the receiver recognise the requests of a slice that is done again.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self

import pyarrow as pa

from towpath.connectors.http.config import Body, HttpConfig, OnBatchError
from towpath.connectors.http.encode import encode, faults
from towpath.connectors.http.lanes import chunks, lanes, send_lanes
from towpath.connectors.http.requests import Chunk, Sender
from towpath.sdk import (
    AuthError,
    Batch,
    Checkpoint,
    ConfigError,
    Receipt,
    Rejected,
    SchemaError,
    Slice,
    Target,
    WriteMode,
    Writer,
)
from towpath.sdk.http import Response, shown, status_error
from towpath.sdk.rejects import arrow_face, record_at, split
from towpath.sdk.targets import check_unpartitioned

#: Answers that blame the records of the request; all other failures blame the endpoint and stop the slice.
_RECORD_AT_FAULT = frozenset({400, 409, 412, 413, 422})
_UNAUTHORIZED = frozenset({401, 403})


class HttpDestination:
    """One pool of connections and one of threads."""

    def __init__(self, config: HttpConfig) -> None:
        self._config = config
        self._sender = Sender(config)
        self._pool = ThreadPoolExecutor(config.concurrency, thread_name_prefix="towpath-http")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._sender.client.close()

    def check(self) -> str:
        """Any answer to a HEAD request will do, except that the credentials are wrong."""
        response = self._sender.probe()
        if response.status in _UNAUTHORIZED:
            raise AuthError(
                "http.status",
                f"{response.url} answered {response.status}.",
                hint="Check the credentials of this connection.",
                status=response.status,
            )
        return f"{shown(self._config.url)} answered {response.status}"

    def prepare(self, target: Target) -> None:
        if target.mode is not WriteMode.APPEND:
            raise ConfigError(
                "write_mode.unsupported",
                f"An HTTP destination can only append; {target.stream!r} asks for {target.mode}.",
                hint="Write the stream in append mode.",
                field="mode",
            )
        check_unpartitioned(target, "HTTP")
        key = self._config.key
        if key and key not in target.schema.names:
            raise SchemaError(
                "column.not_found",
                f"The stream {target.stream!r} has no column {key!r} to order by.",
                hint="Correct the setting 'key' of the destination, or select the column.",
                stream=target.stream,
                column=key,
            )

    def writer(self, target: Target, slice: Slice) -> Writer:
        return _HttpWriter(self._config, self._sender, self._pool, target, slice)

    def commit(self, target: Target, receipts: Sequence[Receipt], checkpoint: Checkpoint) -> None:
        """Nothing to do: the records are with their receiver."""

    def committed(self, target: Target) -> None:
        """Nothing: an HTTP endpoint remembers no checkpoints."""
        return

    def discard(self, target: Target) -> None:
        """Nothing to do: what was sent cannot be taken back."""


class _HttpWriter:
    def __init__(
        self, config: HttpConfig, sender: Sender, pool: ThreadPoolExecutor, target: Target, slice: Slice
    ) -> None:
        self._config, self._sender, self._pool = config, sender, pool
        self._target, self._slice = target, slice
        self._seen = self._rows = self._bytes = 0

    def write(self, batch: Batch) -> Sequence[Rejected]:
        """Send the batch; returns when every record of it is answered for."""
        arrow, unfit = arrow_face(batch)
        arrow = arrow.select(self._target.schema.names)
        arrow, odd = split(arrow, faults(arrow))
        texts, keys = encode(arrow), self._keys(arrow)
        size = 1 if self._config.body is Body.SINGLE else self._config.batch_size
        dealt = lanes(keys, self._config.concurrency, len(texts), size)
        work = [chunks(texts, places, size, self._seen) for places in dealt]
        results = send_lanes(self._pool, work, self._send)
        refused = sorted((one for result in results for one in result.refused), key=_place)
        self._seen += len(texts)
        self._rows += len(texts) - len(refused)
        self._bytes += sum(result.bytes for result in results)
        known = not unfit and not odd  # otherwise places in `arrow` are not those in the batch
        return [*unfit, *odd, *(_rejected(arrow, *one, known=known) for one in refused)]

    def close(self) -> Receipt:
        return Receipt(self._slice.id, self._rows, self._bytes)

    def abandon(self) -> None:
        """Nothing to drop: what was sent was sent."""

    def _keys(self, arrow: pa.RecordBatch) -> list[object] | None:
        return arrow.column(self._config.key).to_pylist() if self._config.key else None

    def _send(self, chunk: Chunk) -> "_Sent":
        response, size = self._sender.send(self._target, self._slice.id, chunk)
        if response.ok:
            return _Sent(size)
        if response.status not in _RECORD_AT_FAULT:
            raise status_error(response)
        if len(chunk.places) == 1 or self._config.on_batch_error is OnBatchError.REJECT:
            return _Sent(0, tuple((place, response) for place in chunk.places))
        parts = [self._send(single) for single in chunk.singles()]
        return _Sent(sum(part.bytes for part in parts), tuple(one for part in parts for one in part.refused))


class _Sent(NamedTuple):
    """What became of a chunk."""

    bytes: int
    """Bytes of the bodies that were taken."""
    refused: tuple[tuple[int, Response], ...] = ()
    """Places of the records that were refused, with the answers."""


def _place(refused: tuple[int, Response]) -> int:
    return refused[0]


def _rejected(arrow: pa.RecordBatch, place: int, answer: Response, *, known: bool) -> Rejected:
    reason = f"{answer.status}: {answer.excerpt()}"
    return Rejected(record_at(arrow, place), "http.refused", reason, place if known else -1)
