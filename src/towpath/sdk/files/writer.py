"""Stages one slice: batches go through a bounded queue to a thread that encodes them.

Reading and decoding of the next batch overlaps with encoding of this one (Arrow's encoders release
the GIL). What goes wrong in the thread is raised by the next `write`, or by `close`.
"""

import contextlib
import queue
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from towpath.core.model import Batch, Receipt, Rejected, Slice, Target, WriteMode
from towpath.sdk.files import partition
from towpath.sdk.files.cast import align
from towpath.sdk.files.errors import translated
from towpath.sdk.files.format import Encoder, Format
from towpath.sdk.files.manifest import DataFile
from towpath.sdk.files.table import FileTable, new_attempt

#: A file is closed, and the next one begun, when it has grown beyond this.
FILE_BYTES = 256 << 20
#: Partitions whose files are open at once; beyond it the longest unused one is closed.
OPEN_FILES = 32
_ROWS = 131_072  # of a batch that go into one file at once
_QUEUED = 3
_POLL_SECONDS = 0.1


class FilesWriter:
    """A `Writer` that stages files."""

    def __init__(
        self, table: FileTable, format: Format, target: Target, slice: Slice, schema: pa.Schema
    ) -> None:
        self._target = target
        self._slice = slice
        self._stager = Stager(table, format, target, slice, schema)
        self._queue: queue.Queue[pa.RecordBatch | None] = queue.Queue(_QUEUED)
        self._error: BaseException | None = None
        self._stop = False
        self._rows = 0
        self._thread = threading.Thread(target=self._encode, name=f"encode-{slice.id}", daemon=True)
        self._thread.start()

    def write(self, batch: Batch) -> Sequence[Rejected]:
        rejected, arrow = self._with_key(batch)
        if arrow.num_rows:
            self._rows += arrow.num_rows
            self._put(arrow)
        return rejected

    def close(self) -> Receipt:
        self._put(None)
        self._thread.join()
        self._raise()
        files = self._stager.files
        detail = {"files": [file.to_json() for file in files]}
        return Receipt(self._slice.id, self._rows, sum(file.bytes for file in files), detail)

    def abandon(self) -> None:
        self._stop = True
        self._thread.join()
        self._stager.abandon()

    def _with_key(self, batch: Batch) -> tuple[list[Rejected], pa.RecordBatch]:
        """The records that lack a part of their key, and the others."""
        arrow = batch.arrow
        if self._target.mode is not WriteMode.UPSERT:
            return [], arrow
        nulls = [arrow.column(name).is_null() for name in self._target.primary_key]
        lacking = nulls[0]
        for more in nulls[1:]:
            lacking = pc.or_(lacking, more)
        if not pc.any(lacking).as_py():
            return [], arrow
        return self._reject(arrow, lacking), arrow.filter(pc.invert(lacking))

    def _reject(self, arrow: pa.RecordBatch, lacking: pa.Array) -> list[Rejected]:
        key = ", ".join(self._target.primary_key)
        places = pc.indices_nonzero(lacking).to_pylist()
        records = arrow.filter(lacking).to_pylist()
        return [
            Rejected(record, "key.null", f"The primary key ({key}) is null.", index)
            for index, record in zip(places, records, strict=True)
        ]

    def _put(self, item: pa.RecordBatch | None) -> None:
        while True:
            self._raise()
            with contextlib.suppress(queue.Full):
                self._queue.put(item, timeout=_POLL_SECONDS)
                return

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _encode(self) -> None:
        try:
            while (item := self._next()) is not None:
                self._stager.write(item)
            if not self._stop:
                self._stager.close()
        except BaseException as error:  # noqa: BLE001 - raised in the thread that writes
            self._error = error

    def _next(self) -> pa.RecordBatch | None:
        while not self._stop:
            with contextlib.suppress(queue.Empty):
                return self._queue.get(timeout=_POLL_SECONDS)
        return None


class Stager:
    """Writes batches to staged files: one by one, or one per partition."""

    def __init__(
        self, table: FileTable, format: Format, target: Target, slice: Slice, schema: pa.Schema
    ) -> None:
        self._table, self._format, self._target, self._slice = table, format, target, slice
        self._schema = schema
        self._partitions = partition.of(target.partition_by, target.schema)
        self._attempt = new_attempt()
        self._open: dict[partition.Values, _OpenFile] = {}
        self._parts = 0
        self.files: list[DataFile] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Stage the batch. Raises our own errors."""
        with translated(self._table.place.where(self._table.folder), writing=True):
            for start in range(0, batch.num_rows, _ROWS):
                whole = align(batch.slice(start, _ROWS), self._schema)
                for values, part in partition.split(whole, self._partitions):
                    self._file(values, part).write(part)
                    if self._open[values].size > FILE_BYTES:
                        self._finish(values)

    def close(self) -> None:
        """Make everything durable."""
        with translated(self._table.place.where(self._table.folder), writing=True):
            for values in list(self._open):
                self._finish(values)

    def abandon(self) -> None:
        """Close and drop everything. Never raises."""
        for file in self._open.values():
            file.drop()
        self._open.clear()
        for done in self.files:
            with contextlib.suppress(Exception):
                self._table.place.remove(f"{self._table.hidden}/{done.staged}")

    def _file(self, values: partition.Values, first: pa.RecordBatch) -> "_OpenFile":
        file = self._open.pop(values, None)
        if file is None:
            if len(self._open) >= OPEN_FILES:
                self._finish(next(iter(self._open)))
            file = self._begin(values, first)
        self._open[values] = file  # last in the order of use
        return file

    def _begin(self, values: partition.Values, first: pa.RecordBatch) -> "_OpenFile":
        suffix = self._format.suffixes[0]
        staged = self._table.staged_name(self._target, self._slice, suffix, self._parts, self._attempt)
        self._parts += 1
        folder = partition.folder(self._partitions, values)
        path = folder + staged.rpartition("/")[2].removesuffix(".part")
        told = partition.told(self._partitions, values)
        return _OpenFile(self._table, self._format, DataFile(path, 0, 0, staged, told), first)

    def _finish(self, values: partition.Values) -> None:
        file = self._open[values]
        self.files.append(file.finish())
        del self._open[values]


class _OpenFile:
    """One staged file that is being written."""

    def __init__(self, table: FileTable, format: Format, file: DataFile, first: pa.RecordBatch) -> None:
        self._table, self._file = table, file
        self._path = f"{table.hidden}/{file.staged}"
        self._sink = table.place.create(self._path)
        self._encoder: Encoder = format.encoder(self._sink, first)
        self._rows = 0

    @property
    def size(self) -> int:
        return int(self._sink.tell())

    def write(self, batch: pa.RecordBatch) -> None:
        self._encoder.write(batch)
        self._rows += batch.num_rows

    def finish(self) -> DataFile:
        self._encoder.flush()
        size = self.size
        self._sink.close()
        self._table.place.sync(self._path)
        data: Mapping[str, Any] = self._file.to_json() | {"rows": self._rows, "bytes": size}
        return DataFile.from_json(data)

    def drop(self) -> None:
        for act in (self._encoder.flush, self._sink.close, lambda: self._table.place.remove(self._path)):
            with contextlib.suppress(Exception):
                act()
