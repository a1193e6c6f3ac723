"""PostgreSQL 12 and later."""

from contextlib import AbstractContextManager

from towpath.connectors.postgres.config import PostgresConfig
from towpath.sdk import Category, Connector, ReadMode, Source

__all__ = ["connector"]


def _source(config: PostgresConfig) -> AbstractContextManager[Source]:
    from towpath.connectors.postgres.source import PostgresSource

    return PostgresSource(config)


connector = Connector(
    name="postgres",
    title="PostgreSQL",
    version="1.0.0",
    categories=(Category.DATABASE,),
    config=PostgresConfig,
    source=_source,
    read_modes=frozenset({ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL}),
    summary="Tables and views, read in parallel from one consistent snapshot.",
)
