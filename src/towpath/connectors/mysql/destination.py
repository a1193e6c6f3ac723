"""Writes to MySQL and MariaDB: slices stage in the server, one commit publishes them with the checkpoint."""

import logging
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Self

import pymysql

from towpath.connectors.mysql import catalog, checkpoints, publish, staging
from towpath.connectors.mysql import table as tables
from towpath.connectors.mysql.catalog import OWN
from towpath.connectors.mysql.columns import columns_of, key_of
from towpath.connectors.mysql.config import MySQLConfig
from towpath.connectors.mysql.connection import Connection, connect, execute
from towpath.connectors.mysql.dialect import Dialect
from towpath.connectors.mysql.errors import translated
from towpath.connectors.mysql.evolve import Shape, evolved, is_replaceable, is_same
from towpath.connectors.mysql.locks import evict, line_lock
from towpath.connectors.mysql.place import Place, check_name, literal
from towpath.connectors.mysql.publish import Publication
from towpath.connectors.mysql.query import name
from towpath.connectors.mysql.table import Table
from towpath.connectors.mysql.writer import SliceWriter
from towpath.sdk import Checkpoint, Receipt, SchemaError, Slice, Target, WriteMode
from towpath.sdk.targets import check_key, check_names, check_unpartitioned

_log = logging.getLogger("towpath.connectors.mysql")
_CHECK_SECONDS = 3


class MySQLDestination:
    """A `Destination`. Every writer has a connection of its own; connections are used again."""

    def __init__(self, config: MySQLConfig) -> None:
        self._config = config
        self._idle: list[Connection] = []
        self._known: Dialect | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._idle:
            with suppress(pymysql.MySQLError, OSError):
                self._idle.pop().close()

    # ── connections ──────────────────────────────────────────────────────────────────────────────

    def _take(self) -> Connection:
        return self._idle.pop() if self._idle else connect(self._config, writes=True)

    @contextmanager
    def _session(self, target: Target) -> Iterator[Connection]:
        """A connection; after an error it is not used again."""
        with translated(stream=target.stream, target=target.name):
            connection = self._take()
            try:
                yield connection
            except BaseException:
                with suppress(pymysql.MySQLError, OSError):
                    connection.close()
                raise
            self._idle.append(connection)

    def _dialect(self, connection: Connection) -> Dialect:
        self._known = self._known or Dialect.of(connection)
        return self._known

    def _place(self, target: Target) -> Place:
        return Place.of(target, self._config.database)

    # ── Destination ──────────────────────────────────────────────────────────────────────────────

    def check(self) -> str:
        connection = connect(self._config, timeout=_CHECK_SECONDS, writes=True)
        try:
            with translated():
                _try_to_write(connection, self._config.database)
                return catalog.version(connection)
        finally:
            connection.close()

    def prepare(self, target: Target) -> None:
        _validate(target)
        place = self._place(target)
        with self._session(target) as connection:
            dialect = self._dialect(connection)
            _make_database(connection, place)
            with line_lock(connection, place):
                checkpoints.create(connection, place)
                checkpoints.settle(connection, place)
                for other in staging.others(connection, place):
                    staging.drop(connection, other)
                table, shape = _shape(connection, place, target, dialect)
                if shape is None or table is None:
                    shape = Shape(columns_of(target, dialect))
                    publish.make(
                        connection, place, target, shape.columns
                    )  # the server says whether it can be
                staging.create(connection, place, shape.columns)
                _try_insert(connection, place, table, shape)
        for column in shape.columns:
            if column.note:
                _log.warning("%s: column %r: %s", target.stream, column.name, column.note)

    def writer(self, target: Target, slice: Slice) -> SliceWriter:
        place = self._place(target)
        with self._session(target) as connection:
            dialect = self._dialect(connection)
            _, shape = _shape(connection, place, target, dialect)
            columns = shape.columns if shape else columns_of(target, dialect)
            if not staging.exists(connection, place.database, place.staging_name):
                with line_lock(connection, place):  # the commit before this one used it up
                    staging.create(connection, place, columns)
        return SliceWriter(self._take(), dialect, place, target, columns, slice, self._idle.append)

    def commit(self, target: Target, receipts: Sequence[Receipt], checkpoint: Checkpoint) -> None:
        place = self._place(target)
        with self._session(target) as connection, line_lock(connection, place):
            checkpoints.create(connection, place)
            checkpoints.settle(connection, place)
            last = checkpoints.read(connection, place)
            if last is not None and last.run == checkpoint.run and last.number >= checkpoint.number:
                return
            evict(connection, place)
            table, shape = _shape(connection, place, target, self._dialect(connection))
            columns = shape.columns if shape else columns_of(target, self._dialect(connection))
            act = Publication(connection, place, target, columns, receipts, checkpoint)
            if not receipts and target.mode is not WriteMode.OVERWRITE:
                act.remember()
            elif shape is not None:
                act.in_place(shape.clauses)
            else:
                act.by_renaming(replaces=table is not None)

    def committed(self, target: Target) -> Checkpoint | None:
        with self._session(target) as connection:
            return checkpoints.read(connection, self._place(target))

    def discard(self, target: Target) -> None:
        place = self._place(target)
        with self._session(target) as connection:
            evict(connection, place)
            with line_lock(connection, place):
                checkpoints.settle(connection, place)
                if _has_database(connection, place):
                    staging.drop(connection, place)


