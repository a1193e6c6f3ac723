"""The checkpoints of all streams that are written to one schema: one table, one row per stream."""

import json

import psycopg

from towpath.connectors.postgres.staging import PREFIX, exists
from towpath.sdk import Checkpoint, Target
from towpath.sdk.sql import literal, quote

_LOCK = 0x746F7770617468  # "towpath": whoever makes the table holds it


def _table(namespace: str) -> str:
    return f"{quote(namespace)}.{quote(f'{PREFIX}checkpoints')}"


def create(connection: psycopg.Connection, namespace: str) -> None:
    """Make the table unless it is there."""
    if exists(connection, _table(namespace)):
        return
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {_table(namespace)} (lineage text, stream text, run text NOT NULL,"
        " number bigint NOT NULL, state json, at timestamptz NOT NULL DEFAULT now(),"
        " PRIMARY KEY (lineage, stream))"
    )


def read(connection: psycopg.Connection, namespace: str, target: Target) -> Checkpoint | None:
    """The last checkpoint of the target's lineage and stream."""
    if not exists(connection, _table(namespace)):
        return None
    row = connection.execute(
        f"SELECT run, number, state::text FROM {_table(namespace)}"
        f" WHERE lineage = {literal(target.lineage)} AND stream = {literal(target.stream)}"
    ).fetchone()
    return None if row is None else Checkpoint(row[0], row[1], row[2] and json.loads(row[2]))


def write(connection: psycopg.Connection, namespace: str, target: Target, checkpoint: Checkpoint) -> None:
    """Remember the checkpoint, within the transaction that publishes what it stands for. # Invariant 1"""
    state = None if checkpoint.state is None else json.dumps(dict(checkpoint.state))
    values = (target.lineage, target.stream, checkpoint.run, checkpoint.number, state)
    connection.execute(
        f"INSERT INTO {_table(namespace)} (lineage, stream, run, number, state)"
        f" VALUES ({', '.join(map(literal, values))}) ON CONFLICT (lineage, stream)"
        " DO UPDATE SET run = EXCLUDED.run, number = EXCLUDED.number, state = EXCLUDED.state, at = now()"
    )
