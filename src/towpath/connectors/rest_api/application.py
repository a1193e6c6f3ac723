"""An HTTP API as a system that is read page by page and written record by record."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel

from towpath.connectors.rest_api import bodies
from towpath.connectors.rest_api.calls import Api, Call
from towpath.connectors.rest_api.config import Ping, RestConfig
from towpath.connectors.rest_api.crew import Crew
from towpath.connectors.rest_api.lookups import look
from towpath.connectors.rest_api.pages import Reader
from towpath.connectors.rest_api.parts import Verdict
from towpath.connectors.rest_api.reading import Once, RestReading
from towpath.connectors.rest_api.sending import Sender
from towpath.connectors.rest_api.untold import Untold
from towpath.connectors.rest_api.writing import RestWriting
from towpath.sdk import (
    AuthError,
    ConfigError,
    Escape,
    Failure,
    Outcome,
    Page,
    Sending,
    State,
    Tools,
    TowpathError,
)

_UNAUTHORIZED = 401


class RestApplication:
    """One connection: its credentials, its connections, its threads."""

    def __init__(self, config: RestConfig) -> None:
        self._config = config
        self._api = Api(config)
        self._crew = Crew()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._api.__exit__(kind, error, trace)
        self._crew.close()

    def check(self, tools: Tools | None = None) -> str:
        """Ping it. With ``tools`` the templates of the connection may call helpers."""
        lent: Tools = tools or Untold()
        ping = self._config.ping or Ping()
        call = self._api.prepare(ping, lent)
        response = self._api.call(Call(**{**vars(call), "attempts": 1}), lent)
        answer = self._api.answer(response, lent)
        where = f"{self._api.shown(call.url)} answered {response.status}"
        if self._config.ping is None and response.status != _UNAUTHORIZED:
            return where
        trouble = self._api.trouble(answer, ping.verdict)
        if trouble:
            raise trouble
        fault = answer.fault(ping.verdict)
        if fault:
            raise AuthError(
                "connection.auth_failed",
                f"{where}, and {fault}: {self._api.words.mask(answer.told(ping.verdict)) or '(nothing)'}.",
                hint="Check the credentials of this connection, and the paths of its ping.",
            )
        return where

    def pages(
        self, read: BaseModel, size: int, tools: Tools, *, record: Any = None, after: State | None = None
    ) -> Iterator[Page]:
        reading = _reading(read)
        return Reader(self._api, reading, tools, record).pages(size, after)

    def read_back(self, read: BaseModel, records: Sequence[Any], tools: Tools) -> Sequence[Failure | None]:
        once = _reading(read).once
        failures: list[Failure | None] = [None] * len(records)
        if once is None:
            return failures

        def tell(place: int) -> None:
            failures[place] = self._tell(once, _reading(read), records[place], tools)

        self._crew.run(tell, len(records), tools.level)
        return failures

    def look(self, lookup: Mapping[str, Any], record: Any, tools: Tools) -> Sequence[Any]:
        return look(self._api, lookup, record, tools)

    def send(self, write: BaseModel, sendings: Sequence[Sending], tools: Tools) -> Sequence[Outcome]:
        if not isinstance(write, RestWriting):
            raise TypeError(type(write).__name__)
        if write.async_helper:
            raise _unsupported("async_helper", "asynchronous helpers")
        return Sender(self._api, write, tools, self._crew).send(sendings)

    def finish(self, write: BaseModel, tools: Tools) -> Mapping[str, Any]:
        """Nothing was held back."""
        return {}

    def _tell(self, once: Once, read: RestReading, record: Any, tools: Tools) -> Failure | None:
        words = self._api.words.connection(tools)

        def render(text: str, escape: Escape = Escape.NONE) -> str:
            return tools.render(text, record, escape=escape, connection=words)

        try:
            body, kind = b"", ""
            if once.body is not None:
                body, kind = bodies.fill(once.body, self._api.media(read.request_media_type), render)
            url = self._api.url(render(once.relative_uri, Escape.URI), tools)
            headers = self._api.headers(read.headers, render)
            # To say once more that a record was processed changes nothing.
            response = self._api.call(Call(once.method, url, headers, body, kind, repeatable=True), tools)
            answer = self._api.answer(response, tools, None, read.error_media_type)
            error = self._api.trouble(answer, Verdict())
        except ConfigError:
            raise
        except TowpathError as raised:
            error = raised
        if error is None:
            return None
        return Failure(code=error.code, message=error.message, record=record, retryable=error.retryable)


def _reading(read: BaseModel) -> RestReading:
    if not isinstance(read, RestReading):
        raise TypeError(type(read).__name__)
    if read.async_helper:
        raise _unsupported("async_helper", "asynchronous helpers")
    if read.blob_format:
        raise _unsupported("blob_format", "answers that are files")
    return read


def _unsupported(field: str, what: str) -> ConfigError:
    return ConfigError(
        "config.unsupported",
        f"An HTTP API cannot be used with {what} here.",
        hint=f"Leave {field} out.",
        field=field,
    )
