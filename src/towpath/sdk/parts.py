"""Parquet files on their way to a warehouse: one attempt at a slice, in a temporary folder of its own."""

import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from towpath.sdk.oserrors import translated

_PART = 128 * 2**20


class Parts:
    """Cuts what is written into files of about ``size`` bytes. Nothing is left after `remove`."""

    def __init__(self, schema: pa.Schema, size: int = _PART) -> None:
        self._schema, self._size = schema, size
        self._writer: pq.ParquetWriter | None = None
        self.files: list[Path] = []
        """The files so far, in the order of their records; complete after `finish`."""
        self.folder = Path(tempfile.mkdtemp(prefix="towpath-"))

    def write(self, batch: pa.RecordBatch) -> None:
        """Add the records, at least one."""
        with translated(self.folder):
            writer = self._writer or self._next()
            writer.write_batch(batch)
            if self.files[-1].stat().st_size >= self._size:
                self.finish()

    def finish(self) -> int:
        """End the last file; returns the bytes of all."""
        with translated(self.folder):
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            return sum(path.stat().st_size for path in self.files)

    def remove(self) -> None:
        """Delete everything. Never raises."""
        try:
            if self._writer is not None:
                self._writer.close()
        except (OSError, pa.ArrowException):
            pass  # the disk may be full: there is nothing to keep anyway
        self._writer = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _next(self) -> pq.ParquetWriter:
        path = self.folder / f"p{len(self.files):05}.parquet"
        self.files.append(path)
        self._writer = pq.ParquetWriter(path, self._schema, compression="snappy", store_schema=False)
        return self._writer
