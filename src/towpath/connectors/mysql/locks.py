"""Locks by name, which the server frees when a session ends however it ends."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pymysql

from towpath.connectors.mysql.connection import Connection, execute
from towpath.connectors.mysql.place import Place
from towpath.sdk import BusyError

#: Seconds to wait for the commit of a process that died or hangs.
_PATIENCE = 900
#: Writers of one stream that can be told apart; those beyond are not ended, but waited for.
_WRITERS = 128


@contextmanager
def line_lock(connection: Connection, place: Place) -> Iterator[None]:
    """Until its end nobody else prepares, commits or discards this stream. Raises `BusyError`."""
    if execute(connection, f"SELECT GET_LOCK('{place.lock}', {_PATIENCE})") != (("1",),):
        raise BusyError(
            "lock.timeout",
            f"Another process has been publishing to {place.table} for {_PATIENCE} s.",
            hint="Try again later; if its process is gone, end its session on the server.",
        )
    try:
        yield
    finally:
        with suppress(pymysql.MySQLError):  # the session is gone, and the lock with it
            execute(connection, f"SELECT RELEASE_LOCK('{place.lock}')")


def sign_in(connection: Connection, place: Place) -> str | None:
    """Let others know that this session stages; returns the lock to release, None if there are too many."""
    for number in range(_WRITERS):
        lock = place.writer_lock(number)
        if execute(connection, f"SELECT GET_LOCK('{lock}', 0)") == (("1",),):
            return lock
    return None


def sign_out(connection: Connection, lock: str) -> None:
    execute(connection, f"SELECT RELEASE_LOCK('{lock}')")


def evict(connection: Connection, place: Place) -> None:
    """End sessions of ours that still stage: attempts that were replaced or given up."""
    holders = ", ".join(f"IS_USED_LOCK('{place.writer_lock(number)}')" for number in range(_WRITERS))
    for session in execute(connection, f"SELECT {holders}")[0]:
        if session is not None:
            with suppress(pymysql.MySQLError):  # it has just ended
                execute(connection, f"KILL {session}")