def _validate(target: Target) -> None:
    check_key(target)
    check_unpartitioned(target, "MySQL")
    if not target.schema.names:
        raise SchemaError("schema.empty", "The stream has no columns.", hint="Select at least one column.")
    check_name(target.name, "table")
    if target.namespace is not None:
        check_name(target.namespace, "database")
    for column in target.schema.names:
        check_name(column, "column")
    check_names(target, "MySQL")


def _has_database(connection: Connection, place: Place) -> bool:
    sql = f"SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {literal(place.database)}"
    return bool(execute(connection, sql))


def _make_database(connection: Connection, place: Place) -> None:
    if not _has_database(connection, place):
        execute(connection, f"CREATE DATABASE IF NOT EXISTS {name(place.database)} CHARACTER SET utf8mb4")


def _shape(
    connection: Connection, place: Place, target: Target, dialect: Dialect
) -> tuple[Table | None, Shape | None]:
    """The target that is there, and how it is written where it stays; None for what a new table replaces.

    Raises `SchemaError` ``schema.incompatible``.
    """
    table = tables.read(connection, place, dialect)
    if table is None:
        return None, None
    wanted = columns_of(target, dialect)
    if target.mode is not WriteMode.OVERWRITE:
        return table, evolved(table, target, place, wanted, dialect)
    if is_replaceable(table, key_of(target)):
        return table, None
    if is_same(table, wanted):
        return table, Shape(wanted)
    raise SchemaError(
        "schema.incompatible",
        f"{place.table} has {table.attached or 'indexes'} of its own, which would be lost with its columns.",
        hint="Give the table the stream's columns, drop what it has besides, or write to another target.",
        stream=target.stream,
    )


def _try_insert(connection: Connection, place: Place, table: Table | None, shape: Shape) -> None:
    """Ask for the rights that the commit will need, without a row."""
    if table is None:
        return
    there = [column.name for column in shape.columns if column.name.lower() in table.columns]
    names = ", ".join(map(name, there))
    if names:
        execute(
            connection, f"INSERT INTO {place.table} ({names}) SELECT {names} FROM {place.staging} WHERE 1 = 0"
        )


def _try_to_write(connection: Connection, database: str) -> None:
    """Make a table, write to it, rename and drop it. Raises what the server says to it."""
    first, second = (name(database, f"{OWN}check_{secrets.token_hex(8)}") for _ in range(2))
    execute(connection, f"CREATE TABLE {first} (id INT PRIMARY KEY) ENGINE=InnoDB")
    here = first
    try:
        execute(connection, f"INSERT INTO {first} VALUES (1)")
        execute(connection, f"ALTER TABLE {first} ADD COLUMN a INT NULL")
        execute(connection, f"RENAME TABLE {first} TO {second}")
        here = second
    finally:
        with suppress(pymysql.MySQLError):
            execute(connection, f"DROP TABLE {here}")
