"""Writes to PostgreSQL: staged by binary COPY, published in one transaction together with the checkpoint."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Self

import psycopg

from towpath.connectors.postgres import checkpoints, evolve, native, publish
from towpath.connectors.postgres import shape as shapes
from towpath.connectors.postgres import staging as stagings
from towpath.connectors.postgres.columns import Column, check_name, columns_of
from towpath.connectors.postgres.config import PostgresConfig
from towpath.connectors.postgres.connection import connect
from towpath.connectors.postgres.errors import translated
from towpath.connectors.postgres.rows import Rows
from towpath.connectors.postgres.shape import Shape
from towpath.connectors.postgres.staging import Staging
from towpath.connectors.postgres.writer import SliceWriter
from towpath.sdk import (
    AuthError,
    Checkpoint,
    Receipt,
    ResourceError,
    Slice,
    Target,
    WriteMode,
)
from towpath.sdk.sql import quote
from towpath.sdk.targets import check_key, check_unpartitioned

_log = logging.getLogger("towpath.connectors.postgres")
_CHECK_SECONDS = 3
_RIGHTS = {
    WriteMode.APPEND: "INSERT",
    WriteMode.OVERWRITE: "INSERT, DELETE",
    WriteMode.UPSERT: "INSERT, UPDATE, SELECT",
}


class PostgresDestination:
    """A `Destination`. Every writer has a connection of its own; connections are used again."""

    def __init__(self, config: PostgresConfig) -> None:
        self._config = config
        self._idle: list[psycopg.Connection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._idle:
            with suppress(psycopg.Error):
                self._idle.pop().close()

    # ── connections ──────────────────────────────────────────────────────────────────────────────

    def _take(self) -> psycopg.Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and not connection.broken:
                return connection
        return _connect(self._config)

    @contextmanager
    def _session(self, target: Target | None = None) -> Iterator[psycopg.Connection]:
        """A connection within one transaction."""
        context = {} if target is None else {"stream": target.stream, "target": target.name}
        connection = self._take()
        try:
            with translated(**context), connection.transaction():
                yield connection
        finally:
            self._idle.append(connection)

    # ── Destination ──────────────────────────────────────────────────────────────────────────────

    def check(self) -> str:
        with connect(self._config, timeout=_CHECK_SECONDS) as connection, translated():
            version, read_only, may_create = connection.execute(
                "SELECT current_setting('server_version'), pg_is_in_recovery()"
                " OR current_setting('transaction_read_only')::bool,"
                " has_database_privilege(current_database(), 'CREATE')"
                " OR coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)"
            ).fetchall()[0]
        if read_only:
            raise ResourceError(
                "server.read_only",
                f"{self._config.host}:{self._config.port} takes no writes.",
                hint="Connect to the primary server, not a replica.",
            )
        if not may_create:
            raise AuthError(
                "permission.denied",
                f"The user {self._config.username!r} may create no tables in {self._config.database!r}.",
                hint="GRANT CREATE ON SCHEMA or ON DATABASE to the user.",
            )
        return f"PostgreSQL {version.split()[0]}"

    def prepare(self, target: Target) -> None:
        _validate(target)
        with self._session(target) as connection:
            namespace = _namespace(connection, target)
            _create_schema(connection, namespace)
            staging = Staging.of(target, namespace)
            others = stagings.others(connection, staging)
            for other in others:
                stagings.evict(connection, other)
            stagings.lock_line(connection, staging)
            columns = _columns(connection, target)
            shape = shapes.read(connection, namespace, target.name)
            logged = _verify(connection, target, columns, shape)
            for other in others:
                stagings.drop(connection, other)
            stagings.create(connection, staging, target, columns, logged=logged)
            checkpoints.create(connection, namespace)
            _tell_casts(
                target, columns, native.missing(target.schema, native.look_up(connection, target.schema))
            )

    def writer(self, target: Target, slice: Slice) -> SliceWriter:
        with self._session(target) as connection:
            namespace = _namespace(connection, target)
            staging = Staging.of(target, namespace)
            columns = _columns(connection, target)
            if not stagings.exists(connection, staging.table):  # the commit before this one used it up
                stagings.lock_line(connection, staging)
                stagings.create(connection, staging, target, columns, logged=False)
        rows = Rows(columns, target.schema, numbered=staging.ordered)
        names = [column.name for column in columns]
        return SliceWriter(self._take(), staging, rows, names, slice, self._idle.append)

    def commit(self, target: Target, receipts: Sequence[Receipt], checkpoint: Checkpoint) -> None:
        with self._session(target) as connection:
            namespace = _namespace(connection, target)
            staging = Staging.of(target, namespace)
            stagings.lock_line(connection, staging)
            last = checkpoints.read(connection, namespace, target)
            if last is not None and last.run == checkpoint.run and last.number >= checkpoint.number:
                return
            columns = _columns(connection, target)
            if receipts or target.mode is WriteMode.OVERWRITE:
                _seal(connection, target, staging, columns, receipts)
                publish.publish(connection, target, staging, columns)
            checkpoints.create(connection, namespace)
            checkpoints.write(connection, namespace, target, checkpoint)

    def committed(self, target: Target) -> Checkpoint | None:
        with self._session(target) as connection:
            return checkpoints.read(connection, _namespace(connection, target), target)

    def discard(self, target: Target) -> None:
        with self._session(target) as connection:
            staging = Staging.of(target, _namespace(connection, target))
            stagings.evict(connection, staging)
            stagings.lock_line(connection, staging)
            stagings.drop(connection, staging)


def _connect(config: PostgresConfig) -> psycopg.Connection:
    connection = connect(config)
    # Tables come and go under the same names: no plan of ours is worth keeping.
    connection.prepare_threshold = None
    with suppress(psycopg.Error):  # older servers, and those that cannot
        # When our process is killed, a long statement of its commit ends with it.
        connection.execute("SET client_connection_check_interval = '2s'")
    return connection


def _validate(target: Target) -> None:
    check_name(target.name, "table")
    if target.namespace is not None:
        check_name(target.namespace, "schema")
    check_key(target)
    check_unpartitioned(target, "PostgreSQL")


def _namespace(connection: psycopg.Connection, target: Target) -> str:
    """The schema to write to: the target's own, or the first of the session's search path."""
    if target.namespace is not None:
        return target.namespace
    rows = connection.execute("SELECT coalesce(current_schema(), 'public')").fetchall()
    return str(rows[0][0])


def _create_schema(connection: psycopg.Connection, namespace: str) -> None:
    row = connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", [namespace]).fetchone()
    if row is None:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(namespace)}")


def _columns(connection: psycopg.Connection, target: Target) -> tuple[Column, ...]:
    natives = native.look_up(connection, target.schema)
    key = target.primary_key if target.mode is WriteMode.UPSERT else ()
    return columns_of(target.schema, natives, key)


def _verify(
    connection: psycopg.Connection, target: Target, columns: Sequence[Column], shape: Shape | None
) -> bool:
    """Raise what would make the commit fail; returns whether staging is likely to become the target."""
    if shape is None:
        return True
    if target.mode is WriteMode.OVERWRITE and publish.swappable(connection, target, shape):
        return True
    evolve.changes(shape, target, columns)
    rights = _RIGHTS[target.mode]
    row = connection.execute(
        "SELECT bool_and(has_table_privilege(%s::oid, trim(r))) FROM unnest(string_to_array(%s, ',')) AS r",
        [shape.oid, rights],
    ).fetchone()
    if not (row and row[0]):
        raise AuthError(
            "permission.denied",
            f"The user may not write to {shape.table}: {target.mode} needs {rights}.",
            hint=f"GRANT {rights} ON {shape.table} to the user.",
        )
    return False


def _tell_casts(target: Target, columns: Sequence[Column], unknown: dict[str, str]) -> None:
    for column in columns:
        if column.note:
            _log.warning("%s: column %r: %s", target.stream, column.name, column.note)
    for name, type in unknown.items():
        _log.warning("%s: column %r: there is no type %s here", target.stream, name, type)


def _seal(
    connection: psycopg.Connection,
    target: Target,
    staging: Staging,
    columns: Sequence[Column],
    receipts: Sequence[Receipt],
) -> None:
    """From here on the staging holds exactly what the receipts name, and nobody adds to it."""
    if not receipts:
        stagings.create(connection, staging, target, columns, logged=True)
    if stagings.exists(connection, staging.table):
        stagings.evict(connection, staging)
        connection.execute(f"LOCK TABLE {staging.table} IN ACCESS EXCLUSIVE MODE")
    stagings.keep_only(connection, staging, [receipt.slice for receipt in receipts])
