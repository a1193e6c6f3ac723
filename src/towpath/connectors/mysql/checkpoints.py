"""The checkpoints of all streams that are written to one database: one table, one row per stream.

A table that takes the target's place does so by a RENAME, which no transaction can hold together with a
row. So such a commit first writes its checkpoint as *pending*, with a token that the new table
carries in its comment: it is true if, and only if, the target carries it. # Invariant 1
"""

import json
from typing import NamedTuple

from towpath.connectors.mysql.catalog import OWN
from towpath.connectors.mysql.connection import Connection, execute
from towpath.connectors.mysql.place import Place, literal
from towpath.connectors.mysql.query import name
from towpath.connectors.mysql.staging import exists
from towpath.sdk import Checkpoint, Target

_TABLE = f"{OWN}checkpoints"
_COLUMNS = "line, pending, lineage, stream, run, number, state, target, token"


class Pending(NamedTuple):
    """A checkpoint whose commit may or may not have happened."""

    checkpoint: Checkpoint
    target: str
    token: str


def comment(token: str) -> str:
    """The comment of a table that a commit has put in the target's place."""
    return f"towpath:{token}"


def _table(place: Place) -> str:
    return name(place.database, _TABLE)


def create(connection: Connection, place: Place) -> None:
    """Make the table unless it is there."""
    if exists(connection, place.database, _TABLE):
        return
    text = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    execute(
        connection,
        f"CREATE TABLE IF NOT EXISTS {_table(place)} (line CHAR(16) CHARACTER SET ascii, pending TINYINT,"
        f" lineage TEXT {text}, stream TEXT {text}, run TEXT {text} NOT NULL, number BIGINT NOT NULL,"
        f" state LONGTEXT {text}, target TEXT {text}, token CHAR(16) CHARACTER SET ascii,"
        " at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (line, pending)) ENGINE=InnoDB",
    )


def read(connection: Connection, place: Place) -> Checkpoint | None:
    """The last checkpoint of the place's stream."""
    if not exists(connection, place.database, _TABLE):
        return None
    pending = _pending(connection, place)
    if pending is not None and _happened(connection, place, pending):
        return pending.checkpoint
    rows = _rows(connection, place, pending=0)
    return rows[0].checkpoint if rows else None


def _rows(connection: Connection, place: Place, *, pending: int) -> list[Pending]:
    rows = execute(
        connection,
        f"SELECT run, number, state, target, token FROM {_table(place)}"
        f" WHERE line = {literal(place.line)} AND pending = {pending}",
    )
    return [
        Pending(Checkpoint(run, int(number), state and json.loads(state)), target, token)
        for run, number, state, target, token in rows
    ]


def _pending(connection: Connection, place: Place) -> Pending | None:
    rows = _rows(connection, place, pending=1)
    return rows[0] if rows else None


def _happened(connection: Connection, place: Place, pending: Pending) -> bool:
    rows = execute(
        connection,
        "SELECT TABLE_COMMENT FROM information_schema.TABLES"
        f" WHERE TABLE_SCHEMA = {literal(place.database)} AND TABLE_NAME = {literal(pending.target)}",
    )
    return any(told == comment(pending.token) for (told,) in rows)


def settle(connection: Connection, place: Place) -> None:
    """Decide what became of a pending checkpoint. The caller holds the line's lock."""
    if not exists(connection, place.database, _TABLE):
        return
    pending = _pending(connection, place)
    if pending is None:
        return
    execute(connection, "BEGIN")
    line = f"line = {literal(place.line)}"
    if _happened(connection, place, pending):
        execute(connection, f"DELETE FROM {_table(place)} WHERE {line} AND pending = 0")
        execute(connection, f"UPDATE {_table(place)} SET pending = 0 WHERE {line}")
    else:
        execute(connection, f"DELETE FROM {_table(place)} WHERE {line} AND pending = 1")
    execute(connection, "COMMIT")


def write(
    connection: Connection, place: Place, target: Target, checkpoint: Checkpoint, token: str | None = None
) -> None:
    """Remember the checkpoint: within the transaction that publishes what it stands for, or pending until
    the target carries the ``token``. # Invariant 1
    """
    state = None if checkpoint.state is None else json.dumps(dict(checkpoint.state))
    values = (
        place.line,
        0 if token is None else 1,
        target.lineage,
        target.stream,
        checkpoint.run,
        checkpoint.number,
        state,
        place.target,
        token,
    )
    execute(
        connection,
        f"REPLACE INTO {_table(place)} ({_COLUMNS}) VALUES ({', '.join(map(literal, values))})",
    )
