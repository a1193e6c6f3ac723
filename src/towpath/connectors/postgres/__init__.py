"""PostgreSQL 12 and later."""

from contextlib import AbstractContextManager

from towpath.connectors.postgres.config import PostgresConfig
from towpath.sdk import Application, Category, Connector, Destination, ReadMode, Source, WriteMode
from towpath.sdk.sqlapp.models import SqlReading, SqlWriting

__all__ = ["connector"]


def _source(config: PostgresConfig) -> AbstractContextManager[Source]:
    from towpath.connectors.postgres.source import PostgresSource

    return PostgresSource(config)


def _destination(config: PostgresConfig) -> AbstractContextManager[Destination]:
    from towpath.connectors.postgres.destination import PostgresDestination

    return PostgresDestination(config)


def _application(config: PostgresConfig) -> AbstractContextManager[Application]:
    from towpath.connectors.postgres.application import application

    return application(config)


connector = Connector(
    name="postgres",
    title="PostgreSQL",
    version="1.0.0",
    categories=(Category.DATABASE,),
    config=PostgresConfig,
    source=_source,
    destination=_destination,
    application=_application,
    reading=SqlReading,
    writing=SqlWriting,
    read_modes=frozenset({ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL}),
    write_modes=frozenset(WriteMode),
    summary="Reads in parallel from one consistent snapshot; writes by binary COPY and one atomic commit.",
)
