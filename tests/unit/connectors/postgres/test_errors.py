"""Driver errors become Towpath's: the right class, a code, a hint, and whether to try again."""

import psycopg
import pytest

from towpath.connectors.postgres.errors import translate, translate_state, translated
from towpath.sdk import TowpathError


@pytest.mark.parametrize(
    ("state", "kind", "code", "retryable"),
    [
        ("08006", "UnreachableError", "connection.lost", True),
        ("57P01", "UnreachableError", "connection.lost", True),
        ("57P02", "UnreachableError", "connection.lost", True),
        ("57P03", "UnreachableError", "connection.refused", True),
        ("28P01", "AuthError", "connection.auth_failed", False),
        ("3D000", "ConfigError", "database.not_found", False),
        ("42501", "AuthError", "permission.denied", False),
        ("42P01", "SchemaError", "stream.not_found", False),
        ("42703", "SchemaError", "column.not_found", False),
        ("42883", "ConfigError", "filter.invalid", False),
        ("53100", "ResourceError", "disk.full", False),
        ("53200", "ResourceError", "memory.exhausted", True),
        ("53300", "BusyError", "connection.limit", True),
        ("55P03", "BusyError", "lock.timeout", True),
        ("40P01", "BusyError", "transaction.conflict", True),
        ("40001", "BusyError", "transaction.conflict", True),
        ("25006", "ResourceError", "server.read_only", False),
        ("57014", "BusyError", "query.cancelled", True),
        ("72000", "UnreachableError", "source.snapshot_lost", True),
        ("0A000", "SchemaError", "operation.unsupported", False),
        ("55000", "SchemaError", "stream.not_ready", False),
        ("22003", "DataError", "value.unrepresentable", False),
        ("23505", "ConflictError", "key.duplicate", False),
        ("23514", "DataError", "value.constraint", False),
        ("ZZ999", "InternalError", "postgres.failed", False),
    ],
)
def test_by_state(state: str, kind: str, code: str, retryable: bool) -> None:
    error = translate_state(state, "what the server said", None, stream="public.t")
    assert (type(error).__name__, error.code, error.retryable) == (kind, code, retryable)
    assert error.hint
    assert error.context["sqlstate"] == state
    assert error.context["stream"] == "public.t"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('FATAL:  password authentication failed for user "x"', "connection.auth_failed"),
        ("fe_sendauth: no password supplied", "connection.auth_failed"),
        ('FATAL:  no pg_hba.conf entry for host "1.2.3.4"', "connection.auth_failed"),
        ('FATAL:  role "x" does not exist', "connection.auth_failed"),
        ('FATAL:  database "x" does not exist', "database.not_found"),
        ("FATAL:  sorry, too many clients already", "connection.limit"),
        ("FATAL:  the database system is starting up", "connection.refused"),
        ("FATAL:  the database system is in recovery mode", "connection.refused"),
        ("FATAL:  the database system is shutting down", "connection.lost"),
        ("server does not support SSL, but SSL was required", "connection.tls"),
        ("SSL error: certificate verify failed", "connection.tls"),
        ("failed to resolve host 'x': Name or service not known", "connection.unresolved"),
        ("connection timeout expired", "connection.timeout"),
        ("connection to server failed: Connection refused", "connection.refused"),
        ("server closed the connection unexpectedly", "connection.lost"),
        ("something new", "connection.failed"),
    ],
)
def test_a_failed_connect_has_only_text(text: str, code: str) -> None:
    assert translate(psycopg.OperationalError(text)).code == code


def test_within_a_block() -> None:
    with pytest.raises(TowpathError) as caught, translated(stream="public.t"):
        raise psycopg.errors.UndefinedTable('relation "t" does not exist')
    assert caught.value.code == "stream.not_found"
    assert isinstance(caught.value.__cause__, psycopg.errors.UndefinedTable)
    assert caught.value.context["stream"] == "public.t"


def test_other_errors_pass() -> None:
    with pytest.raises(KeyError), translated():
        raise KeyError
