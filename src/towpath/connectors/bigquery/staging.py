"""Staging: one table per run and stream; each row knows the attempt that loaded it.

A slice may be loaded twice, by twins or after a crash. The receipts name the attempts that count, and a
commit takes only their rows: nothing has to be taken back. # Invariant 3
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from towpath.connectors.bigquery.columns import Column
from towpath.connectors.bigquery.names import OWN, Place, quote

ATTEMPT, SLICE, ROW = "towpath_attempt", "towpath_slice", "towpath_row"
#: The condition on staged rows that a receipt names them.
CHOSEN = f"{ATTEMPT} IN UNNEST(@attempts)"
#: What a commit fails with whose staged rows are not there.
LOST = "towpath: staging lost"

_LIFE = timedelta(days=7)


def fields(columns: Sequence[Column]) -> list[bigquery.SchemaField]:
    """The columns of the staging table."""
    found = [bigquery.SchemaField(column.staged, column.kind.load) for column in columns]
    kinds = ((ATTEMPT, "STRING"), (SLICE, "STRING"), (ROW, "INT64"))
    return [*found, *(bigquery.SchemaField(name, kind) for name, kind in kinds)]


def create(client: bigquery.Client, place: Place, columns: Sequence[Column]) -> None:
    """Make the staging table unless it is there. BigQuery drops it by itself if nobody ever does."""
    table = bigquery.Table(place.full(place.staging), schema=fields(columns))
    table.clustering_fields = [ATTEMPT]
    table.expires = datetime.now(UTC) + _LIFE
    client.create_table(table, exists_ok=True)


def others(client: bigquery.Client, place: Place) -> Iterator[str]:
    """Names of the staging tables that other runs of the same stream left."""
    try:
        for found in client.list_tables(f"{place.project}.{place.dataset}"):
            name = found.table_id
            if name.startswith(f"{OWN}s_{place.line}_") and name != place.staging:
                yield name
    except NotFound:
        return


def guard(place: Place) -> str:
    """The statement that fails with `LOST` unless as many rows are there as the receipts name."""
    count = f"SELECT COUNT(*) FROM {quote(place.full(place.staging))} WHERE {CHOSEN}"
    return f"ASSERT ({count}) = @rows AS '{LOST}'"


def clear(place: Place) -> str:
    """The statement that takes the published rows out. Two commits of one stream exclude each other by it."""
    return f"DELETE FROM {quote(place.full(place.staging))} WHERE {CHOSEN}"
