"""CSV files, in a folder or on S3-compatible storage."""

from contextlib import AbstractContextManager

from towpath.connectors.csv.config import CsvConfig
from towpath.sdk import Category, Connector, Destination, ReadMode, Source, WriteMode

__all__ = ["connector"]


def _source(config: CsvConfig) -> AbstractContextManager[Source]:
    from towpath.connectors.csv.source import CsvSource

    return CsvSource(config)


def _destination(config: CsvConfig) -> AbstractContextManager[Destination]:
    from towpath.connectors.csv.destination import CsvDestination

    return CsvDestination(config)


connector = Connector(
    name="csv",
    title="CSV files",
    version="1.0.0",
    categories=(Category.FILES,),
    config=CsvConfig,
    source=_source,
    destination=_destination,
    read_modes=frozenset({ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL}),
    write_modes=frozenset({WriteMode.APPEND, WriteMode.OVERWRITE}),
    summary="Delimited text, read without changing a value, published in whole commits.",
)
