"""Writes CSV files."""

from towpath.connectors.csv.config import CsvConfig
from towpath.connectors.csv.format import CsvFormat
from towpath.sdk.files.destination import FilesDestination


class CsvDestination(FilesDestination):
    """Appends and overwrites."""

    def __init__(self, config: CsvConfig) -> None:
        super().__init__(config, CsvFormat(config))
