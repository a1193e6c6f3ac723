"""SQLite in the records lane."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from towpath.connectors.sqlite.config import SqliteConfig
from towpath.connectors.sqlite.connection import changing
from towpath.connectors.sqlite.errors import translate
from towpath.connectors.sqlite.source import SqliteSource
from towpath.sdk import TowpathError
from towpath.sdk.sqlapp import Dialect, SqlApplication, on_conflict


def application(config: SqliteConfig) -> SqlApplication:
    def translated(error: Exception) -> TowpathError | None:
        return translate(error, config.path) if isinstance(error, sqlite3.Error) else None

    return SqlApplication(
        Dialect(
            check=lambda: SqliteSource(config).check(),
            connected=lambda: changing(config),
            streamed=_streamed,
            translate=translated,
            upsert=on_conflict,
            placeholder="?",
        )
    )


@contextmanager
def _streamed(connection: sqlite3.Connection, sql: str) -> Iterator[Any]:
    with closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        yield cursor
