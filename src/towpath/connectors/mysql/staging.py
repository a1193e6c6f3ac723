"""Staging: one table per run and stream, one transaction and one marker per slice.

Every row carries the number of the attempt that staged it. The marker of a slice names the one attempt that
counts, and is inserted by the transaction that loads it: the second of two attempts collides with the
first one's marker and takes its own rows back. # Invariant 3
"""

import json
from collections.abc import Sequence
from dataclasses import replace

from towpath.connectors.mysql.catalog import OWN
from towpath.connectors.mysql.columns import Column
from towpath.connectors.mysql.connection import Connection, execute
from towpath.connectors.mysql.locks import evict
from towpath.connectors.mysql.place import Place, literal
from towpath.connectors.mysql.query import name
from towpath.sdk import IntegrityError, Receipt

#: Which attempt staged a row, and its number there.
ATTEMPT, ROW = f"{OWN}attempt", f"{OWN}row"
TAGS = (ATTEMPT, ROW)


def exists(connection: Connection, database: str, table: str) -> bool:
    return bool(
        execute(
            connection,
            "SELECT 1 FROM information_schema.TABLES"
            f" WHERE TABLE_SCHEMA = {literal(database)} AND TABLE_NAME = {literal(table)}",
        )
    )


def create(connection: Connection, place: Place, columns: Sequence[Column]) -> None:
    """Make the staging tables unless they are there."""
    execute(
        connection,
        f"CREATE TABLE IF NOT EXISTS {place.markers} (slice VARBINARY(255) PRIMARY KEY,"
        " attempt BIGINT NOT NULL, receipt LONGTEXT CHARACTER SET utf8mb4 NOT NULL) ENGINE=InnoDB",
    )
    parts = [replace(column, key=False).declared for column in columns]  # an overwrite may find a null
    parts += [f"{name(tag)} BIGINT NOT NULL" for tag in TAGS]
    parts.append(f"PRIMARY KEY ({', '.join(map(name, TAGS))})")
    execute(
        connection,
        f"CREATE TABLE IF NOT EXISTS {place.staging} ({', '.join(parts)}) ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
    )


def drop(connection: Connection, place: Place) -> None:
    """Drop what this run and stream has, after ending those who still stage there."""
    evict(connection, place)
    execute(connection, f"DROP TABLE IF EXISTS {', '.join(place.all)}")


def others(connection: Connection, place: Place) -> list[Place]:
    """What other runs of the same stream and lineage left behind."""
    rows = execute(
        connection,
        f"SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {literal(place.database)}"
        f" AND TABLE_NAME LIKE {literal(place.pattern)}",
    )
    runs = {row[0].rpartition("_")[2] for row in rows} - {place.run}
    return [place.another(run) for run in sorted(runs)]


# ── slices ───────────────────────────────────────────────────────────────────────────────────────


def mark(connection: Connection, place: Place, receipt: Receipt, attempt: int) -> None:
    """Say in the transaction that loaded a slice that it did. Raises `pymysql.IntegrityError`
    if another attempt has been faster; waits for one that is about to.
    """
    values = (receipt.slice, attempt, json.dumps(receipt.to_json()))
    execute(connection, f"INSERT INTO {place.markers} VALUES ({', '.join(map(literal, values))})")


def receipt_of(connection: Connection, place: Place, slice: str) -> Receipt | None:
    """The receipt of the attempt that loaded the slice; None if there was none."""
    rows = execute(connection, f"SELECT receipt FROM {place.markers} WHERE slice = {literal(slice)}")
    return Receipt.from_json(json.loads(rows[0][0])) if rows else None


def attempts(connection: Connection, place: Place, receipts: Sequence[Receipt]) -> list[int]:
    """The attempts that the receipts' slices were staged by, in the order of the slices.

    Raises `IntegrityError` if one of them is not there.
    """
    found = dict[str, str]()
    if receipts and exists(connection, place.database, place.staging_name):
        rows = execute(connection, f"SELECT CONVERT(slice USING utf8mb4), attempt FROM {place.markers}")
        found = {slice: str(attempt) for slice, attempt in rows}
    wanted = {receipt.slice: str(receipt.detail["attempt"]) for receipt in receipts}
    lost = sorted(slice for slice, attempt in wanted.items() if found.get(slice) != attempt)
    if lost:
        raise IntegrityError(
            "staging.lost",
            f"What was staged of {len(lost)} slices ({', '.join(lost[:3])} …) is no longer there.",
            hint="Somebody dropped or emptied the staging tables: run the flow again.",
        )
    return [int(wanted[slice]) for slice in sorted(wanted)]


def forget(connection: Connection, place: Place, receipts: Sequence[Receipt]) -> None:
    """Take the markers of published slices away, in the transaction that publishes them."""
    if receipts:
        slices = ", ".join(literal(receipt.slice) for receipt in receipts)
        execute(connection, f"DELETE FROM {place.markers} WHERE slice IN ({slices})")
