"""SQLite database files."""

from contextlib import AbstractContextManager

from towpath.connectors.sqlite.config import SqliteConfig
from towpath.sdk import Application, Category, Connector, Destination, ReadMode, Source, WriteMode
from towpath.sdk.sqlapp.models import SqlReading, SqlWriting

__all__ = ["connector"]


def _source(config: SqliteConfig) -> AbstractContextManager[Source]:
    from towpath.connectors.sqlite.source import SqliteSource

    return SqliteSource(config)


def _destination(config: SqliteConfig) -> AbstractContextManager[Destination]:
    from towpath.connectors.sqlite.destination import SqliteDestination

    return SqliteDestination(config)


def _application(config: SqliteConfig) -> AbstractContextManager[Application]:
    from towpath.connectors.sqlite.application import application

    return application(config)


connector = Connector(
    name="sqlite",
    title="SQLite",
    version="1.0.0",
    categories=(Category.DATABASE, Category.FILES),
    config=SqliteConfig,
    source=_source,
    destination=_destination,
    application=_application,
    reading=SqlReading,
    writing=SqlWriting,
    read_modes=frozenset({ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL}),
    write_modes=frozenset(WriteMode),
    summary="Tables and views of a SQLite database file, read and written.",
)
