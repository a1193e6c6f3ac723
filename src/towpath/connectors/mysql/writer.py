"""Loads one slice into staging, in one transaction."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc
import pymysql

from towpath.connectors.mysql import encode, locks, staging
from towpath.connectors.mysql.columns import Column
from towpath.connectors.mysql.connection import Connection, execute
from towpath.connectors.mysql.dialect import Dialect
from towpath.connectors.mysql.errors import translated
from towpath.connectors.mysql.fit import faults
from towpath.connectors.mysql.load import Loader
from towpath.connectors.mysql.place import Place
from towpath.sdk import Batch, Receipt, Rejected, Slice, Target
from towpath.sdk.rejects import Fault, arrow_face, null_keys, split

_DUPLICATE = 1062
_ATTEMPT_BITS = 53


class SliceWriter:
    """A `Writer`. Its connection is its own until it gives it back by ``release``, unless it is broken."""

    def __init__(
        self,
        connection: Connection,
        dialect: Dialect,
        place: Place,
        target: Target,
        columns: Sequence[Column],
        slice: Slice,
        release: Callable[[Connection], None],
    ) -> None:
        self._connection, self._dialect, self._release = connection, dialect, release
        self._place, self._target, self._columns, self._slice = place, target, columns, slice
        self._loader = Loader(connection, dialect, place.staging, columns, staging.TAGS)
        self._attempt = secrets.randbits(_ATTEMPT_BITS)
        self._open = False
        self._rows = self._bytes = 0
        self._lock: str | None = None

    def write(self, batch: Batch) -> Sequence[Rejected]:
        arrow, rejected = arrow_face(batch)
        arrow = arrow.select(self._target.schema.names)
        found = [*null_keys(arrow, self._target), *faults(arrow, self._columns, self._dialect)]
        arrow, more = split(arrow, found)
        rows, arrow, long = self._encoded(arrow)
        if arrow.num_rows:
            with translated(slice=self._slice.id):
                self._begin()
                self._bytes += self._loader.load(rows)
            self._rows += arrow.num_rows
        return [*rejected, *more, *long]

    def _encoded(self, batch: pa.RecordBatch) -> tuple[pa.Array, pa.RecordBatch, list[Rejected]]:
        """The text of the rows, without those that are too long for the server."""
        rows = self._text(batch)
        long = pc.greater(pc.binary_length(rows), self._loader.longest)
        if not pc.any(long).as_py():
            return rows, batch, []
        message = (
            f"The record is longer than the server's max_allowed_packet ({self._dialect.packet:,} bytes)."
        )
        batch, rejected = split(batch, [Fault(long, "value.too_large", message)])
        return self._text(batch), batch, rejected

    def _text(self, batch: pa.RecordBatch) -> pa.Array:
        count = batch.num_rows
        tags = [pa.repeat(self._attempt, count), pa.arange(self._rows, self._rows + count)]
        return encode.rows(batch, self._columns, tags, self._loader.mark)

    def _begin(self) -> None:
        """Begin the transaction when it is first needed."""
        if not self._open:
            self._lock = locks.sign_in(self._connection, self._place)
            execute(self._connection, "BEGIN")
            self._open = True

    def close(self) -> Receipt:
        receipt = Receipt(self._slice.id, self._rows, self._bytes, {"attempt": self._attempt})
        with translated(slice=self._slice.id):
            self._begin()
            receipt = self._mark(receipt)
            self._end()
        return receipt

    def _mark(self, receipt: Receipt) -> Receipt:
        """Commit with a marker; what an attempt before this one staged stands, and this one's goes."""
        try:
            staging.mark(self._connection, self._place, receipt, self._attempt)
        except pymysql.IntegrityError as error:
            execute(self._connection, "ROLLBACK")
            found = staging.receipt_of(self._connection, self._place, receipt.slice)
            if error.args[0] != _DUPLICATE or found is None:  # published or swept in this very moment
                raise
            return found
        execute(self._connection, "COMMIT")
        return receipt

    def _end(self) -> None:
        if self._lock is not None:
            locks.sign_out(self._connection, self._lock)
        self._release(self._connection)

    def abandon(self) -> None:
        try:
            if self._open:
                execute(self._connection, "ROLLBACK")
            self._end()
        except (pymysql.MySQLError, OSError):
            with suppress(pymysql.MySQLError, OSError):
                self._connection.close()
