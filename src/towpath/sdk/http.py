"""The HTTP client of every connector: guarded, bounded, patient, and clear about what went wrong.

- **Guarded**: only the public internet and what the operator allows, at every redirect (`towpath.sdk.guard`).
- **Bounded**: in time and in bytes, also against servers that drip or answer with bombs.
- **Patient**: what may pass by itself is tried again, if doing it twice does no harm.
- **Discreet**: errors name scheme, host and path; never queries, headers, or secrets that a server echoes.

Safe to use from several threads at once. Proxies of the environment are not used: they would resolve
hosts by themselves and go around the guard.
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin

import httpx2
import orjson

from towpath.core.errors import ConfigError, DataError, UnreachableError
from towpath.sdk.backoff import Retry
from towpath.sdk.guard import AllowedHosts, Resolver, allowed_hosts, checked_addresses, configure, resolve
from towpath.sdk.http_deadline import transport, until
from towpath.sdk.http_errors import (
    KEEPS_METHOD,
    PORTS,
    REDIRECTS,
    checked_parts,
    refused,
    shown,
    status_error,
    translate,
)

__all__ = ["AllowedHosts", "HttpClient", "Response", "Retry", "configure", "shown", "status_error"]

_SAFE_TWICE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_MOST_REDIRECTS = 5
_ALWAYS_SECRET = ("authorization", "cookie", "proxy-authorization")
_EXCERPT = 300
_SHORTEST_SECRET = 4


@dataclass(frozen=True)
class Response:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    url: str
    """Where it came from, as `shown`."""
    secrets: tuple[str, ...] = ()
    set_cookies: tuple[str, ...] = ()
    """Each ``Set-Cookie`` by itself: they cannot be told apart once they are joined."""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's own numbers

    def json(self) -> Any:
        """The body as JSON. Raises `DataError` ``http.not_json``."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise DataError(
                "http.not_json",
                f"{self.url} answered with something that is not JSON: {self.excerpt()!r}.",
                hint="Check the URL; the answer may be an error page.",
                url=self.url,
            ) from error

    def excerpt(self) -> str:
        """The first characters of the body, without the secrets of the request."""
        text = self.body[: 4 * _EXCERPT].decode(errors="replace")
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text[:_EXCERPT]


