"""Staging: one table per run and stream, one transaction and one marker per slice.

The marker of a slice is inserted by the transaction that loads it. The second of two attempts collides with
the first one's marker and takes its own rows back; what was loaded can never be counted twice. # Invariant 3
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from towpath.connectors.postgres.columns import Column
from towpath.sdk import IntegrityError, Receipt, Target, WriteMode
from towpath.sdk.sql import literal, quote

PREFIX = "_towpath_"
_DIGITS = 16


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_DIGITS]


@dataclass(frozen=True)
class Staging:
    """The names of the tables that hold one run's records of one stream before they are published."""

    namespace: str
    line: str
    """Hash of lineage and stream: what stagings of other runs of the same stream have in common."""
    run: str
    ordered: bool
    """Rows are numbered, because the last one of a key wins."""

    @classmethod
    def of(cls, target: Target, namespace: str) -> "Staging":
        line, run = _digest(target.lineage, target.stream), _digest(target.run)
        return cls(namespace, line, run, target.mode is WriteMode.UPSERT)

    @property
    def name(self) -> str:
        return f"{PREFIX}s_{self.line}_{self.run}"

    @property
    def table(self) -> str:
        return f"{quote(self.namespace)}.{quote(self.name)}"

    @property
    def markers(self) -> str:
        return f"{quote(self.namespace)}.{quote(f'{PREFIX}m_{self.line}_{self.run}')}"

    #: The number of a row within its slice.
    order = f"{PREFIX}order"

    def lock_key(self) -> int:
        """Of the advisory lock that whoever makes or publishes this stream's staging holds."""
        return int(self.line, 16) - (1 << 63)


def lock_line(connection: psycopg.Connection, staging: Staging) -> None:
    """Until the transaction ends nobody else prepares, commits or discards this stream."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [staging.lock_key()])


def exists(connection: psycopg.Connection, table: str) -> bool:
    """True if the (quoted) table exists."""
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone()
    return bool(row and row[0])


def create(
    connection: psycopg.Connection,
    staging: Staging,
    target: Target,
    columns: Sequence[Column],
    *,
    logged: bool,
) -> None:
    """Make the staging tables unless they are there. ``logged``: they may become the target.

    After a crash of the server unlogged tables are empty, markers and rows alike: a commit then finds the
    markers gone instead of publishing nothing.
    """
    if exists(connection, staging.table) and exists(connection, staging.markers):
        return
    drop(connection, staging)
    kind = "TABLE" if logged else "UNLOGGED TABLE"
    parts = [f"{quote(column.name)} {column.load_type}" for column in columns]
    if staging.ordered:
        parts.append(f"{quote(staging.order)} bigint")
    options = "autovacuum_enabled = off, toast.autovacuum_enabled = off"
    connection.execute(f"CREATE {kind} {staging.table} ({', '.join(parts)}) WITH ({options})")
    connection.execute(
        f"CREATE {kind} {staging.markers}"
        ' (slice text COLLATE "C" PRIMARY KEY, xid text NOT NULL, receipt json NOT NULL)'
    )
    note = f"Towpath: records of {target.stream} on their way to {target.name}, run {target.run}"
    connection.execute(f"COMMENT ON TABLE {staging.table} IS {literal(note.replace(chr(0), ''))}")


def drop(connection: psycopg.Connection, staging: Staging) -> None:
    """Drop the staging tables if they are there."""
    connection.execute(f"DROP TABLE IF EXISTS {staging.table}, {staging.markers}")


def others(connection: psycopg.Connection, staging: Staging) -> list[Staging]:
    """What other runs of the same stream and lineage left behind."""
    pattern = f"{PREFIX}_\\_{staging.line}\\_%".replace("_towpath_", "\\_towpath\\_")
    found = connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname LIKE %s AND c.relkind = 'r'",
        [staging.namespace, pattern],
    ).fetchall()
    runs = {name.rpartition("_")[2] for (name,) in found} - {staging.run}
    return [Staging(staging.namespace, staging.line, run, staging.ordered) for run in sorted(runs)]


def evict(connection: psycopg.Connection, staging: Staging) -> None:
    """End sessions of ours that still load into the staging: attempts that were replaced or given up."""
    connection.execute(
        "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a WHERE a.pid <> pg_backend_pid()"
        " AND a.usename = current_user AND a.application_name = 'towpath' AND EXISTS"
        " (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.relation = to_regclass(%s)"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
        [staging.table],
    )


# ── slices ───────────────────────────────────────────────────────────────────────────────────────


def mark(connection: psycopg.Connection, staging: Staging, receipt: Receipt) -> None:
    """Say in the transaction that loaded a slice that it did. Raises `psycopg.errors.UniqueViolation`
    if another attempt has been faster; waits for one that is about to.
    """
    text = literal(json.dumps(receipt.to_json()))
    connection.execute(
        f"INSERT INTO {staging.markers}"
        f" VALUES ({literal(receipt.slice)}, (txid_current() % 4294967296)::text, {text})"
    )


def receipt_of(connection: psycopg.Connection, staging: Staging, slice: str) -> Receipt | None:
    """The receipt of the attempt that loaded the slice; None if there was none."""
    query = f"SELECT receipt::text FROM {staging.markers} WHERE slice = {literal(slice)}"
    row = connection.execute(query).fetchone()
    return None if row is None else Receipt.from_json(json.loads(row[0]))


def keep_only(connection: psycopg.Connection, staging: Staging, slices: Sequence[str]) -> None:
    """Take out what no receipt names. Raises `IntegrityError` if one of the slices is not there."""
    found: list[Any] = []
    if exists(connection, staging.markers) and exists(connection, staging.table):
        found = connection.execute(f"SELECT slice, xid FROM {staging.markers}").fetchall()
    lost = set(slices) - {slice for slice, _ in found}
    if lost:
        raise IntegrityError(
            "staging.lost",
            f"What was staged of {len(lost)} slices ({', '.join(sorted(lost)[:3])} …) is no longer there.",
            hint="The server crashed, or somebody dropped the staging tables: run the flow again.",
        )
    strays = [xid for slice, xid in found if slice not in slices]
    if strays:
        listed = ", ".join(map(literal, strays))
        connection.execute(f"DELETE FROM {staging.table} WHERE xmin::text IN ({listed})")
        connection.execute(f"DELETE FROM {staging.markers} WHERE xid IN ({listed})")
