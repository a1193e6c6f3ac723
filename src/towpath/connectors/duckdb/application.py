"""DuckDB in the records lane."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from towpath.connectors.duckdb.config import DuckdbConfig
from towpath.connectors.duckdb.connection import opened
from towpath.connectors.duckdb.errors import translate
from towpath.connectors.duckdb.source import DuckdbSource
from towpath.sdk import TowpathError
from towpath.sdk.sqlapp import Dialect, SqlApplication, on_conflict

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def application(config: DuckdbConfig) -> SqlApplication:
    def translated(error: Exception) -> TowpathError | None:
        return translate(error, config.path) if isinstance(error, duckdb.Error) else None

    return SqlApplication(
        Dialect(
            check=lambda: DuckdbSource(config).check(),
            connected=lambda: opened(config, read_only=False),
            streamed=_streamed,
            translate=translated,
            upsert=on_conflict,
            placeholder="?",
        )
    )


@contextmanager
def _streamed(connection: "DuckDBPyConnection", sql: str) -> Iterator[Any]:
    cursor = connection.cursor()
    try:
        cursor.execute(sql)
        yield cursor
    finally:
        cursor.close()
