"""DuckDB database files."""

from contextlib import AbstractContextManager

from towpath.connectors.duckdb.config import DuckdbConfig
from towpath.sdk import Application, Category, Connector, Destination, ReadMode, Source, WriteMode
from towpath.sdk.sqlapp.models import SqlReading, SqlWriting

__all__ = ["connector"]


def _source(config: DuckdbConfig) -> AbstractContextManager[Source]:
    from towpath.connectors.duckdb.source import DuckdbSource

    return DuckdbSource(config)


def _destination(config: DuckdbConfig) -> AbstractContextManager[Destination]:
    from towpath.connectors.duckdb.destination import DuckdbDestination

    return DuckdbDestination(config)


def _application(config: DuckdbConfig) -> AbstractContextManager[Application]:
    from towpath.connectors.duckdb.application import application

    return application(config)


connector = Connector(
    name="duckdb",
    title="DuckDB",
    version="1.0.0",
    categories=(Category.DATABASE, Category.FILES),
    config=DuckdbConfig,
    source=_source,
    destination=_destination,
    application=_application,
    reading=SqlReading,
    writing=SqlWriting,
    read_modes=frozenset({ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL}),
    write_modes=frozenset(WriteMode),
    summary="Tables and views of a DuckDB database file, read and written as Arrow.",
)
