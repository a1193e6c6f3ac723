"""MySQL 5.7 and later, MariaDB 10.3 and later."""

from contextlib import AbstractContextManager

from towpath.connectors.mysql.config import MySQLConfig
from towpath.sdk import Category, Connector, ReadMode, Source

__all__ = ["connector"]


def _source(config: MySQLConfig) -> AbstractContextManager[Source]:
    from towpath.connectors.mysql.source import MySQLSource

    return MySQLSource(config)


connector = Connector(
    name="mysql",
    title="MySQL and MariaDB",
    version="1.0.0",
    categories=(Category.DATABASE,),
    config=MySQLConfig,
    source=_source,
    read_modes=frozenset({ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL}),
    summary="Tables and views, read by primary-key ranges from one consistent snapshot.",
)
