"""Every error of the driver becomes one that says what to do."""

import socket
import ssl
import struct

import pymysql
import pytest

from towpath.connectors.mysql.errors import translate, translated
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


def failed_connect(cause: OSError) -> pymysql.OperationalError:
    error = pymysql.OperationalError(2003, f"Can't connect to MySQL server on 'h' ({cause})")
    error.original_exception = cause  # type: ignore[attr-defined] # as the driver does
    return error


@pytest.mark.parametrize(
    ("error", "kind", "code", "retryable"),
    [
        (pymysql.OperationalError(1045, "Access denied"), AuthError, "connection.auth_failed", False),
        (pymysql.OperationalError(1044, "Access denied"), AuthError, "permission.denied", False),
        (pymysql.OperationalError(1049, "Unknown database"), ConfigError, "database.not_found", False),
        (pymysql.OperationalError(1040, "Too many connections"), BusyError, "connection.limit", True),
        (pymysql.OperationalError(2006, "gone away"), UnreachableError, "connection.lost", True),
        (pymysql.OperationalError(2013, "Lost (timed out)"), UnreachableError, "connection.timeout", True),
        (pymysql.OperationalError(1927, "killed"), UnreachableError, "connection.lost", True),
        (pymysql.ProgrammingError(1146, "no table"), SchemaError, "stream.not_found", False),
        (pymysql.OperationalError(1054, "no column"), SchemaError, "column.not_found", False),
        (pymysql.OperationalError(1142, "denied"), AuthError, "permission.denied", False),
        (pymysql.OperationalError(1205, "Lock wait timeout"), BusyError, "lock.timeout", True),
        (pymysql.OperationalError(1412, "definition"), UnreachableError, "source.snapshot_lost", True),
        (pymysql.OperationalError(1356, "View"), SchemaError, "stream.broken", False),
        (pymysql.OperationalError(1114, "full"), ResourceError, "disk.full", False),
        (pymysql.OperationalError(3024, "time"), BusyError, "query.cancelled", True),
        (pymysql.OperationalError(1290, "read-only"), ResourceError, "server.read_only", False),
        (pymysql.OperationalError(1118, "Row size"), SchemaError, "schema.too_large", False),
        (pymysql.OperationalError(3750, "primary key"), SchemaError, "schema.incompatible", False),
        (pymysql.OperationalError(3058, "Deadlock"), BusyError, "transaction.conflict", True),
        (pymysql.OperationalError(1050, "exists"), BusyError, "target.changed", True),
        (pymysql.IntegrityError(1452, "child row"), DataError, "value.constraint", False),
        (pymysql.DataError(1366, "Incorrect string"), DataError, "value.unrepresentable", False),
        (pymysql.OperationalError(9999, "what?"), InternalError, "mysql.failed", False),
        (failed_connect(ConnectionRefusedError(111, "no")), UnreachableError, "connection.refused", True),
        (failed_connect(socket.gaierror(-2, "no")), UnreachableError, "connection.unresolved", True),
        (failed_connect(TimeoutError("timed out")), UnreachableError, "connection.timeout", True),
        (failed_connect(ssl.SSLError(1, "no")), ConfigError, "connection.tls", False),
        (failed_connect(OSError(113, "No route")), UnreachableError, "connection.failed", True),
        (ConnectionResetError(104, "reset"), UnreachableError, "connection.lost", True),
        (struct.error("unpack requires a buffer"), ConfigError, "connection.protocol", False),
    ],
)
def test_errors_are_told_apart(error: Exception, kind: type, code: str, retryable: bool) -> None:
    made = translate(error, stream="d.t")
    assert (type(made), made.code, made.retryable) == (kind, code, retryable)
    assert made.hint
    assert made.context["stream"] == "d.t"


def test_numbers_of_the_server_are_kept() -> None:
    assert translate(pymysql.OperationalError(1045, "x")).context["errno"] == 1045


def test_errors_of_our_own_pass_and_learn_where() -> None:
    with pytest.raises(SchemaError) as caught, translated(stream="d.t"):
        raise SchemaError("a.b", "text")
    assert caught.value.context == {"stream": "d.t"}


def test_defects_are_not_taken_for_the_servers() -> None:
    with pytest.raises(ValueError, match="ours"), translated():
        raise ValueError("ours")
    with pytest.raises(TowpathError), translated(greeting=True):
        raise ValueError("not a greeting")
