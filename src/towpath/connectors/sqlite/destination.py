"""Writes a SQLite file: slices stage beside it, one transaction publishes them with the checkpoint."""

import json
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from towpath.connectors.sqlite.catalog import MARK, OWN
from towpath.connectors.sqlite.config import SqliteConfig
from towpath.connectors.sqlite.connection import reading, writing
from towpath.connectors.sqlite.encode import encode, faults
from towpath.connectors.sqlite.table import TablePlan, plan_table
from towpath.connectors.sqlite.types import is_json
from towpath.sdk import (
    Checkpoint,
    ConfigError,
    Receipt,
    ResourceError,
    Slice,
    Target,
    WriteMode,
    Writer,
)
from towpath.sdk.spool import Spool
from towpath.sdk.sql import quote
from towpath.sdk.targets import check_key, check_unpartitioned

#: Seconds to wait for the commits of other streams and flows into the same file.
_PATIENCE = 900
_CHECKPOINTS = f"{OWN}checkpoints"
_CREATE = (
    f"CREATE TABLE IF NOT EXISTS {_CHECKPOINTS} (lineage TEXT, stream TEXT, run TEXT NOT NULL, "
    "number INTEGER NOT NULL, state TEXT, PRIMARY KEY (lineage, stream)) WITHOUT ROWID"
)
_log = logging.getLogger("towpath.connectors.sqlite")


class SqliteDestination:
    """Opens the file for each act and lets go of it after; only `commit` writes to it."""

    def __init__(self, config: SqliteConfig) -> None:
        self._config = config
        self._spool = Spool(config.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def check(self) -> str:
        self._check_writable()
        for connection in self._if_there():
            connection.execute("SELECT count(*) FROM sqlite_schema")
        return f"SQLite {sqlite3.sqlite_version}"

    def prepare(self, target: Target) -> None:
        _check_target(target)
        self._check_writable()
        plan_table(None, target)
        for connection in self._if_there():
            plan_table(connection, target)
        self._spool.prepare(target)
        for field in target.schema:
            if is_json(field.type) and field.type != pa.json_():
                _log.warning("%s: %r (%s) is written as JSON text", target.name, field.name, field.type)

    def writer(self, target: Target, slice: Slice) -> Writer:
        return self._spool.writer(target, slice, faults)

    def commit(self, target: Target, receipts: Sequence[Receipt], checkpoint: Checkpoint) -> None:
        with self._spool.lock(_PATIENCE), writing(self._config) as connection:
            connection.execute(_CREATE)
            if _is_done(_remembered(connection, target), checkpoint):
                return
            if receipts or target.mode is WriteMode.OVERWRITE:
                plan = plan_table(connection, target)
                for statement in plan.statements:
                    connection.execute(statement)
                _load(connection, target, plan, self._spool.read(target, receipts))
            _remember(connection, target, checkpoint)

    def committed(self, target: Target) -> Checkpoint | None:
        for connection in self._if_there():
            known = "SELECT 1 FROM sqlite_schema WHERE name = ?"
            if connection.execute(known, (_CHECKPOINTS,)).fetchone():
                return _remembered(connection, target)
        return None

    def discard(self, target: Target) -> None:
        self._spool.discard(target)

    def _if_there(self) -> Iterator[sqlite3.Connection]:
        """A read connection, if there is a file."""
        if self._config.path.exists():
            with reading(self._config) as connection:
                yield connection

    def _check_writable(self) -> None:
        path = self._config.path
        if not path.parent.is_dir():
            raise ConfigError(
                "path.not_a_folder" if path.parent.exists() else "path.not_found",
                f"There is no folder {path.parent} to keep the database in.",
                hint="Make the folder, or correct the path.",
                field="path",
            )
        needed = [path.parent, *([path] if path.exists() else [])]
        if not all(os.access(one, os.W_OK) for one in needed):
            raise ResourceError(
                "path.read_only",
                f"{path} or its folder cannot be written.",
                hint="Give the user that runs Towpath the right to write both.",
                path=str(path),
            )


def _check_target(target: Target) -> None:
    if target.namespace not in (None, "", "main"):
        raise ConfigError(
            "namespace.unsupported",
            f"SQLite has no schemas: {target.namespace!r} cannot be written to.",
            hint="Leave the namespace empty.",
            field="namespace",
        )
    check_key(target)
    check_unpartitioned(target, "SQLite")


def _is_done(last: Checkpoint | None, checkpoint: Checkpoint) -> bool:
    return last is not None and last.run == checkpoint.run and last.number >= checkpoint.number


def _remembered(connection: sqlite3.Connection, target: Target) -> Checkpoint | None:
    query = f"SELECT run, number, state FROM {_CHECKPOINTS} WHERE lineage = ? AND stream = ?"
    found = connection.execute(query, (target.lineage, target.stream)).fetchone()
    return Checkpoint(found[0], found[1], json.loads(found[2])) if found else None


def _remember(connection: sqlite3.Connection, target: Target, checkpoint: Checkpoint) -> None:
    state = json.dumps(checkpoint.to_json()["state"])
    row = (target.lineage, target.stream, checkpoint.run, checkpoint.number, state)
    connection.execute(f"INSERT OR REPLACE INTO {_CHECKPOINTS} VALUES (?, ?, ?, ?, ?)", row)


def _load(
    connection: sqlite3.Connection, target: Target, plan: TablePlan, batches: Iterable[pa.RecordBatch]
) -> None:
    table, names = quote(target.name), [quote(name) for name in plan.schema.names]
    insert = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    places = [target.schema.get_field_index(name) for name in target.primary_key]
    keys = [f"{quote(plan.schema.field(place).name, MARK)} = ?" for place in places]
    delete = f"DELETE FROM {table} WHERE {' AND '.join(keys)}"
    for batch in batches:
        columns = [
            encode(column.cast(field.type) if column.type != field.type else column, field.name)
            for column, field in zip(batch.columns, plan.schema, strict=True)
        ]
        rows = list(zip(*columns, strict=True))
        if target.mode is WriteMode.UPSERT:
            last = _last_of_each_key(rows, places)
            connection.executemany(delete, last)
            rows = list(last.values())
        connection.executemany(insert, rows)


def _last_of_each_key(
    rows: list[tuple[Any, ...]], places: list[int]
) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {tuple(row[place] for place in places): row for row in rows}
