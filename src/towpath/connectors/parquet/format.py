"""Parquet as a `Format`: pyarrow does the work."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from towpath.connectors.parquet.encode import ParquetEncoder
from towpath.connectors.parquet.types import stored
from towpath.sdk.files import filters
from towpath.sdk.files.errors import translated
from towpath.sdk.files.evolve import merge
from towpath.sdk.files.format import FileRead, Opener, Piece
from towpath.sdk.files.manifest import DataFile

_BATCH_ROWS = 65_536
_BATCH_BYTES = 32 << 20
#: Files with more records are cut into pieces of whole row groups.
_PIECE_ROWS = 1_000_000


class ParquetFormat:
    """Reading and writing one Parquet file."""

    name = "parquet"
    suffixes: tuple[str, ...] = (".parquet",)

    def __init__(self, compression: str = "zstd") -> None:
        self._compression = compression

    def stored(self, schema: pa.Schema) -> pa.Schema:
        return stored(schema)

    def encoder(self, sink: pa.NativeFile, first: pa.RecordBatch) -> ParquetEncoder:
        return ParquetEncoder(sink, first, self._compression)

    def inspect(self, name: str, files: Sequence[tuple[DataFile, Opener]]) -> tuple[pa.Schema, int | None]:
        schema: pa.Schema | None = None
        rows = 0
        for file, open in files:
            with translated(f"{name}: {file.path}"), open() as handle, pq.ParquetFile(handle) as parquet:
                found = _plain(parquet.schema_arrow)
                schema = found if schema is None else merge(schema, found, repr(name))
                rows += parquet.metadata.num_rows
        return schema or pa.schema([]), rows

    def pieces(self, file: DataFile, open: Opener) -> list[Piece]:
        if 0 < file.rows <= _PIECE_ROWS:
            return [Piece(None, file.rows)]
        with open() as handle, pq.ParquetFile(handle) as parquet:
            sizes = [parquet.metadata.row_group(number).num_rows for number in range(parquet.num_row_groups)]
        return [Piece(groups, sum(sizes[number] for number in groups)) for groups in _gather(sizes)]

    def read(self, file: DataFile, open: Opener, wanted: FileRead, where: str) -> Iterator[pa.RecordBatch]:
        with open() as handle:
            fragment = pads.ParquetFileFormat().make_fragment(handle)
            if wanted.piece is not None:
                fragment = fragment.subset(row_group_ids=wanted.piece)
            physical = fragment.physical_schema
            scanner = fragment.scanner(
                columns=[name for name in wanted.columns if name in physical.names],
                filter=filters.expression(wanted.where, physical),
                batch_size=_batch_rows(fragment.metadata),
                batch_readahead=2,
                fragment_readahead=1,
            )
            yield from scanner.to_batches()


def _batch_rows(metadata: pq.FileMetaData) -> int:
    """As many records as make up a batch of bounded size, by the file's own figures."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    size = sum(group.total_byte_size for group in groups)
    return int(max(1024, min(_BATCH_ROWS, _BATCH_BYTES * metadata.num_rows // max(size, 1))))


def _gather(sizes: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of row groups, in lists of about a million records."""
    groups: list[int] = []
    for number, _ in enumerate(sizes):
        groups.append(number)
        if sum(sizes[one] for one in groups) >= _PIECE_ROWS:
            yield groups
            groups = []
    if groups:
        yield groups


def _plain(schema: pa.Schema) -> pa.Schema:
    """Without what others note in the schema's metadata."""
    return schema.remove_metadata()
