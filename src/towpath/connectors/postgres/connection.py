"""Opens psycopg connections: the only place that does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from towpath.connectors.postgres.config import PostgresConfig, SslMode
from towpath.connectors.postgres.errors import translated
from towpath.sdk import pem

#: Of every session, so that values read as text and text read as values mean the same on any server,
#: and no session of ours waits for a lock for ever or is ended while it holds a snapshot.
SESSION = (
    "SET datestyle = 'ISO, YMD'",
    "SET intervalstyle = 'postgres'",
    "SET timezone = 'UTC'",
    "SET bytea_output = 'hex'",
    "SET extra_float_digits = 1",
    "SET lc_monetary = 'C'",
    "SET xmloption = 'content'",
    "SET standard_conforming_strings = on",
    "SET lock_timeout = '60s'",
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
)
#: The first version with a limit for whole transactions.
_TRANSACTION_TIMEOUT = 170_000


@contextmanager
def parameters(config: PostgresConfig, *, timeout: int = 10) -> Iterator[dict[str, Any]]:
    """What libpq needs to connect, within the block; the password included: never log it.

    ``timeout`` is the seconds to wait for each address of the host. A peer that vanishes without a word
    is noticed within about a minute.
    """
    found: dict[str, Any] = {
        "host": config.host,
        "port": config.port,
        "dbname": config.database,
        "user": config.username,
        "password": config.password.get_secret_value(),
        "sslmode": str(config.sslmode),
        "connect_timeout": timeout,
        "application_name": "towpath",
        "client_encoding": "UTF8",
        "keepalives": 1,
        "keepalives_idle": 20,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
        "gssencmode": "disable",
    }
    texts = {"sslcert": config.client_certificate, "sslkey": config.client_key.get_secret_value()}
    if config.sslmode in (SslMode.VERIFY_CA, SslMode.VERIFY_FULL):
        found["sslrootcert"] = config.sslrootcert or "system"
        texts["sslrootcert"] = config.ca_certificate
    with pem.files(texts) as paths:
        yield found | paths


def connect(config: PostgresConfig, *, autocommit: bool = True, timeout: int = 10) -> psycopg.Connection:
    """A new connection, its session set up. The caller closes it.

    Raises `UnreachableError`, `AuthError` or `ConfigError` with host, port and database.
    """
    where = {"host": config.host, "port": config.port, "database": config.database}
    with translated(**where):
        with parameters(config, timeout=timeout) as found:
            connection = psycopg.connect(**found, autocommit=True)
        try:
            connection.execute("; ".join(SESSION).encode())
            if connection.info.server_version >= _TRANSACTION_TIMEOUT:
                connection.execute("SET transaction_timeout = 0")
            connection.autocommit = autocommit
        except BaseException:
            connection.close()
            raise
    return connection
