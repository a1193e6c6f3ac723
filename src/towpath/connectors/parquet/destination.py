"""Writes Parquet files."""

from collections.abc import Sequence

import pyarrow as pa

from towpath.connectors.parquet.config import ParquetConfig
from towpath.connectors.parquet.format import ParquetFormat
from towpath.connectors.parquet.upsert import Upsert
from towpath.sdk import Target, WriteMode
from towpath.sdk.files.destination import FilesDestination
from towpath.sdk.files.manifest import DataFile, Manifest
from towpath.sdk.files.table import FileTable


class ParquetDestination(FilesDestination):
    """Appends, overwrites, and upserts by rewriting the files that hold touched keys."""

    modes = frozenset({WriteMode.APPEND, WriteMode.OVERWRITE, WriteMode.UPSERT})

    def __init__(self, config: ParquetConfig) -> None:
        super().__init__(config, ParquetFormat(config.compression))

    def merge(
        self,
        table: FileTable,
        current: Manifest,
        target: Target,
        staged: Sequence[DataFile],
        schema: pa.Schema,
    ) -> tuple[list[DataFile], list[str]]:
        with Upsert(table, self.format, target, schema) as upsert:
            return upsert.merge(current.files, staged)
