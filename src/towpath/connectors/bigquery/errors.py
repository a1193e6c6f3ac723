"""Translates the errors of BigQuery's client into Towpath's: the only place that does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import requests
from google.api_core import exceptions

from towpath.sdk import (
    AuthError,
    BusyError,
    ConfigError,
    ConflictError,
    DataError,
    InternalError,
    SchemaError,
    TowpathError,
    UnreachableError,
)
from towpath.sdk.googleauth import translated as signed_in


class _Kind(NamedTuple):
    error: Callable[..., TowpathError]
    code: str
    hint: str


_DENIED = _Kind(
    AuthError,
    "permission.denied",
    "Give the service account the roles BigQuery Data Editor on the dataset and BigQuery Job User.",
)
_LOST = _Kind(UnreachableError, "connection.lost", "The service went away in the middle; it is tried again.")
_LIMIT = _Kind(BusyError, "connection.limit", "The project's quota is used up for now; it is tried again.")
_CONFLICT = _Kind(BusyError, "transaction.conflict", "Another transaction was in the way; try again.")
_UNKNOWN = _Kind(InternalError, "bigquery.failed", "Please report this.")

#: By the reason of the first error that BigQuery tells; https status codes where it tells none.
_BY_REASON = {
    "accessDenied": _DENIED,
    "billingNotEnabled": _Kind(AuthError, "permission.denied", "Enable billing for the project."),
    "notFound": _Kind(SchemaError, "stream.not_found", "Check project, dataset and table."),
    "duplicate": _Kind(ConflictError, "stream.exists", "Choose another name, or drop what has it."),
    "quotaExceeded": _LIMIT,
    "rateLimitExceeded": _LIMIT,
    "jobRateLimitExceeded": _LIMIT,
    "backendError": _LOST,
    "internalError": _LOST,
    "jobBackendError": _LOST,
    "jobInternalError": _LOST,
    "stopped": _Kind(BusyError, "query.cancelled", "Somebody stopped the job; try again."),
    "timeout": _Kind(BusyError, "query.cancelled", "The job took too long; try again."),
    "resourcesExceeded": _Kind(DataError, "value.too_large", "Leave the largest columns out."),
    "invalid": _Kind(DataError, "value.unrepresentable", "Correct the value, or leave the column out."),
    "invalidQuery": _Kind(
        SchemaError, "schema.incompatible", "The table was changed meanwhile: run the flow again."
    ),
}
_BY_STATUS: tuple[tuple[type[exceptions.GoogleAPICallError], _Kind], ...] = (
    (
        exceptions.Unauthorized,
        _Kind(AuthError, "connection.auth_failed", "Paste the JSON of a key that is still valid."),
    ),
    (exceptions.Forbidden, _DENIED),
    (exceptions.NotFound, _BY_REASON["notFound"]),
    (exceptions.TooManyRequests, _LIMIT),
    (exceptions.PreconditionFailed, _CONFLICT),
    (exceptions.ServerError, _LOST),
    (exceptions.BadRequest, _BY_REASON["invalid"]),
)
_ABORTED = ("concurrent update", "aborted due to", "could not serialize access", "conflict with transaction")


@contextmanager
def translated(**context: str) -> Iterator[None]:
    """Within, errors of the client come out as Towpath's, knowing ``context``."""
    with signed_in():
        try:
            yield
        except exceptions.GoogleAPICallError as error:
            raise translate(error).with_context(**context) from error
        except exceptions.RetryError as error:
            raise _unreachable(error) from error
        except requests.exceptions.RequestException as error:
            raise _unreachable(error) from error


def translate(error: exceptions.GoogleAPICallError) -> TowpathError:
    """The Towpath error that says what BigQuery's says."""
    kind = _kind(error)
    return kind.error(kind.code, f"BigQuery says: {message(error).rstrip('.')}.", hint=kind.hint)


def message(error: exceptions.GoogleAPICallError) -> str:
    """The first line of what BigQuery tells, without the address that was asked."""
    text = str(error.errors[0].get("message", "")) if error.errors else ""
    return (text or str(error.message) or "it gave no reason").strip().splitlines()[0]


def _kind(error: exceptions.GoogleAPICallError) -> _Kind:
    if any(words in str(error).lower() for words in _ABORTED):
        return _CONFLICT
    reason = str(error.errors[0].get("reason", "")) if error.errors else ""
    classed = (kind for cls, kind in _BY_STATUS if isinstance(error, cls))
    return _BY_REASON.get(reason) or next(classed, _UNKNOWN)


def _unreachable(error: Exception) -> TowpathError:
    if isinstance(error, requests.exceptions.SSLError):
        return ConfigError(
            "connection.tls",
            "The endpoint's certificate is not trusted.",
            hint="Check the endpoint, and the certificates that this machine trusts.",
            field="endpoint",
        )
    return UnreachableError(
        "connection.refused",
        "BigQuery does not answer.",
        hint="Check the endpoint, and the network between here and there.",
    )
