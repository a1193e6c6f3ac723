"""What goes wrong over HTTP, in our words. No text here ever holds a query, a header or a secret."""

import ssl
from collections.abc import Callable, Sequence
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

import httpx2

from towpath.core.errors import (
    AuthError,
    BusyError,
    ConfigError,
    DataError,
    NotFoundError,
    TowpathError,
    UnreachableError,
)
from towpath.sdk.backoff import RETRY_STATUSES

#: Statuses that redirect; of these, the ones that keep method and body.
REDIRECTS = frozenset({301, 302, 303, 307, 308})
KEEPS_METHOD = frozenset({307, 308})
PORTS = {"http": 80, "https": 443}


class Answer(Protocol):
    """What `status_error` needs to know of a response."""

    @property
    def status(self) -> int: ...
    @property
    def url(self) -> str: ...
    def excerpt(self) -> str: ...


def shown(url: str) -> str:
    """The URL as errors and logs may show it: without user, query and fragment.

    >>> shown("https://user:pw@example.com:8443/hooks/1?key=secret#x")
    'https://example.com:8443/hooks/1'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def status_error(response: Answer) -> TowpathError:
    """The error ``http.status`` for an answer that is not a success; retryable if a later try may do."""
    kind, hint = _blame(response.status)
    return kind(
        "http.status",
        f"{response.url} answered {response.status}: {response.excerpt() or '(nothing)'}",
        hint=hint,
        retryable=response.status in RETRY_STATUSES,
        status=response.status,
        url=response.url,
    )


def _blame(status: int) -> tuple[Callable[..., TowpathError], str]:
    if status in (401, 403):
        return AuthError, "Check the credentials of this connection and what they may do."
    if status in (404, 410):
        return NotFoundError, "Check the URL."
    if status == 429:  # noqa: PLR2004 - Too Many Requests
        return BusyError, "The server limits how often it may be asked; it is tried again."
    if status in RETRY_STATUSES:
        return UnreachableError, "The server has trouble; it is tried again."
    if status in REDIRECTS:
        return ConfigError, "Use the URL that it redirects to."
    return DataError, "The server refuses the request: see its answer."


def checked_parts(url: str) -> SplitResult:
    """The parts of a valid URL. Raises `ConfigError` ``http.invalid_url``."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in PORTS and parts.hostname and parts.port != 0 and not parts.username
        httpx2.URL(url)
    except (ValueError, httpx2.InvalidURL):
        fine = False
    if not fine or any(char <= " " or char == "\\" for char in url):
        raise ConfigError(
            "http.invalid_url",
            f"{shown(url) if '://' in url else '(no scheme)'} is not a valid http or https URL.",
            hint="Write https://host/path; user names and passwords belong into the authentication settings.",
            field="url",
        )
    return parts


def refused(url: str, what: str) -> ConfigError:
    return ConfigError(
        "http.redirect_refused",
        f"{shown(url)} {what}.",
        hint="Use the final URL.",
        field="url",
    )


def translate(error: Exception, url: str) -> TowpathError:
    """The Towpath error for one of httpx2 or ssl. ``context["unsent"]`` says that nothing was sent."""
    where = shown(url)
    if _is_tls(error):
        return ConfigError(
            "connection.tls",
            f"No trusted connection to {where}: {error}.",
            hint="Check the server's certificate, or name the CA file that signed it.",
            field="url",
            url=where,
        )
    code, hint = next(
        ((code, hint) for kinds, code, hint in _TRANSPORT if isinstance(error, kinds)),
        ("connection.lost", "The server went away in the middle; it is tried again."),
    )
    unsent = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
    return UnreachableError(
        code, f"{where}: {error or type(error).__name__}.", hint=hint, url=where, unsent=unsent
    )


_TRANSPORT: Sequence[tuple[tuple[type[Exception], ...], str, str]] = (
    ((httpx2.TimeoutException,), "connection.timeout", "The server is slow; raise the time-out if it lasts."),
    ((httpx2.ConnectError,), "connection.refused", "Check host and port, and that the server runs."),
)


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError) or "SSL" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
