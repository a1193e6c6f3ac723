"""Parquet files, in a folder or on S3-compatible storage."""

from contextlib import AbstractContextManager

from towpath.connectors.parquet.config import ParquetConfig
from towpath.sdk import Category, Connector, Destination, ReadMode, Source, WriteMode

__all__ = ["connector"]


def _source(config: ParquetConfig) -> AbstractContextManager[Source]:
    from towpath.connectors.parquet.source import ParquetSource

    return ParquetSource(config)


def _destination(config: ParquetConfig) -> AbstractContextManager[Destination]:
    from towpath.connectors.parquet.destination import ParquetDestination

    return ParquetDestination(config)


connector = Connector(
    name="parquet",
    title="Parquet files",
    version="1.0.0",
    categories=(Category.FILES,),
    config=ParquetConfig,
    source=_source,
    destination=_destination,
    read_modes=frozenset({ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL}),
    write_modes=frozenset({WriteMode.APPEND, WriteMode.OVERWRITE, WriteMode.UPSERT}),
    summary="Columnar files in a folder or on S3, published in whole commits.",
)
