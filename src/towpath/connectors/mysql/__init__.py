"""MySQL 5.7 and later, MariaDB 10.3 and later."""

from contextlib import AbstractContextManager

from towpath.connectors.mysql.config import MySQLConfig
from towpath.sdk import Application, Category, Connector, Destination, ReadMode, Source, WriteMode
from towpath.sdk.sqlapp.models import SqlReading, SqlWriting

__all__ = ["connector"]


def _source(config: MySQLConfig) -> AbstractContextManager[Source]:
    from towpath.connectors.mysql.source import MySQLSource

    return MySQLSource(config)


def _destination(config: MySQLConfig) -> AbstractContextManager[Destination]:
    from towpath.connectors.mysql.destination import MySQLDestination

    return MySQLDestination(config)


def _application(config: MySQLConfig) -> AbstractContextManager[Application]:
    from towpath.connectors.mysql.application import application

    return application(config)


connector = Connector(
    name="mysql",
    title="MySQL and MariaDB",
    version="1.0.0",
    categories=(Category.DATABASE,),
    config=MySQLConfig,
    source=_source,
    destination=_destination,
    application=_application,
    reading=SqlReading,
    writing=SqlWriting,
    read_modes=frozenset({ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL}),
    write_modes=frozenset(WriteMode),
    summary="Tables and views, read from one consistent snapshot; tables, written in one atomic act.",
)
