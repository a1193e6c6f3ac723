"""MySQL and MariaDB in the records lane."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.converters import decoders
from pymysql.cursors import SSCursor

from towpath.connectors.mysql.config import MySQLConfig
from towpath.connectors.mysql.connection import connect, execute
from towpath.connectors.mysql.errors import translate
from towpath.connectors.mysql.source import MySQLSource
from towpath.sdk import TowpathError
from towpath.sdk.sql import quote
from towpath.sdk.sqlapp import Dialect, SqlApplication

#: Templates make standard literals, in which a backslash is a letter like any other.
_LITERALS = "SET SESSION sql_mode = CONCAT_WS(',', NULLIF(@@sql_mode, ''), 'NO_BACKSLASH_ESCAPES')"


def application(config: MySQLConfig) -> SqlApplication:
    return SqlApplication(
        Dialect(
            check=lambda: MySQLSource(config).check(),
            connected=lambda: _connected(config),
            streamed=_streamed,
            translate=_translate,
            upsert=_upsert,
            mark="`",
        )
    )


@contextmanager
def _connected(config: MySQLConfig) -> Iterator[Connection]:
    with closing(connect(config, writes=True)) as connection:
        execute(connection, _LITERALS)
        connection.decoders = dict(decoders)  # sources read rows as text
        yield connection


@contextmanager
def _streamed(connection: Any, sql: str) -> Iterator[Any]:
    cursor = connection.cursor(SSCursor)
    try:
        cursor.execute(sql)
        yield cursor
    finally:
        # Closing any of them would read all the rows that nobody wants: they are told that there are none.
        connection._force_close()  # noqa: SLF001 - the only way that does not wait for the server
        if cursor._result is not None:  # noqa: SLF001 - as above
            cursor._result.unbuffered_active = False  # noqa: SLF001 - as above
        cursor.connection = None


def _translate(error: Exception) -> TowpathError | None:
    return translate(error) if isinstance(error, pymysql.MySQLError | OSError) else None


def _upsert(columns: Sequence[str], keys: Sequence[str]) -> str:
    """The table's own unique keys decide which rows are the same."""
    names = [quote(name, "`") for name in columns if name not in keys] or [quote(keys[0], "`")]
    return f"ON DUPLICATE KEY UPDATE {', '.join(f'{name} = VALUES({name})' for name in names)}"
