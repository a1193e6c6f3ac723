"""The checkpoints of all streams that are written to one schema: one table, one row per stream.

Snowflake enforces no keys, so the row is made in prepare, and a commit *updates* it: that takes the lock
which makes two commits of one stream wait for each other. Number 0 means that there was none yet.
"""

import json

from towpath.connectors.snowflake.names import Place, literal
from towpath.connectors.snowflake.session import Session
from towpath.sdk import Checkpoint, Target


def _mine(target: Target) -> str:
    return f'"lineage" = {literal(target.lineage)} AND "stream" = {literal(target.stream)}'


def ensure(session: Session, place: Place, target: Target) -> None:
    """Make the table and the stream's row unless they are there."""
    session.run(
        f"CREATE TABLE IF NOT EXISTS {place.checkpoints}"
        ' ("lineage" VARCHAR, "stream" VARCHAR, "run" VARCHAR, "number" NUMBER(38,0), "state" VARCHAR)'
    )
    if not session.run(f'SELECT "number" FROM {place.checkpoints} WHERE {_mine(target)}'):
        values = f"{literal(target.lineage)}, {literal(target.stream)}, '', 0"
        names = '"lineage", "stream", "run", "number"'
        session.run(f"INSERT INTO {place.checkpoints} ({names}) VALUES ({values})")


def read(session: Session, place: Place, target: Target) -> Checkpoint | None:
    """The last checkpoint of the target's lineage and stream; the table must be there."""
    rows = session.run(
        f'SELECT "run", "number", "state" FROM {place.checkpoints}'
        f' WHERE {_mine(target)} AND "number" > 0 ORDER BY "number" DESC LIMIT 1'
    )
    return Checkpoint(rows[0][0], int(rows[0][1]), json.loads(rows[0][2])) if rows else None


def write(session: Session, place: Place, target: Target, checkpoint: Checkpoint) -> bool:
    """Remember the checkpoint within the transaction that publishes what it stands for. # Invariant 1

    False if this commit has happened already. Waits for a commit of the stream that is under way.
    """
    run, number = literal(checkpoint.run), checkpoint.number
    state = literal(json.dumps(checkpoint.to_json()["state"]))
    return bool(
        session.changed(
            f'UPDATE {place.checkpoints} SET "run" = {run}, "number" = {number}, "state" = {state}'
            f' WHERE {_mine(target)} AND NOT ("run" = {run} AND "number" >= {number})'
        )
    )
