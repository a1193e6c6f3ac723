"""Google BigQuery."""

from contextlib import AbstractContextManager

from towpath.connectors.bigquery.config import BigqueryConfig
from towpath.sdk import Category, Connector, Destination, WriteMode
from towpath.sdk.extras import extra

__all__ = ["connector"]


def _destination(config: BigqueryConfig) -> AbstractContextManager[Destination]:
    with extra("bigquery", "google"):
        from towpath.connectors.bigquery.destination import BigqueryDestination

        return BigqueryDestination(config)


connector = Connector(
    name="bigquery",
    title="BigQuery",
    version="1.0.0",
    categories=(Category.DATABASE,),
    config=BigqueryConfig,
    destination=_destination,
    write_modes=frozenset(WriteMode),
    summary="Tables of a BigQuery dataset, filled by load jobs and published in one transaction.",
)
