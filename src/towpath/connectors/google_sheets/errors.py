"""Translates the errors of Google's API client into Towpath's: the only place that does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import httplib2
from googleapiclient.errors import HttpError

from towpath.sdk import (
    AuthError,
    BusyError,
    ConfigError,
    ConflictError,
    InternalError,
    ResourceError,
    TowpathError,
    UnreachableError,
)
from towpath.sdk.googleauth import translated as signed_in


class _Kind(NamedTuple):
    error: Callable[..., TowpathError]
    code: str
    hint: str


_LOST = _Kind(UnreachableError, "connection.lost", "The service went away in the middle; it is tried again.")
_BY_STATUS = {
    401: _Kind(AuthError, "connection.auth_failed", "Sign in again, or paste a key that is still valid."),
    403: _Kind(
        AuthError,
        "permission.denied",
        "Share the spreadsheet with the account as an editor, and enable the Sheets API in its project.",
    ),
    404: _Kind(ConfigError, "spreadsheet.not_found", "Check the address, and share it with the account."),
    429: _Kind(BusyError, "connection.limit", "The quota of the minute is used up; it is tried again."),
}
_FULL = _Kind(
    ResourceError,
    "spreadsheet.full",
    "A spreadsheet holds 10 million cells: select fewer columns or rows, or write to a database.",
)
_GONE = _Kind(ConflictError, "target.changed", "Somebody changed the tabs meanwhile: run the flow again.")
_UNKNOWN = _Kind(InternalError, "google_sheets.failed", "Please report this.")
_SERVER = 500


@contextmanager
def translated(**context: str) -> Iterator[None]:
    """Within, errors of the client come out as Towpath's, knowing ``context``."""
    with signed_in():
        try:
            yield
        except HttpError as error:
            raise translate(error).with_context(**context) from error
        except (httplib2.HttpLib2Error, OSError) as error:
            raise UnreachableError(
                "connection.refused",
                "Google Sheets does not answer.",
                hint="Check the endpoint, and the network between here and there.",
            ).with_context(**context) from error


def translate(error: HttpError) -> TowpathError:
    """The Towpath error that says what the service says."""
    kind = _kind(error)
    text = str(error.reason or "it gave no reason").strip().splitlines()[0].rstrip(".")
    return kind.error(kind.code, f"Google Sheets says: {text}.", hint=kind.hint)


def _kind(error: HttpError) -> _Kind:
    status, text = int(error.status_code), str(error.reason).lower()
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if "limit of 10000000 cells" in text or "above the limit" in text:
        return _FULL
    if "no sheet with id" in text or "no grid with id" in text:
        return _GONE
    return _LOST if status >= _SERVER else _UNKNOWN
