"""PostgreSQL in the records lane."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from towpath.connectors.postgres.config import PostgresConfig
from towpath.connectors.postgres.connection import connect
from towpath.connectors.postgres.errors import translate
from towpath.connectors.postgres.source import PostgresSource
from towpath.sdk import TowpathError
from towpath.sdk.sqlapp import Dialect, SqlApplication, on_conflict


def application(config: PostgresConfig) -> SqlApplication:
    return SqlApplication(
        Dialect(
            check=lambda: PostgresSource(config).check(),
            connected=lambda: connect(config),
            streamed=_streamed,
            translate=_translate,
            upsert=on_conflict,
            bind=_as_text,
        )
    )


@contextmanager
def _streamed(connection: psycopg.Connection, sql: str) -> Iterator[Any]:
    with connection.transaction(), connection.cursor(name="towpath") as cursor:
        cursor.execute(sql.encode())
        yield cursor


def _translate(error: Exception) -> TowpathError | None:
    return translate(error) if isinstance(error, psycopg.Error) else None


def _as_text(value: Any) -> Any:
    """Text without a type: the server reads it as whatever the column is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None else str(value)
