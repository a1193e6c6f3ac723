"""Towpath's own database: tables, repositories, units of work, migrations. Imports core only."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import URL, Connection

from towpath.core.repositories import Store
from towpath.store import migrations
from towpath.store.engine import MIGRATING, READ_ONLY, make_engine, parse_url
from towpath.store.errors import translated
from towpath.store.turn import Turn
from towpath.store.unit import SqlUnitOfWork

__all__ = ["SqlStore", "open_store"]


def open_store(url: str) -> Store:
    """The store at ``sqlite:////folder/towpath.sqlite`` or ``postgresql://user@host/database``.

    Nothing is opened before the first unit of work. One object serves any number of threads, and any number
    of processes may have their own. Raises `ConfigError` for any other URL.
    """
    return SqlStore(parse_url(url))


class SqlStore:
    """A store in SQLite or PostgreSQL."""

    def __init__(self, url: URL) -> None:
        self._engine = make_engine(url)
        self._name = url.render_as_string(hide_password=True)
        self._file = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
        self._turn = Turn()

    @contextmanager
    def begin(self) -> Iterator[SqlUnitOfWork]:
        with self._writing() as connection:
            yield SqlUnitOfWork(connection)

    @contextmanager
    def read(self) -> Iterator[SqlUnitOfWork]:
        with translated(self._name, reading=True), self._engine.connect() as connection:
            yield SqlUnitOfWork(_reading(connection))

    def migrate(self) -> None:
        if self._file is not None:
            _make_private(self._file)
        with self._writing(MIGRATING) as connection:
            migrations.upgrade(connection)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _writing(self, *options: str) -> Iterator[Connection]:
        turn: AbstractContextManager[None] = nullcontext() if self._file is None else self._turn()
        with turn, translated(self._name), self._engine.connect() as connection:
            connection.execution_options(**dict.fromkeys(options, True))
            with connection.begin():
                yield connection


def _reading(connection: Connection) -> Connection:
    if connection.dialect.name == "sqlite":
        return connection.execution_options(**{READ_ONLY: True})
    return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _make_private(file: Path) -> None:
    """Create the file for its owner only; the files that SQLite puts beside it take its mode."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        return  # it is there already, or SQLite says better what is wrong
