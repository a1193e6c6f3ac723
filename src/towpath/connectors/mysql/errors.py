"""Translates the driver's errors into Towpath's: the only place that does."""

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pymysql

from towpath.sdk import (
    AuthError,
    BusyError,
    ConfigError,
    DataError,
    InternalError,
    ResourceError,
    SchemaError,
    TowpathError,
    UnreachableError,
)


class _Kind(NamedTuple):
    error: Callable[..., TowpathError]
    code: str
    hint: str
    field: str = ""


_LOST = _Kind(UnreachableError, "connection.lost", "The server went away in the middle; it is tried again.")
_REFUSED = _Kind(
    UnreachableError,
    "connection.refused",
    "Check host and port, that the server runs, and that it listens on that address.",
)
_TIMEOUT = _Kind(
    UnreachableError,
    "connection.timeout",
    "Check host and port, and that no firewall drops packets between here and the server.",
)
_UNRESOLVED = _Kind(
    UnreachableError, "connection.unresolved", "Check the spelling of the host name and the DNS."
)
_TLS = _Kind(
    ConfigError,
    "connection.tls",
    "Check tls, the certificates to trust, the server's certificate, and the client's if it wants one.",
    field="tls",
)
_FAILED = _Kind(UnreachableError, "connection.failed", "See the server's own log.")
_NOT_MYSQL = _Kind(
    ConfigError,
    "connection.protocol",
    "Check the port: what answers there does not speak MySQL's protocol as it should.",
    field="port",
)
_AUTH = _Kind(AuthError, "connection.auth_failed", "Check the user name and the password.")
_HOST_NOT_ALLOWED = _Kind(
    AuthError, "connection.auth_failed", "Create the user for the host this connection comes from."
)
_DENIED = _Kind(AuthError, "permission.denied", "Grant the user the right that is missing.")
_NO_DATABASE = _Kind(ConfigError, "database.not_found", "Check the name of the database.", field="database")
_FULL = _Kind(BusyError, "connection.limit", "Raise max_connections, or use fewer connections.")
_NO_STREAM = _Kind(SchemaError, "stream.not_found", "Discover the streams again.")
_NO_COLUMN = _Kind(SchemaError, "column.not_found", "Discover the streams again.")
_BROKEN_VIEW = _Kind(SchemaError, "stream.broken", "Repair the view: what it reads is gone or refused.")
_DISK = _Kind(ResourceError, "disk.full", "Free space on the server's disk, for its temporary files too.")
_LOCK = _Kind(BusyError, "lock.timeout", "Another session holds a lock on it; try again later.")
_CONFLICT = _Kind(BusyError, "transaction.conflict", "Another transaction was in the way; try again.")
_CANCELLED = _Kind(
    BusyError, "query.cancelled", "The server stopped it: see its limits on the time of statements."
)
_ALTERED = _Kind(
    UnreachableError, "source.snapshot_lost", "The table was altered meanwhile; the read starts again."
)
_VALUE = _Kind(DataError, "value.unrepresentable", "Correct the value, or leave the column out.")
_LONG_VALUE = _Kind(DataError, "value.too_large", "Raise max_allowed_packet, or leave the column out.")
_NULL = _Kind(DataError, "value.null", "Let the column of the table be null, or correct the data.")
_CONSTRAINT = _Kind(
    DataError, "value.constraint", "Correct the data, or drop the constraint of the target table."
)
_LONG_NAME = _Kind(SchemaError, "name.too_long", "Names of MySQL have at most 64 characters: choose another.")
_BAD_NAME = _Kind(SchemaError, "name.invalid", "Choose another name: MySQL takes none that ends in a space.")
_TWICE = _Kind(SchemaError, "column.duplicate", "Select one of the columns: to MySQL their names are equal.")
_TOO_WIDE = _Kind(SchemaError, "schema.too_large", "Select fewer columns, or split the stream.")
_NO_PRIMARY_KEY = _Kind(
    SchemaError,
    "schema.incompatible",
    "The server wants a primary key in each table: upsert the stream, or unset sql_require_primary_key.",
)
_READ_ONLY = _Kind(ResourceError, "server.read_only", "Connect to the primary server, not a replica.")
_RACE = _Kind(BusyError, "target.changed", "Somebody made or changed the table meanwhile; try again.")
_UNKNOWN = _Kind(InternalError, "mysql.failed", "See the server's own log.")

