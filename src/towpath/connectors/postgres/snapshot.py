"""Transactions that see the database at one moment, and share that moment with other connections."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from towpath.connectors.postgres.catalog import Relation
from towpath.connectors.postgres.config import PostgresConfig
from towpath.connectors.postgres.connection import connect
from towpath.connectors.postgres.errors import translate
from towpath.sdk import UnreachableError

_BEGIN = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

#: An advisory lock that only says of its holder: this transaction is ours, and writes nothing.
READER = (1_953_460_072, 1)
BE_READER = f"SELECT pg_catalog.pg_advisory_xact_lock_shared({READER[0]}, {READER[1]})"

#: The relation, its partitions and the tables that inherit from it; those whose rows were written anew after
#: the snapshot was taken (TRUNCATE, ALTER TABLE) look empty in it.
_REWRITTEN = """
WITH RECURSIVE family (oid) AS (
    SELECT %s::oid UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN family f ON i.inhparent = f.oid)
SELECT count(*) FROM family f JOIN pg_catalog.pg_class c ON c.oid = f.oid
WHERE c.relkind IN ('r', 'm') AND c.relfilenode <> 0
  AND c.relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(c.oid)
"""


class Snapshot:
    """An open transaction of its own connection, which holds the moment for as long as it is open."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._id: str | None = None

    @property
    def id(self) -> str:
        """What other connections can import while this one stays open. Call it outside of savepoints."""
        if self._id is None:
            [(self._id,)] = self.connection.execute("SELECT pg_catalog.pg_export_snapshot()").fetchall()
        return str(self._id)

    @property
    def alive(self) -> bool:
        return not self.connection.closed and not self.connection.broken

    def close(self) -> None:
        self.connection.close()

    def hold(self, relation: Relation) -> None:
        """Keep the relation as it is until the snapshot is closed: it can be written to, but neither
        truncated, altered nor dropped. Raises a retryable error if that has happened already.
        """
        with self.connection.transaction():
            self.connection.execute(f"SELECT FROM {relation.sql} LIMIT 0")
            [(rewritten,)] = self.connection.execute(_REWRITTEN, [relation.oid]).fetchall()
        if rewritten:
            raise lost(f"{relation.sql} was truncated or rewritten while the run began")


def take(config: PostgresConfig) -> Snapshot:
    """A snapshot of now."""
    snapshot = _begun(config)
    try:
        snapshot.connection.execute(BE_READER)  # the first query: the snapshot is taken here
    except psycopg.Error as error:
        snapshot.close()
        raise translate(error) from error
    return snapshot


def join(config: PostgresConfig, id: str) -> Snapshot:
    """A transaction that sees what the one with the exported snapshot ``id`` sees.

    Raises a retryable `UnreachableError` ``source.snapshot_lost`` if that one has ended.
    """
    snapshot = _begun(config)
    try:
        # Not a parameter: SET takes none. The id is of digits, capitals and dashes.
        literal = psycopg.sql.Literal(id).as_string(snapshot.connection)
        snapshot.connection.execute(f"SET TRANSACTION SNAPSHOT {literal}".encode())
        snapshot.connection.execute(BE_READER)
    except psycopg.Error as error:
        snapshot.close()
        known = translate(error)
        raise known if known.code == "connection.lost" else lost(known.message) from error
    return snapshot


def _begun(config: PostgresConfig) -> Snapshot:
    connection = connect(config)
    try:
        connection.execute(_BEGIN)
    except psycopg.Error as error:
        connection.close()
        raise translate(error) from error
    return Snapshot(connection)


def lost(why: str) -> UnreachableError:
    return UnreachableError(
        "source.snapshot_lost",
        f"The snapshot that the run began with cannot be read any more: {why}.",
        hint="The run is planned and read again from its beginning.",
    )


@contextmanager
def opened(config: PostgresConfig, id: str | None) -> Iterator[Snapshot]:
    """The snapshot ``id``, or a new one if it is None; closed at the end."""
    snapshot = take(config) if id is None else join(config, id)
    try:
        yield snapshot
    finally:
        snapshot.close()
