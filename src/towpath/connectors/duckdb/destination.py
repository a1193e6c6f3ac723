"""Writes a DuckDB file: slices stage beside it, one transaction publishes them with the checkpoint."""

import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from towpath.connectors.duckdb import catalog
from towpath.connectors.duckdb.catalog import OWN
from towpath.connectors.duckdb.config import DuckdbConfig
from towpath.connectors.duckdb.connection import opened, run, transaction
from towpath.connectors.duckdb.table import TablePlan, namespace, plan_table, table_name
from towpath.connectors.duckdb.types import is_cast, plain
from towpath.sdk import (
    Checkpoint,
    ConfigError,
    Receipt,
    ResourceError,
    Slice,
    Target,
    TowpathError,
    WriteMode,
    Writer,
)
from towpath.sdk.rejects import Fault
from towpath.sdk.spool import Spool
from towpath.sdk.sql import quote
from towpath.sdk.targets import check_key, check_unpartitioned

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Seconds to wait for the commits of other streams and flows into the same file.
_PATIENCE = 900
_CHECKPOINTS = f"{OWN}checkpoints"
_STAGED, _PLACE = f"{OWN}staged", f"{OWN}place"
_NANOS = 1000
_log = logging.getLogger("towpath.connectors.duckdb")


class DuckdbDestination:
    """Opens the file for each act and lets go of it after: only one process at a time can have it open."""

    def __init__(self, config: DuckdbConfig) -> None:
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
        if self._config.path.exists():
            with self._opened(read_only=False):
                pass
        return f"DuckDB {duckdb.__version__}"

    def prepare(self, target: Target) -> None:
        check_key(target)
        check_unpartitioned(target, "DuckDB")
        self._check_writable()
        if self._config.path.exists():
            with self._opened(read_only=True) as connection:
                plan_table(connection, target)
        else:
            with duckdb.connect() as connection:
                plan_table(connection, target)
        self._spool.prepare(target)
        for field in target.schema:
            if is_cast(field.type):
                _log.warning("%s: %r (%s) is written as text", target.name, field.name, field.type)

    def writer(self, target: Target, slice: Slice) -> Writer:
        return self._spool.writer(target, slice, _faults)

    def commit(self, target: Target, receipts: Sequence[Receipt], checkpoint: Checkpoint) -> None:
        with self._opened(read_only=False) as connection, transaction(connection):
            last = _remembered(connection, target)
            if last and last.run == checkpoint.run and last.number >= checkpoint.number:
                return
            if receipts or target.mode is WriteMode.OVERWRITE:
                plan = plan_table(connection, target)
                for statement in plan.statements:
                    run(connection, statement)
                _load(connection, target, plan, self._spool.read(target, receipts))
            _remember(connection, target, checkpoint)

    def committed(self, target: Target) -> Checkpoint | None:
        if not self._config.path.exists():
            return None
        with self._opened(read_only=True) as connection:
            return _remembered(connection, target)

    def discard(self, target: Target) -> None:
        self._spool.discard(target)

    @contextmanager
    def _opened(self, *, read_only: bool) -> "Iterator[DuckDBPyConnection]":
        """Long patience with our own commits, which end by themselves; little with other programs."""
        with self._spool.lock(_PATIENCE), opened(self._config, read_only=read_only) as connection:
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


