"""Loads one slice into staging, in one transaction."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import psycopg

from towpath.connectors.postgres import staging as stagings
from towpath.connectors.postgres.errors import translated
from towpath.connectors.postgres.pipe import CopyPipe
from towpath.connectors.postgres.rows import HEADER, TRAILER, Rows
from towpath.connectors.postgres.staging import Staging
from towpath.sdk import Batch, Receipt, Rejected, Slice
from towpath.sdk.sql import quote


class SliceWriter:
    """A `Writer`. Its connection is its own until it gives it back by ``release``, unless it is broken."""

    def __init__(
        self,
        connection: psycopg.Connection,
        staging: Staging,
        rows: Rows,
        names: Sequence[str],
        slice: Slice,
        release: Callable[[psycopg.Connection], None],
    ) -> None:
        self._connection = connection
        self._staging = staging
        self._rows = rows
        self._slice = slice
        self._release = release
        listed = ", ".join(map(quote, [*names, staging.order] if staging.ordered else names))
        self._statement = f"COPY {staging.table} ({listed}) FROM STDIN (FORMAT binary)"
        self._pipe: CopyPipe | None = None
        self._written = 0
        self._bytes = 0

    def write(self, batch: Batch) -> Sequence[Rejected]:
        encoded = self._rows.encode(batch)
        with translated(slice=self._slice.id):
            for piece in encoded.pieces:
                self._send(piece)
        self._written += encoded.rows
        return encoded.rejected

    def _send(self, piece: bytes) -> None:
        self._open().send(piece)
        self._bytes += len(piece)

    def _open(self) -> CopyPipe:
        """The pipe; it begins the transaction when it is first asked for."""
        if self._pipe is None:
            self._connection.execute("BEGIN")
            self._pipe = CopyPipe(self._connection, self._statement)
            self._pipe.send(HEADER)
        return self._pipe

    def close(self) -> Receipt:
        with translated(slice=self._slice.id):
            self._send(TRAILER)
            self._open().finish()
            receipt = self._mark(Receipt(self._slice.id, self._written, self._bytes))
        self._release(self._connection)
        return receipt

    def _mark(self, receipt: Receipt) -> Receipt:
        """Commit with a marker; what an attempt before this one staged stands, and this one's goes."""
        try:
            stagings.mark(self._connection, self._staging, receipt)
        except psycopg.errors.UniqueViolation:
            self._connection.execute("ROLLBACK")
            found = stagings.receipt_of(self._connection, self._staging, receipt.slice)
            if found is None:  # published or swept in this very moment
                raise
            return found
        self._connection.execute("COMMIT")
        return receipt

    def abandon(self) -> None:
        usable = False
        with suppress(psycopg.Error):
            usable = self._pipe is None or self._pipe.abandon()
        with suppress(psycopg.Error):
            if usable:
                self._connection.execute("ROLLBACK")
                self._release(self._connection)
                return
        with suppress(psycopg.Error):
            self._connection.close()
