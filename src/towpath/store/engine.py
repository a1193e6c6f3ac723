"""Connections to the two databases, with every setting that the promises of the store rest on."""

import sqlite3
import time
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from towpath.core.errors import ConfigError

#: How long a lock is waited for, in seconds, before `BusyError`.
LOCK_TIMEOUT = 30.0

#: Execution option of connections that only read.
READ_ONLY = "towpath_read_only"

#: Execution option of connections that change the tables.
MIGRATING = "towpath_migrating"

#: What a connection of SQLite's was last set to: for reading, for migrating.
_MODE = "towpath_mode"


def parse_url(url: str) -> URL:
    """Raises `ConfigError` for anything but the two databases."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise _bad_url("it is not a database URL") from None
    kind = parsed.get_backend_name()
    if kind in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise _bad_url(f"{kind!r} is not a database that towpath can live in")
    if not parsed.database or parsed.database == ":memory:":
        raise _bad_url("it names no file")
    return parsed.set(drivername="sqlite")


def _bad_url(why: str) -> ConfigError:
    return ConfigError(
        "config.invalid",
        f"The URL of the store cannot be used: {why}.",
        hint="Write sqlite:////folder/towpath.sqlite or postgresql://user@host/database.",
        field="TOWPATH_DATABASE_URL",
    )


def make_engine(url: URL) -> Engine:
    """Opens nothing yet."""
    return _sqlite(url) if url.get_backend_name() == "sqlite" else _postgres(url)


def _sqlite(url: URL) -> Engine:
    engine = create_engine(
        url, pool_size=8, max_overflow=-1, connect_args={"timeout": LOCK_TIMEOUT}, hide_parameters=True
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin as we say, in `_begin_sqlite`
    _use_wal(connection)
    # FULL: a unit of work that has ended survives a power cut, as it does on PostgreSQL. An audit row, a
    # saved state or a shredded secret that comes undone would break a promise; the price is one fsync.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # Deleted secrets are overwritten, not only unlinked.
    connection.execute("PRAGMA secure_delete = ON")


def _use_wal(connection: sqlite3.Connection) -> None:
    """The switch to WAL, done once in a file's life, does not wait for locks by itself."""
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    """Writers take the lock at once: a later upgrade could fail after half of the work."""
    options, info = connection.get_execution_options(), connection.connection.info
    reading, migrating = bool(options.get(READ_ONLY)), bool(options.get(MIGRATING))
    if info.get(_MODE) != (reading, migrating):
        connection.exec_driver_sql(f"PRAGMA query_only = {int(reading)}")
        # A table is changed by making it anew; for a moment, what refers to it would refer to nothing.
        connection.exec_driver_sql(f"PRAGMA foreign_keys = {int(not migrating)}")
        info[_MODE] = (reading, migrating)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _postgres(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=24,
        pool_timeout=LOCK_TIMEOUT,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": 10,
            "keepalives_idle": 30,
            "application_name": "towpath",
        },
    )
    event.listen(engine, "connect", _prepare_postgres)
    return engine


def _prepare_postgres(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {int(LOCK_TIMEOUT * 1000)}")
        # A worker that hangs in the middle of a unit must not hold its locks for longer than it takes the
        # others to notice that it hangs.
        cursor.execute("SET idle_in_transaction_session_timeout = 10000")
    connection.commit()
