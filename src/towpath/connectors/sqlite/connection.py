"""Opens SQLite files: the only place that does."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from towpath.connectors.sqlite.config import SqliteConfig
from towpath.connectors.sqlite.errors import translated
from towpath.sdk import ConfigError


@contextmanager
def reading(config: SqliteConfig) -> Iterator[sqlite3.Connection]:
    """A read-only connection. The file must exist: ``path.not_found``."""
    path = config.path
    with translated(path), closing(_open_to_read(path, config.busy_timeout)) as connection:
        yield connection


def _open_to_read(path: Path, timeout: float) -> sqlite3.Connection:
    connection = _connect(path, "mode=ro", timeout)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        # A database in WAL mode needs its -shm file; in a folder that nobody may write, and without
        # a WAL that would be overlooked, the file cannot change: it can be read as it is.
        if os.access(path.parent, os.W_OK) or Path(f"{path}-wal").exists() or not path.exists():
            raise
        return _connect(path, "mode=ro&immutable=1", timeout)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def writing(config: SqliteConfig) -> Iterator[sqlite3.Connection]:
    """One write transaction: committed at the end, rolled back after an error. Makes the file if need be."""
    path = config.path
    with translated(path), closing(_connect(path, "mode=rwc", config.busy_timeout)) as connection:
        # Readers go on while we write. Where the file system cannot do it, SQLite stays as it was.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def changing(config: SqliteConfig) -> Iterator[sqlite3.Connection]:
    """A connection that commits each statement. The file must exist: ``path.not_found``."""
    path = config.path
    with translated(path), closing(_connect(path, "mode=rw", config.busy_timeout)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield connection


def _connect(path: Path, mode: str, timeout: float) -> sqlite3.Connection:
    if path.is_dir():
        raise ConfigError(
            "path.not_a_database", f"{path} is a folder.", hint="Name the database file in it.", field="path"
        )
    address = f"file:{quote(str(path.absolute()))}?{mode}"
    return sqlite3.connect(address, timeout=timeout, isolation_level=None, uri=True, cached_statements=16)
