"""Encodes Parquet: row groups of about 128k records, dictionaries only where they pay."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

GROUP_ROWS = 131_072
GROUP_BYTES = 64 << 20
_SAMPLE_ROWS = 32_768
#: A dictionary of a column with more distinct values per record than this costs time and space.
_DISTINCT = 0.1


class ParquetEncoder:
    """Writes one file."""

    def __init__(self, sink: pa.NativeFile, first: pa.RecordBatch, compression: str) -> None:
        self._writer = pq.ParquetWriter(
            sink,
            first.schema,
            compression=compression,
            compression_level=1 if compression == "zstd" else None,
            use_dictionary=low_cardinality(first),
            version="2.6",
            write_statistics=True,
        )
        self._group: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        while batch.num_rows:
            part = batch.slice(0, GROUP_ROWS - self._rows)
            self._add(part)
            batch = batch.slice(part.num_rows)

    def _add(self, batch: pa.RecordBatch) -> None:
        self._group.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._write_group()

    def flush(self) -> None:
        if self._group:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        self._writer.write_table(pa.Table.from_batches(self._group), row_group_size=GROUP_ROWS)
        self._group, self._rows, self._bytes = [], 0, 0


def low_cardinality(batch: pa.RecordBatch) -> list[str]:
    """Names of the columns whose values repeat so often that a dictionary pays."""
    sample = batch.slice(0, _SAMPLE_ROWS)
    return [
        field.name
        for field in sample.schema
        if _countable(field.type) and _distinct(sample.column(field.name)) < _DISTINCT * sample.num_rows
    ]


def _countable(type: pa.DataType) -> bool:
    return not (
        pa.types.is_nested(type)
        or pa.types.is_boolean(type)
        or pa.types.is_null(type)
        or pa.types.is_interval(type)
        or isinstance(type, pa.BaseExtensionType)
    )


def _distinct(column: Any) -> int:
    if pa.types.is_dictionary(column.type):
        return len(column.dictionary)
    return int(pc.count_distinct(column).as_py())
