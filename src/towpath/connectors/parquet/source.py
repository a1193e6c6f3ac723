"""Reads Parquet files: our own targets, and folders and files of others."""

from towpath.connectors.parquet.config import ParquetConfig
from towpath.connectors.parquet.format import ParquetFormat
from towpath.sdk.files.source import FilesSource


class ParquetSource(FilesSource):
    """Columns and filters are pushed down to row groups by their statistics."""

    def __init__(self, config: ParquetConfig) -> None:
        super().__init__(config, ParquetFormat(config.compression))
