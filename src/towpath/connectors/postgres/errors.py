"""Translates psycopg's errors into Towpath's: the only place that does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg

from towpath.sdk import (
    AuthError,
    BusyError,
    ConfigError,
    ConflictError,
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
    context: tuple[tuple[str, str], ...] = ()
    retryable: bool | None = None


_LOST = _Kind(UnreachableError, "connection.lost", "The server went away in the middle; it is tried again.")
_REFUSED = _Kind(
    UnreachableError,
    "connection.refused",
    "Check host and port, that the server runs, and that it listens on that address.",
)
_STARTING = _Kind(UnreachableError, "connection.refused", "The server is starting; wait a little.")
_AUTH = _Kind(AuthError, "connection.auth_failed", "Check the user name and the password.")
_PG_HBA = _Kind(
    AuthError,
    "connection.auth_failed",
    "Allow this host, user and database in the server's pg_hba.conf, or change sslmode.",
)
_NO_DATABASE = _Kind(
    ConfigError,
    "database.not_found",
    "Check the name of the database; upper and lower case differ.",
    (("field", "database"),),
)
_TLS = _Kind(
    ConfigError,
    "connection.tls",
    "Check sslmode, the certificates to trust, the server's certificate, and the client's if it wants one.",
    (("field", "sslmode"),),
)
_HOST = _Kind(UnreachableError, "connection.unresolved", "Check the spelling of the host name and the DNS.")
_TIMEOUT = _Kind(
    UnreachableError,
    "connection.timeout",
    "Check host and port, and that no firewall drops packets between here and the server.",
)
_FULL = _Kind(BusyError, "connection.limit", "Raise max_connections, or use fewer parallel slices.")
_DATA = _Kind(DataError, "value.unrepresentable", "Correct the value, or leave the column out.")
_FILTER = _Kind(ConfigError, "filter.invalid", "Compare a column with values of its own type only.")
_MISSING_COLUMN = _Kind(SchemaError, "column.not_found", "Discover the streams again.")
_MISSING_TABLE = _Kind(SchemaError, "stream.not_found", "Discover the streams again.")

#: By SQLSTATE; the longest prefix that is listed wins.
_BY_STATE: dict[str, _Kind] = {
    "08": _LOST,
    "0A000": _Kind(
        SchemaError,
        "operation.unsupported",
        "PostgreSQL cannot do this: read a view that goes another way, or leave it out of the flow.",
    ),
    "22": _DATA,
    "22023": _Kind(InternalError, "postgres.invalid_parameter", "Please report this."),
    "23502": _Kind(DataError, "value.null", "The column takes no nulls: correct the data or the table."),
    "23505": _Kind(
        ConflictError,
        "key.duplicate",
        "Two records have the same key: remove one, or upsert with `primary_key` instead of appending.",
    ),
    "23": _Kind(DataError, "value.constraint", "Correct the data, or the constraint of the table."),
    "25006": _Kind(ResourceError, "server.read_only", "Connect to the primary server, not a replica."),
    "28": _AUTH,
    "3D000": _NO_DATABASE,
    "3F000": _Kind(SchemaError, "schema.not_found", "Create the schema, or correct its name."),
    "40001": _Kind(BusyError, "transaction.conflict", "Another transaction was in the way; try again."),
    "40P01": _Kind(BusyError, "transaction.conflict", "Another transaction was in the way; try again."),
    "42501": _Kind(AuthError, "permission.denied", "Grant the user the right that is missing."),
    "42601": _Kind(InternalError, "postgres.sql", "Please report this."),
    "42703": _MISSING_COLUMN,
    "42804": _FILTER,
    "42883": _FILTER,
    "42846": _FILTER,
    "42P01": _MISSING_TABLE,
    "42P07": _Kind(ConflictError, "stream.exists", "Choose another name, or drop what has it."),
    "53100": _Kind(ResourceError, "disk.full", "Free space on the server's disk."),
    "53200": _Kind(
        ResourceError, "memory.exhausted", "The server has too little memory free.", retryable=True
    ),
    "53300": _FULL,
    "54": _Kind(
        SchemaError,
        "schema.too_large",
        "This is beyond the server's limits: leave columns out with `columns:`.",
    ),
    "55000": _Kind(
        SchemaError,
        "stream.not_ready",
        "Do what the message asks for (REFRESH MATERIALIZED VIEW, for example), then run again.",
    ),
    "55P03": _Kind(BusyError, "lock.timeout", "Another session holds a lock on it; try again later."),
    "57014": _Kind(BusyError, "query.cancelled", "The server stopped it: see its statement_timeout."),
    "57P": _LOST,
    "57P03": _STARTING,
    "58030": _Kind(ResourceError, "disk.error", "The server cannot read or write its disk."),
    "72000": _Kind(UnreachableError, "source.snapshot_lost", "The run is tried again from its plan."),
    "XX001": _Kind(ResourceError, "server.corrupted", "The server's data is damaged: restore it."),
    "XX002": _Kind(ResourceError, "server.corrupted", "The server's index is damaged: REINDEX."),
}

#: A failed connect has no SQLSTATE, only libpq's text; the first text that occurs wins.
_BY_TEXT: tuple[tuple[str, _Kind], ...] = (
    ("password authentication failed", _AUTH),
    ("no password supplied", _AUTH),
    ("authentication failed", _AUTH),
    ("no pg_hba.conf entry", _PG_HBA),
    ("pg_hba.conf rejects", _PG_HBA),
    ('role "', _AUTH),
    ('database "', _NO_DATABASE),
    ("too many clients", _FULL),
    ("too many connections", _FULL),
    ("remaining connection slots", _FULL),
    ("is starting up", _STARTING),
    ("is shutting down", _LOST),
    ("in recovery mode", _STARTING),
    ("certificate", _TLS),
    ("SSL", _TLS),
    ("failed to resolve host", _HOST),
    ("could not translate host name", _HOST),
    ("Name or service not known", _HOST),
    ("timeout expired", _TIMEOUT),
    ("timed out", _TIMEOUT),
    ("Connection refused", _REFUSED),
    ("No such file or directory", _REFUSED),  # of a server's socket
    ("No route to host", _TIMEOUT),
    ("Network is unreachable", _TIMEOUT),
    ("server closed the connection", _LOST),
    ("Connection reset", _LOST),
    ("connection is closed", _LOST),
    ("connection is lost", _LOST),
    ("consuming input failed", _LOST),
    ("could not receive data", _LOST),
    ("could not send data", _LOST),
    ("terminating connection", _LOST),
    ("invalid byte sequence for encoding", _DATA),
)
_UNKNOWN_CONNECTION = _Kind(UnreachableError, "connection.failed", "See the server's own log.")
_UNKNOWN = _Kind(InternalError, "postgres.failed", "See the server's own log.")


def translate(error: Exception, **context: Any) -> TowpathError:
    """The Towpath error that says what a driver's error says.

    ``context`` is what the caller knows of where it happened (``stream``, ``host`` …). The text of a
    driver's error names hosts, users, tables and values, and never a password.
    """
    return translate_state(getattr(error, "sqlstate", None) or "", _text(error), error, **context)


def translate_state(state: str, text: str, cause: Exception | None = None, **context: Any) -> TowpathError:
    """As `translate`, of a SQLSTATE (empty if there is none) and a message."""
    kind = _by_state(state) or _by_text(text) or _otherwise(cause)
    made = kind.error(kind.code, text, hint=kind.hint, retryable=kind.retryable, **dict(kind.context))
    if state:
        made.with_context(sqlstate=state)
    return made.with_context(**context)


def _text(error: Exception) -> str:
    """What the server says without the statement, or the whole of it if it is not the server's."""
    diagnosis = error.diag if isinstance(error, psycopg.Error) else None
    told = [diagnosis.message_primary, diagnosis.message_detail] if diagnosis else []
    text = ". ".join(part for part in told if part) or str(error)
    return " ".join(text.split()) or type(error).__name__


def _by_state(state: str) -> _Kind | None:
    prefixes = (state[:size] for size in range(len(state), 1, -1))
    return next((_BY_STATE[prefix] for prefix in prefixes if prefix in _BY_STATE), None)


def _by_text(text: str) -> _Kind | None:
    return next((kind for part, kind in _BY_TEXT if part in text), None)


def _otherwise(cause: Exception | None) -> _Kind:
    return _UNKNOWN_CONNECTION if isinstance(cause, psycopg.OperationalError) else _UNKNOWN


@contextmanager
def translated(**context: Any) -> Iterator[None]:
    """Within, psycopg's errors come out as Towpath's, knowing ``context``."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(error, **context) from error
