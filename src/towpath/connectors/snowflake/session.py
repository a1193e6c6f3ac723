"""Sessions with Snowflake: the only place that opens them and runs statements."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import snowflake.connector
from snowflake.connector import SnowflakeConnection, errors

from towpath.connectors.snowflake.config import SnowflakeConfig, der
from towpath.connectors.snowflake.errors import translated
from towpath.connectors.snowflake.names import identifier
from towpath.sdk.sql import quote

_LOGIN = 30
_NETWORK = 900
#: Seconds to wait for another commit's lock.
_LOCK = 600
_PARAMETERS = {
    "TIMEZONE": "UTC",
    "TIMESTAMP_INPUT_FORMAT": "AUTO",
    "TIME_INPUT_FORMAT": "AUTO",
    "DATE_INPUT_FORMAT": "AUTO",
    "QUERY_TAG": "towpath",
    "LOCK_TIMEOUT": _LOCK,
    "CLIENT_TELEMETRY_ENABLED": False,
    "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False,
}


class Session:
    """One connection. Statements outside of `transaction` commit by themselves, and so does all DDL."""

    def __init__(self, connection: SnowflakeConnection) -> None:
        self._connection = connection
        self._scope = ""

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of the statement."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def changed(self, sql: str) -> int:
        """How many rows the statement changed."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.rowcount or 0

    def use(self, scope: str) -> None:
        """Make the (quoted) schema the current one: stages of tables are named within it."""
        if self._scope != scope:
            self.run(f"USE SCHEMA {scope}")
            self._scope = scope

    def forget_schema(self) -> None:
        """The current schema is not known any more: CREATE SCHEMA changes it."""
        self._scope = ""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits at the end, rolls back after an error. No DDL within: it would commit."""
        self.run("BEGIN TRANSACTION")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            with suppress(errors.Error):  # the error that ended the transaction is the one to tell
                self.run("ROLLBACK")
            raise

    def close(self) -> None:
        with suppress(errors.Error):
            self._connection.close()


def connect(config: SnowflakeConfig) -> Session:
    """A new session. Raises `AuthError`, `UnreachableError` or `ConfigError`."""
    given: dict[str, Any] = {
        "account": config.account,
        "user": config.username,
        "warehouse": config.warehouse or None,
        "role": config.role or None,
        "database": quote(identifier(config.database)),
        "host": config.host or None,
        "port": config.port,
        "protocol": config.protocol.value,
    }
    with translated():
        return Session(
            snowflake.connector.connect(
                **{name: value for name, value in given.items() if value is not None},
                **_credentials(config),
                application="Towpath",
                login_timeout=_LOGIN,
                network_timeout=_NETWORK,
                session_parameters=dict(_PARAMETERS),
            )
        )


def _credentials(config: SnowflakeConfig) -> dict[str, Any]:
    key = der(config.private_key.get_secret_value())
    if not key:
        return {"password": config.password.get_secret_value()}
    phrase = config.private_key_passphrase.get_secret_value()
    return {"private_key": key, "private_key_passphrase": phrase.encode() or None}
