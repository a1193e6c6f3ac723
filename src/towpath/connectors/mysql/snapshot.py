"""Connections that see one and the same state of the database, whatever others write meanwhile."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pymysql

from towpath.connectors.mysql.config import MySQLConfig
from towpath.connectors.mysql.connection import Connection, connect, execute

_log = logging.getLogger("towpath.connectors.mysql")

_BEGIN = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
#: Seconds to wait for the moment without writes; everybody who writes waits with us.
_LOCK_SECONDS = 3


@contextmanager
def connected(config: MySQLConfig, timeout: int = 10) -> Iterator[Connection]:
    """One connection, closed at the end; ``timeout`` as `connect` has it."""
    connection = connect(config, timeout=timeout)
    try:
        yield connection
    finally:
        _close(connection)


@contextmanager
def snapshot(config: MySQLConfig, connections: int = 1) -> Iterator[Sequence[Connection]]:
    """So many connections in one snapshot; only one where the server does not let us make them agree."""
    with ExitStack() as stack:
        opened = [_opened(config, stack) for _ in range(connections)]
        if connections > 1 and _stop_writes(opened[0]):
            try:
                _begin(opened)
            finally:
                execute(opened[0], "UNLOCK TABLES")
        else:
            opened = opened[:1]
            _begin(opened)
        yield opened


def _opened(config: MySQLConfig, stack: ExitStack) -> Connection:
    connection = connect(config)
    stack.callback(_close, connection)
    return connection


def _close(connection: Connection) -> None:
    if connection.open:
        connection.close()


def _begin(connections: Sequence[Connection]) -> None:
    for connection in connections:
        execute(connection, _BEGIN)


def _stop_writes(connection: Connection) -> bool:
    """Hold all commits for as long as it takes the others to begin: they then begin with the same state."""
    try:
        execute(connection, f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}")
        execute(connection, "FLUSH TABLES WITH READ LOCK")
    except (pymysql.OperationalError, pymysql.InternalError) as error:
        _log.warning("reads with one connection, for it cannot make several agree: %s", error.args[-1])
        return False
    return True
