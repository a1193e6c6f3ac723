"""Opens PyMySQL connections: the only place that does."""

import socket
import ssl
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.constants import CLIENT
from pymysql.converters import encoders

from towpath.connectors.mysql.config import MySQLConfig, Tls
from towpath.connectors.mysql.errors import translated
from towpath.sdk import ConfigError, pem

if TYPE_CHECKING:
    Connection = pymysql.Connection[Any]
else:
    Connection = pymysql.Connection

#: Seconds in which a slow reader of ours may take nothing before the server gives up on it; and
#: in which it may ask for nothing while it holds a snapshot.
_PATIENCE = 3600

#: Of every session: timestamps come in UTC, text in UTF-8, and literals mean the same on any server.
_SESSION = (
    "SET SESSION time_zone = '+00:00', sql_mode = '', lock_wait_timeout = 60,"
    f" net_write_timeout = {_PATIENCE}, wait_timeout = {8 * _PATIENCE}"
    # Only MariaDB knows these, and only MariaDB reads such a comment.
    "/*M!100300 , idle_transaction_timeout = 0, idle_readonly_transaction_timeout = 0 */"
)
_REPEATABLE = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
#: Of sessions that write: what a column cannot hold is an error and no warning, 0 is not "the next number",
#: what others stage at the same time is not waited for, and a slow source may keep us waiting.
_WRITING = (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO',"
    f" net_read_timeout = {_PATIENCE}"
    "/*M!100300 , idle_write_transaction_timeout = 0, max_statement_time = 0 */"
)
_COMMITTED = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"

#: For parameters only: rows are left as the server's text.
_CONVERT: Any = dict(encoders)

#: A peer that vanishes without a word is noticed within about a minute.
_KEEPALIVE = (
    ("TCP_KEEPIDLE", 20),
    ("TCP_KEEPINTVL", 10),
    ("TCP_KEEPCNT", 3),
    ("TCP_USER_TIMEOUT", 60_000),
)


def connect(config: MySQLConfig, *, timeout: int = 10, writes: bool = False) -> Connection:
    """A new connection, its session set up, committing each statement. The caller closes it.

    ``timeout`` is the seconds for each step of connecting; afterwards a silent server is waited for
    as long as its machine answers. ``writes`` for sessions of destinations.
    Raises `UnreachableError`, `AuthError` or `ConfigError`.
    """
    where: dict[str, Any] = {"host": config.host, "port": config.port, "database": config.database}
    with translated(greeting=True, **where):
        connection = _login(config, timeout, CLIENT.LOCAL_FILES if writes else 0)
    with translated(**where):
        try:
            for statement in (_SESSION, *((_WRITING, _COMMITTED) if writes else (_REPEATABLE,))):
                execute(connection, statement)
            _be_patient(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def _login(config: MySQLConfig, timeout: int, flags: int) -> Connection:
    """``flags`` of the protocol. The driver's own way to send files stays off: a server could ask for any."""
    return pymysql.connect(
        host=config.host,
        port=config.port,
        user=config.username,
        # As bytes: the driver would encode text as Latin-1, and the server expects UTF-8.
        password=config.password.get_secret_value().encode(),
        database=config.database,
        charset="utf8mb4",
        conv=_CONVERT,
        autocommit=True,
        client_flag=flags,
        connect_timeout=timeout,
        read_timeout=timeout,
        program_name="towpath",
        **_tls(config),
    )


def _tls(config: MySQLConfig) -> dict[str, Any]:
    """What the driver calls the mode; with nothing said it prefers TLS and asks for no certificate."""
    if config.tls is Tls.DISABLE:
        return {"ssl_disabled": True}
    if config.tls is Tls.PREFER:
        return {}
    context = _trust(config.tls_ca, pem.tidy(config.ca_certificate))
    context.check_hostname = config.tls is Tls.VERIFY
    if config.tls is Tls.REQUIRE:
        context.verify_mode = ssl.CERT_NONE
    if config.client_certificate:
        _identify(context, config)
    return {"ssl": context}


def _identify(context: ssl.SSLContext, config: MySQLConfig) -> None:
    """Show the server who we are, if it asks."""
    texts = {"certificate": config.client_certificate, "key": config.client_key.get_secret_value()}
    try:
        with pem.files(texts) as paths:
            context.load_cert_chain(paths["certificate"], paths["key"])
    except OSError as error:
        raise ConfigError(
            "connection.tls",
            "The client certificate and its key do not fit together, or cannot be read.",
            hint="Give the certificate and the private key that it was made for, both in PEM form.",
            field="client_certificate",
        ) from error


def _trust(file: str, text: str) -> ssl.SSLContext:
    """Trusts what the file or the text holds; with neither of them, what the system trusts."""
    try:
        context = ssl.create_default_context(cafile=file or None, cadata=text or None)
    except OSError as error:
        what = repr(file) if file else "the text"
        raise ConfigError(
            "connection.tls",
            f"The CA certificates cannot be read from {what}: {error.strerror or error}.",
            hint="Give certificates in PEM format, or name a readable file of them.",
            field="tls_ca" if file else "ca_certificate",
        ) from error
    # Servers make themselves certificates that the strict profile refuses for want of an extension.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _be_patient(connection: Connection) -> None:
    """From now on wait without limit: a big sort may take the server an hour before its first row."""
    connection._read_timeout = None  # type: ignore[attr-defined]  # noqa: SLF001 - it has no public name
    stream = plug(connection)
    stream.settimeout(None)
    for name, value in _KEEPALIVE:
        option = getattr(socket, name, None)
        if option is not None:
            stream.setsockopt(socket.IPPROTO_TCP, option, value)


def plug(connection: Connection) -> socket.socket:
    """The socket beneath, which speaks TLS where the connection does. Raises if it is closed."""
    stream: socket.socket | None = connection._sock  # type: ignore[attr-defined]  # noqa: SLF001 - as above
    if stream is None:
        raise pymysql.OperationalError(2006, "The connection is closed")
    return stream


def execute(connection: Connection, sql: str) -> tuple[tuple[Any, ...], ...]:
    """Run one small statement; the rows as the server's text (bytes where binary), None for null."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return tuple(cursor.fetchall())


def text(connection: Connection, value: str) -> str:
    """The value as a quoted literal."""
    return str(connection.escape(value))