def _faults(batch: pa.RecordBatch) -> Iterator[Fault]:
    """DuckDB's intervals count microseconds: records with finer ones cannot be held."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        fine = None
        if column.type == pa.duration("ns"):
            ticks = column.view(pa.int64())
            fine = pc.not_equal(ticks, pc.multiply(pc.divide(ticks, _NANOS), _NANOS))
        elif column.type == pa.month_day_nano_interval():
            fine = pa.array([bool(value and value[2] % _NANOS) for value in column.to_pylist()])
        if fine is not None and pc.any(fine).as_py():
            yield Fault(fine, "value.unrepresentable", f"DuckDB cannot hold the nanoseconds in {name!r}.")


def _checkpoints(target: Target) -> str:
    return f"{quote(namespace(target))}.{_CHECKPOINTS}"


def _remembered(connection: "DuckDBPyConnection", target: Target) -> Checkpoint | None:
    if not catalog.columns(connection, namespace(target), _CHECKPOINTS):
        return None
    query = f"SELECT run, number, state FROM {_checkpoints(target)} WHERE lineage = ? AND stream = ?"
    found = run(connection, query, [target.lineage, target.stream])
    return Checkpoint(found[0][0], found[0][1], json.loads(found[0][2])) if found else None


def _remember(connection: "DuckDBPyConnection", target: Target, checkpoint: Checkpoint) -> None:
    table = _checkpoints(target)
    run(connection, f"CREATE SCHEMA IF NOT EXISTS {quote(namespace(target))}")
    run(
        connection,
        f"CREATE TABLE IF NOT EXISTS {table} "
        "(lineage VARCHAR, stream VARCHAR, run VARCHAR, number BIGINT, state VARCHAR)",
    )
    run(connection, f"DELETE FROM {table} WHERE lineage = ? AND stream = ?", [target.lineage, target.stream])
    state = json.dumps(checkpoint.to_json()["state"])
    row = [target.lineage, target.stream, checkpoint.run, checkpoint.number, state]
    run(connection, f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?)", row)


def _load(
    connection: "DuckDBPyConnection", target: Target, plan: TablePlan, batches: Iterable[pa.RecordBatch]
) -> None:
    """Insert the staged rows, by an Arrow stream that DuckDB pulls; in an upsert over a temporary table."""
    failures = list[TowpathError]()
    columns = ", ".join(quote(name) for name, _ in plan.columns)
    values = ", ".join(
        f"CAST(c{place} AS {type}) AS {quote(name)}" for place, (name, type) in enumerate(plan.columns)
    )
    load = f"INSERT INTO {table_name(target)} ({columns}) SELECT {values}"
    if target.mode is WriteMode.UPSERT:
        load = f"CREATE TEMP TABLE {OWN}upsert AS SELECT {values}, {_PLACE}"
    connection.register(_STAGED, _reader(target.schema, batches, failures))
    try:
        run(connection, f"{load} FROM {_STAGED}")
    except duckdb.Error:
        if failures:  # DuckDB tells that its input failed, and not how
            raise failures[0] from None
        raise
    connection.unregister(_STAGED)
    if target.mode is WriteMode.UPSERT:
        _upsert(connection, target, plan, columns)


def _upsert(connection: "DuckDBPyConnection", target: Target, plan: TablePlan, columns: str) -> None:
    """Of the staged rows the last of each key replaces the target's."""
    table, names = table_name(target), [name for name, _ in plan.columns]
    keys = [quote(names[target.schema.get_field_index(name)]) for name in target.primary_key]
    same = " AND ".join(f"{table}.{key} = staged.{key}" for key in keys)
    run(connection, f"DELETE FROM {table} USING {OWN}upsert AS staged WHERE {same}")
    run(
        connection,
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {OWN}upsert "
        f"QUALIFY row_number() OVER (PARTITION BY {', '.join(keys)} ORDER BY {_PLACE} DESC) = 1",
    )
    run(connection, f"DROP TABLE {OWN}upsert")


def _reader(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], failures: list[TowpathError]
) -> pa.RecordBatchReader:
    """The batches with columns ``c0``, ``c1`` … in types that DuckDB takes, and the place of each row.

    An error of reading them is added to ``failures``.
    """
    fields = [pa.field(f"c{place}", plain(field.type)) for place, field in enumerate(schema)]
    made = pa.schema([*fields, pa.field(_PLACE, pa.int64())])

    def numbered() -> Iterator[pa.RecordBatch]:
        start = 0
        try:
            for batch in batches:
                columns = [
                    column.cast(field.type) if column.type != field.type else column
                    for column, field in zip(batch.columns, fields, strict=True)
                ]
                places = pa.arange(start, start + batch.num_rows)
                start += batch.num_rows
                yield pa.record_batch([*columns, places], schema=made)
        except TowpathError as error:
            failures.append(error)
            raise

    return pa.RecordBatchReader.from_batches(made, numbered())