class HttpClient:
    """A pool of connections with one policy. Close it, or use it as a context manager."""

    def __init__(
        self,
        *,
        timeout: float = 30,
        connect_timeout: float = 10,
        max_body: int = 16 * 2**20,
        max_redirects: int = _MOST_REDIRECTS,
        retry: Retry | None = None,
        secrets: Iterable[str] = (),
        ca_file: str | None = None,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver = resolve,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """``timeout`` bounds one attempt from its start to the last byte of its answer, in seconds;
        ``max_body`` the bytes of an answer; ``secrets`` never show in errors and excerpts. Without any
        ``max_redirects`` a body with secrets goes nowhere but to where it was meant for. ``tls`` replaces the
        usual trust, and ``ca_file``.
        """
        self._timeout, self._max_body, self._max_redirects = timeout, max_body, max_redirects
        self._connect_timeout = connect_timeout
        self._retry = retry or Retry()
        self._secrets = tuple(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET)
        self._context = tls or _tls_context(ca_file)
        self._resolver, self._sleep = resolver, sleep
        self._transports: dict[str, httpx2.HTTPTransport] = {}
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all connections. What other threads still wait for fails, and opens no new ones."""
        with self._lock:
            self._closed = True
            for transport in self._transports.values():
                transport.close()
            self._transports.clear()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        repeatable: bool | None = None,
        sign: Callable[[], Mapping[str, str]] | None = None,
        timeout: float | None = None,
    ) -> Response:
        """Send, and send again while that may help; the last answer, whatever its status.

        ``secret_headers`` are not sent on to another origin. ``repeatable`` says that sending twice does no
        harm, because of an idempotency key for example; by default that depends on the method. ``sign`` gives
        more headers, anew for each attempt. ``timeout`` is for this request alone. Raises `ConfigError`,
        `UnreachableError` or `DataError`.
        """
        may_repeat = method in _SAFE_TWICE if repeatable is None else repeatable
        attempt = 0
        while True:
            attempt += 1
            request = _Outgoing(
                method, url, dict(headers or {}), dict(secret_headers or {}), body, timeout or self._timeout
            )
            request.headers.update(sign() if sign else {})
            try:
                response = self._follow(request)
            except UnreachableError as error:
                # A connection that never came about carried nothing: to try again is always safe.
                again = error.retryable and (may_repeat or error.context.get("unsent"))
                wait = self._retry.wait(attempt) if again else None
                if wait is None:
                    raise
            else:
                again = may_repeat and response.status in self._retry.statuses
                wait = self._retry.wait(attempt, response.headers) if again else None
                if wait is None:
                    return response
            self._sleep(wait)

    def _follow(self, request: "_Outgoing") -> Response:
        deadline = time.monotonic() + request.timeout
        for _ in range(self._max_redirects + 1):
            response = self._once(request, deadline)
            location = response.headers.get("location")
            if response.status not in REDIRECTS or not location:
                return response
            if not self._max_redirects:
                raise refused(request.url, "redirects, which is not followed here")
            request = request.redirected(response.status, location)
        raise refused(request.url, f"redirects more than {self._max_redirects} times")

    def _once(self, request: "_Outgoing", deadline: float) -> Response:
        parts = checked_parts(request.url)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        addresses = checked_addresses(host, port, allowed_hosts(), self._resolver)
        for place, address in enumerate(addresses):
            try:
                return self._send(request, host, address, deadline)
            except UnreachableError as error:
                if not error.context.get("unsent") or place == len(addresses) - 1:
                    raise
        raise UnreachableError(
            "connection.unresolved", f"The host {host!r} has no address.", hint="Check the DNS.", host=host
        )

    def _send(self, request: "_Outgoing", host: str, address: str, deadline: float) -> Response:
        """Send to that address and no other, in the name of the host."""
        url = httpx2.URL(request.url)
        limits = httpx2.Timeout(request.timeout, connect=min(self._connect_timeout, request.timeout))
        outgoing = httpx2.Request(
            request.method,
            url.copy_with(host=address),
            headers={
                "accept": "*/*",
                "accept-encoding": "gzip",
                "user-agent": "towpath",
                **request.headers,
                **request.secret_headers,
                "host": url.netloc.decode("ascii"),
            },
            content=request.body,
            extensions={"sni_hostname": host, "timeout": limits.as_dict()},
        )
        try:
            with until(deadline):
                answer = self._transport(host).handle_request(outgoing)
                answer.request = outgoing
                try:
                    return self._read(answer, request, deadline)
                finally:
                    answer.close()
        except (httpx2.TransportError, httpx2.DecodingError, ssl.SSLError) as error:
            raise translate(error, request.url) from error

    def _read(self, answer: httpx2.Response, request: "_Outgoing", deadline: float) -> Response:
        body = bytearray()
        for part in answer.iter_bytes():
            body += part
            if len(body) > self._max_body:
                raise DataError(
                    "http.too_large",
                    f"The answer of {shown(request.url)} is longer than {self._max_body:,} bytes.",
                    hint="Ask for smaller pages.",
                    url=shown(request.url),
                )
            if time.monotonic() > deadline:
                raise httpx2.ReadTimeout("the answer takes too long")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        sent = (text for text in request.secret_headers.values() if len(text) >= _SHORTEST_SECRET)
        secrets = (*self._secrets, *sent)
        cookies = tuple(answer.headers.get_list("set-cookie"))
        return Response(answer.status_code, headers, bytes(body), shown(request.url), secrets, cookies)

    def _transport(self, host: str) -> httpx2.HTTPTransport:
        """One pool for each host: a connection made in the name of one never serves another."""
        with self._lock:
            if self._closed:
                raise UnreachableError(
                    "connection.lost", "The connections have been closed.", hint="Try again.", retryable=False
                )
            if host not in self._transports:
                self._transports[host] = transport(self._context)
            return self._transports[host]


@dataclass
class _Outgoing:
    method: str
    url: str
    headers: dict[str, str]
    secret_headers: dict[str, str]
    body: bytes
    timeout: float
    """Seconds, with all redirects."""

    def redirected(self, status: int, location: str) -> "_Outgoing":
        """The request to send to the new place. Secrets stay with their origin; a body is never dropped."""
        if status not in KEEPS_METHOD and self.method not in ("GET", "HEAD"):
            raise refused(
                self.url, f"answers a {self.method} with a redirect ({status}) that would drop the body"
            )
        old, url = checked_parts(self.url), urljoin(self.url, location)
        new = checked_parts(url)
        if old.scheme == "https" and new.scheme == "http":
            raise refused(self.url, "redirects from https to http")
        if (old.scheme, old.netloc) == (new.scheme, new.netloc):
            return replace(self, url=url)
        headers = {name: text for name, text in self.headers.items() if name.lower() not in _ALWAYS_SECRET}
        return replace(self, url=url, headers=headers, secret_headers={})


def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    if ca_file is None:
        return httpx2.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigError(
            "connection.tls",
            f"The CA file {ca_file} cannot be read: {error}.",
            hint="Name a file with certificates in PEM form.",
            field="ca_file",
        ) from error
