"""Reads CSV files: our own targets with their types, and files of others with inferred ones."""

from towpath.connectors.csv.config import CsvConfig
from towpath.connectors.csv.format import CsvFormat
from towpath.sdk.files.source import FilesSource


class CsvSource(FilesSource):
    """Each file is one slice."""

    def __init__(self, config: CsvConfig) -> None:
        super().__init__(config, CsvFormat(config))
