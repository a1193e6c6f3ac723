"""Snowflake."""

from contextlib import AbstractContextManager

from towpath.connectors.snowflake.config import SnowflakeConfig
from towpath.sdk import Category, Connector, Destination, WriteMode
from towpath.sdk.extras import extra

__all__ = ["connector"]


def _destination(config: SnowflakeConfig) -> AbstractContextManager[Destination]:
    with extra("snowflake", "snowflake"):
        from towpath.connectors.snowflake.destination import SnowflakeDestination

    return SnowflakeDestination(config)


connector = Connector(
    name="snowflake",
    title="Snowflake",
    version="1.0.0",
    categories=(Category.DATABASE,),
    config=SnowflakeConfig,
    destination=_destination,
    write_modes=frozenset(WriteMode),
    summary="Tables of a Snowflake database, loaded through Parquet files on its own stages.",
)
