"""Requests to the system that a file describes: with its credentials, at its pace, to nobody else."""

import base64
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel

from towpath.core.errors import AuthError, ConfigError, DataError, UnreachableError
from towpath.sdk.backoff import RETRY_STATUSES
from towpath.sdk.http import HttpClient, Response, Retry, shown, status_error
from towpath.sdk.rest import template
from towpath.sdk.rest.auth import ApiKeyAuth, BasicAuth, OAuth2Auth
from towpath.sdk.rest.config import chosen, secrets, values
from towpath.sdk.rest.definition import Definition
from towpath.sdk.rest.pace import pace
from towpath.sdk.rest.urls import checked, follow, origin, with_query

_MOST_BYTES = 64 * 2**20
_CHECK_SECONDS = 3


class RestClient:
    """Asks one system with the credentials of one connection. Close it, or use it as a context manager."""

    def __init__(self, definition: Definition, config: BaseModel) -> None:
        self._definition = definition
        self._values = values(config)
        self._secrets = secrets(config)
        self._base = template.fill_url(definition.base_url, self._values).rstrip("/")
        self._origins = {checked(self._base), *(origin(f"https://{host}") for host in definition.hosts)}
        self._headers, self._secret_headers, self._keys = self._credentials()
        self._stopped = threading.Event()
        self._pace = pace(definition.rate_limit, f"{definition.name} {origin(self._base)}")
        retry = definition.retry
        self._http = self._client(
            definition.timeout, Retry(retry.attempts, statuses=RETRY_STATUSES.union(retry.statuses))
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends waits for another attempt, too."""
        self._stopped.set()
        self._http.close()

    @property
    def host(self) -> str:
        """The host that is asked."""
        return urlsplit(self._base).netloc

    def request(
        self, method: str, url: str, body: Mapping[str, object] | None = None, *, once: bool = False
    ) -> Response:
        """An answer of 2xx. Raises `AuthError`, `NotFoundError`, `DataError`, or `BusyError` and
        `UnreachableError` after the attempts of the file; with ``once`` after one, within seconds.
        """
        if once:
            with self._client(_CHECK_SECONDS, Retry(1)) as http:
                response = self._send(http, method, url, body)
        else:
            response = self._send(self._http, method, url, body)
        if response.ok:
            return response
        error = status_error(response)
        error.retryable = error.retryable or response.status in self._definition.retry.statuses
        raise error

    def url(self, path: str, query: Mapping[str, str], more: Mapping[str, str] | None = None) -> str:
        """The URL of a path of the system. Path and query are templates; parameters whose fields have no
        value are left out. ``more`` parameters stand as they are.
        """
        told = dict(self._filled(query)) | dict(more or {})
        return with_query(self._base + template.fill_url(path, self._values), told)

    def link(self, url: str, found: str) -> str:
        """The URL that an answer of ``url`` leads to. Raises `DataError` ``answer.foreign_link`` for one of
        another origin: it would get the credentials.
        """
        target = follow(url, found)
        if origin(target) not in self._origins:
            raise DataError(
                "answer.foreign_link",
                f"{shown(url)} leads on to another system, {origin(target) or 'or nowhere'}: "
                "it is not asked, because it would get the credentials.",
                hint="If the host belongs to the same system, list it under `hosts` in the connector's file.",
                url=shown(url),
            )
        return target

    def _client(self, timeout: float, retry: Retry) -> HttpClient:
        return HttpClient(
            timeout=timeout, max_body=_MOST_BYTES, retry=retry, secrets=self._secrets, sleep=self._sleep
        )

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise UnreachableError("connection.lost", "The read was given up.", hint="Start it again.")

    def _send(self, http: HttpClient, method: str, url: str, body: Mapping[str, object] | None) -> Response:
        headers = dict(self._headers)
        if body is not None:
            headers["content-type"] = "application/json"
        return http.request(
            method,
            with_query(url, self._keys),
            headers=headers,
            secret_headers=self._secret_headers,
            body=b"" if body is None else orjson.dumps(body),
            repeatable=True,  # Reads change nothing, whatever their method
            sign=self._wait_turn,
        )

    def _wait_turn(self) -> Mapping[str, str]:
        if self._pace:
            self._sleep(self._pace.turn())
        return {}

    def _credentials(self) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
        """Plain headers, secret headers, and query parameters."""
        fixed = {name: text for name, text in self._definition.headers.items() if not template.names(text)}
        others = {name: text for name, text in self._definition.headers.items() if name not in fixed}
        plain = {"accept": "application/json"} | {
            name: template.fill(text, {}) for name, text in fixed.items()
        }
        secret, keys = dict(self._filled(others)), dict[str, str]()
        match chosen(self._definition, self._values):
            case OAuth2Auth(header=header, value=value):
                secret[header] = self._token(value)
            case ApiKeyAuth(header=str(header), value=value):
                secret[header] = template.fill(value, self._values)
            case ApiKeyAuth(query=str(name), value=value):
                keys[name] = template.fill(value, self._values)
            case BasicAuth(username=username, password=password):
                pair = f"{template.fill(username, self._values)}:{template.fill(password, self._values)}"
                secret["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        for name, text in secret.items():
            _check_header(name, text)
        return plain, secret, keys

    def _token(self, value: str) -> str:
        if "access_token" in template.names(value) and not self._values.get("access_token"):
            raise AuthError(
                "connection.auth_failed",
                f"There is no access token for {self._definition.title} yet.",
                hint="Connect again, so that a token is issued.",
            )
        return template.fill(value, self._values)

    def _filled(self, texts: Mapping[str, str]) -> list[tuple[str, str]]:
        """The texts whose fields all have values."""
        return [
            (name, template.fill(text, self._values))
            for name, text in texts.items()
            if all(self._values.get(field) for field in template.names(text))
        ]


def _check_header(name: str, text: str) -> None:
    if not text.isascii() or not text.isprintable():
        raise ConfigError(
            "config.invalid",
            f"What the header {name!r} would hold is not printable ASCII text.",
            hint="Check the credentials for stray characters.",
            field=name,
        )