#: By the server's error number.
_BY_NUMBER: dict[int, _Kind] = {
    1005: _TOO_WIDE,
    1020: _CONFLICT,
    1040: _FULL,
    1044: _DENIED,
    1045: _AUTH,
    1049: _NO_DATABASE,
    1048: _NULL,
    1050: _RACE,
    1053: _LOST,
    1054: _NO_COLUMN,
    1021: _DISK,
    1059: _LONG_NAME,
    1060: _TWICE,
    1062: _CONSTRAINT,
    1070: _TOO_WIDE,
    1071: _TOO_WIDE,
    1102: _BAD_NAME,
    1103: _BAD_NAME,
    1114: _DISK,
    1117: _TOO_WIDE,
    1118: _TOO_WIDE,
    1129: _HOST_NOT_ALLOWED,
    1130: _HOST_NOT_ALLOWED,
    1142: _DENIED,
    1143: _DENIED,
    1146: _NO_STREAM,
    1153: _LONG_VALUE,
    1158: _LOST,
    1159: _LOST,
    1160: _LOST,
    1161: _LOST,
    1166: _BAD_NAME,
    1203: _FULL,
    1205: _LOCK,
    1213: _CONFLICT,
    1226: _FULL,
    1227: _DENIED,
    1264: _VALUE,
    1265: _VALUE,
    1290: _READ_ONLY,
    1292: _VALUE,
    1317: _CANCELLED,
    1356: _BROKEN_VIEW,
    1366: _VALUE,
    1370: _DENIED,
    1406: _VALUE,
    1411: _VALUE,
    1412: _ALTERED,
    1416: _VALUE,
    1451: _CONSTRAINT,
    1452: _CONSTRAINT,
    1461: _FULL,
    1615: _ALTERED,
    1698: _AUTH,
    1792: _READ_ONLY,
    1820: _AUTH,
    1836: _READ_ONLY,
    1862: _AUTH,
    1927: _LOST,
    1969: _CANCELLED,
    2006: _LOST,
    2012: _TLS,
    2013: _LOST,
    2014: _LOST,
    2026: _TLS,
    2059: _AUTH,
    2061: _AUTH,
    3024: _CANCELLED,
    3058: _CONFLICT,
    3118: _AUTH,
    3140: _VALUE,
    3159: _TLS,
    3750: _NO_PRIMARY_KEY,
    3819: _CONSTRAINT,
    4025: _CONSTRAINT,
    4031: _LOST,
    4151: _AUTH,
}

#: What a failed connect is, by the exception beneath the driver's; the first that fits.
_BY_CAUSE: tuple[tuple[type[BaseException], _Kind], ...] = (
    (ssl.SSLError, _TLS),
    (socket.gaierror, _UNRESOLVED),
    (ConnectionRefusedError, _REFUSED),
    (TimeoutError, _TIMEOUT),
    (ConnectionError, _LOST),
)

_DRIVER_ERRORS = (pymysql.MySQLError, OSError)
#: What the driver raises besides, when a greeting is not what the protocol says.
_GARBAGE = (struct.error, ValueError, IndexError, TypeError, AttributeError, AssertionError)


def translate(error: BaseException, **context: Any) -> TowpathError:
    """The Towpath error that says what an error of the driver or of the socket says.

    The text of a server's message names hosts, users, tables and values, and never a password.
    """
    number, text = _parts(error)
    kind = _kind(error, number, text)
    made = kind.error(kind.code, text, hint=kind.hint, **({"field": kind.field} if kind.field else {}))
    if number:
        made.with_context(errno=number)
    return made.with_context(**context)


@contextmanager
def translated(*, greeting: bool = False, **context: Any) -> Iterator[None]:
    """Whatever the driver raises inside leaves as a `TowpathError` with this context.

    ``greeting`` while it is not yet known that the other side speaks the protocol at all.
    """
    try:
        yield
    except TowpathError as error:
        error.with_context(**context)
        raise
    except _DRIVER_ERRORS as error:
        raise translate(error, **context) from error
    except _GARBAGE as error:
        if not greeting:
            raise
        raise translate(error, **context) from error


def _parts(error: BaseException) -> tuple[int, str]:
    """The server's error number, 0 if there is none, and its text on one line."""
    first = error.args[0] if error.args else 0
    numbered = isinstance(error, pymysql.MySQLError) and isinstance(first, int)
    text = error.args[1] if numbered and len(error.args) > 1 else error
    return (first if numbered else 0), " ".join(str(text).split()) or type(error).__name__


def _kind(error: BaseException, number: int, text: str) -> _Kind:
    beneath = getattr(error, "original_exception", error)
    cause = next((kind for type, kind in _BY_CAUSE if isinstance(beneath, type)), None)
    if cause is not None:
        return cause
    if "timed out" in text:
        return _TIMEOUT
    if number in _BY_NUMBER:
        return _BY_NUMBER[number]
    if isinstance(beneath, OSError):
        return _FAILED
    if not number:
        return _NOT_MYSQL
    return _UNKNOWN
