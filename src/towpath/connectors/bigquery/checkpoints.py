"""The checkpoints of all streams that are written to one dataset: a table that rows are only added to.

Transactions that change rows of one table cannot run side by side in BigQuery, those that append can. So a
commit appends, the latest row counts, and `sweep` removes the older ones at the end of a run.
"""

import json
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from towpath.connectors.bigquery.client import run
from towpath.connectors.bigquery.names import Place, quote
from towpath.sdk import Checkpoint, Target

_SCHEMA = [
    bigquery.SchemaField("lineage", "STRING"),
    bigquery.SchemaField("stream", "STRING"),
    bigquery.SchemaField("run", "STRING"),
    bigquery.SchemaField("number", "INT64"),
    bigquery.SchemaField("state", "STRING"),
    bigquery.SchemaField("made_at", "TIMESTAMP"),
]
_MINE = "lineage = @lineage AND stream = @stream"
_NOT_MINE_YET = f"{_MINE} AND run = @run AND number >= @number"
#: What a commit fails with that has happened already.
DONE = "towpath: committed already"


def ensure(client: bigquery.Client, place: Place) -> None:
    """Make the table unless it is there."""
    table = bigquery.Table(place.full(place.checkpoints), schema=_SCHEMA)
    client.create_table(table, exists_ok=True)


def parameters(target: Target, checkpoint: Checkpoint | None = None) -> dict[str, Any]:
    """Values of the parameters in the statements of this module."""
    given: dict[str, Any] = {"lineage": target.lineage, "stream": target.stream}
    if checkpoint is not None:
        state = json.dumps(checkpoint.to_json()["state"])
        given |= {"run": checkpoint.run, "number": checkpoint.number, "state": state}
    return given


def read(client: bigquery.Client, place: Place, target: Target) -> Checkpoint | None:
    """The last checkpoint of the target's lineage and stream."""
    sql = (
        f"SELECT run, number, state FROM {quote(place.full(place.checkpoints))} WHERE {_MINE}"
        " ORDER BY made_at DESC, number DESC LIMIT 1"
    )
    try:
        rows = run(client, sql, parameters(target))
    except NotFound:
        return None
    return Checkpoint(rows[0][0], rows[0][1], json.loads(rows[0][2])) if rows else None


def guard(place: Place) -> str:
    """The statement that fails with `DONE` if the commit has happened already."""
    found = f"SELECT 1 FROM {quote(place.full(place.checkpoints))} WHERE {_NOT_MINE_YET}"
    return f"ASSERT NOT EXISTS ({found}) AS '{DONE}'"


def write(place: Place) -> str:
    """The statement that remembers the checkpoint. # Invariant 1"""
    return (
        f"INSERT INTO {quote(place.full(place.checkpoints))} (lineage, stream, run, number, state, made_at)"
        " VALUES (@lineage, @stream, @run, @number, @state, CURRENT_TIMESTAMP())"
    )


def sweep(client: bigquery.Client, place: Place, target: Target) -> None:
    """Remove all of the stream's rows but the latest."""
    table = quote(place.full(place.checkpoints))
    latest = f"(SELECT MAX(made_at) FROM {table} WHERE {_MINE})"
    try:
        older = run(client, f"SELECT COUNT(*) FROM {table} WHERE {_MINE}", parameters(target))[0][0]
        if older > 1:
            run(client, f"DELETE FROM {table} WHERE {_MINE} AND made_at < {latest}", parameters(target))
    except NotFound:
        return
