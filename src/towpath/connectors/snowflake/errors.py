"""Translates the errors of Snowflake's client into Towpath's: the only place that does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from snowflake.connector import errors

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
    retryable: bool | None = None


_AUTH = _Kind(AuthError, "connection.auth_failed", "Check user name, password or key, and role.")
_DENIED = _Kind(AuthError, "permission.denied", "GRANT the role the right that is missing.")
_UNREACHABLE = _Kind(
    UnreachableError, "connection.refused", "Check the account's identifier, the host and the network."
)
_LOST = _Kind(UnreachableError, "connection.lost", "The service went away in the middle; it is tried again.")
_MISSING = _Kind(
    SchemaError, "stream.not_found", "Check database, schema and table, and that the role may use them."
)
_VALUE = _Kind(DataError, "value.unrepresentable", "Correct the value, or leave the column out.")
_UNKNOWN = _Kind(InternalError, "snowflake.failed", "Please report this.")

#: By Snowflake's own numbers.
_BY_NUMBER = {
    250001: _UNREACHABLE,
    250003: _UNREACHABLE,
    250005: _UNREACHABLE,
    251008: _AUTH,
    251009: _UNREACHABLE,
    251010: _AUTH,
    251011: _Kind(UnreachableError, "connection.timeout", "Check the network between here and the account."),
    251012: _UNREACHABLE,
    253003: _LOST,
    390100: _AUTH,
    390101: _AUTH,
    390144: _AUTH,
    390189: _AUTH,
    390197: _AUTH,
    390201: _Kind(ConfigError, "database.not_found", "Check database, schema, warehouse and role."),
    390422: _Kind(AuthError, "connection.denied", "Allow this host in the account's network policy."),
    606: _Kind(ConfigError, "config.invalid", "Name a warehouse that the role may use."),
    604: _Kind(BusyError, "query.cancelled", "Somebody stopped the statement; try again."),
    625: _Kind(BusyError, "lock.timeout", "Another session holds a lock on the table; try again later."),
    630: _Kind(BusyError, "query.cancelled", "Raise the warehouse's STATEMENT_TIMEOUT_IN_SECONDS."),
    904: _Kind(SchemaError, "column.not_found", "The table was changed meanwhile: run the flow again."),
    2002: _Kind(SchemaError, "stream.exists", "Choose another name, or drop what has it."),
    2003: _MISSING,
    2043: _MISSING,
    3001: _DENIED,
    3003: _DENIED,
    3041: _DENIED,
    90105: _Kind(ConfigError, "database.not_found", "Check the name of the database, and the role."),
    90106: _Kind(SchemaError, "schema.not_found", "Check the name of the schema, and the role."),
    90073: _Kind(ResourceError, "disk.full", "The account's quota is used up."),
    100072: _Kind(DataError, "value.null", "The column takes no nulls: correct the data or the table."),
    100078: _Kind(DataError, "value.too_large", "Widen the column of the table."),
}
_DATA = range(100_000, 100_200)
_TRANSACTION = _Kind(BusyError, "transaction.conflict", "Another transaction was in the way; try again.")
_AUTH_WORDS = ("incorrect username or password", "jwt token is invalid", "authentication")

#: Classes that have no numbers worth looking at: the service behind a gateway.
_GATEWAY = (
    errors.InternalServerError,
    errors.ServiceUnavailableError,
    errors.GatewayTimeoutError,
    errors.BadGatewayError,
    errors.RequestTimeoutError,
    errors.OtherHTTPRetryableError,
    errors.RequestExceedMaxRetryError,
)


@contextmanager
def translated(**context: str) -> Iterator[None]:
    """Within, errors of the client come out as Towpath's, knowing ``context``."""
    try:
        yield
    except errors.Error as error:
        raise translate(error).with_context(**context) from error


def translate(error: errors.Error) -> TowpathError:
    """The Towpath error that says what Snowflake's says, by its first line."""
    kind = _kind(error)
    lines = (str(error.raw_msg or error.msg or error)).strip().splitlines()
    text = next((line for line in reversed(lines) if line.strip()), "it gave no reason").rstrip(".")
    message = f"Snowflake says: {text}."
    if kind.retryable is None:
        return kind.error(kind.code, message, hint=kind.hint)
    return kind.error(kind.code, message, hint=kind.hint, retryable=kind.retryable)


def _kind(error: errors.Error) -> _Kind:  # noqa: PLR0911 - one line per way that errors are told apart
    number = error.errno if isinstance(error.errno, int) else -1
    text = str(error.msg).lower()
    if isinstance(error, errors.ForbiddenError):
        return _AUTH
    if isinstance(error, _GATEWAY):
        return _LOST
    if number in {250001, 251012} and any(word in text for word in _AUTH_WORDS):
        return _AUTH
    if "transaction conflict" in text or "has locked table" in text:
        return _TRANSACTION
    if number in _BY_NUMBER:
        return _BY_NUMBER[number]
    if number in _DATA:
        return _VALUE
    return _LOST if isinstance(error, errors.OperationalError) else _UNKNOWN
