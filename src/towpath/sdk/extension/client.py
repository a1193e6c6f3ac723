"""Calls functions of an extension server, by the protocol that such servers speak."""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from towpath.core.errors import ConfigError, DataError
from towpath.sdk.backoff import Retry
from towpath.sdk.extension.answers import Call, result
from towpath.sdk.extension.body import body
from towpath.sdk.extension.config import ExtensionConfig, ServerConfig
from towpath.sdk.http import HttpClient

#: What a function may answer, in characters of JSON (UTF-16 units, as its server counts).
MOST_ANSWER = 5 * 2**20
_BYTES_A_UNIT = 3
#: Around a result that is just as long as it may be.
_SLACK = 2**16
#: What extension servers take.
_MOST_REQUEST = 50 * 10**6


class Extension:
    """A stack that functions are called on. Close it, or use it as a context manager; several threads may
    call at once.
    """

    def __init__(self, config: ExtensionConfig) -> None:
        """Raises `ConfigError` ``extension.unsupported`` for a stack that is not a server."""
        if config.server is None:
            raise ConfigError(
                "extension.unsupported",
                "Functions on AWS Lambda are not called by this version of Towpath.",
                hint="Run the functions behind an extension server, and make its stack of the type server.",
                field="type",
            )
        self._server: ServerConfig = config.server
        self._token = config.server.system_token.get_secret_value()
        self._url = config.server.host_uri.rstrip("/") + "/function"
        self._http = HttpClient(
            timeout=config.server.timeout,
            max_body=MOST_ANSWER * _BYTES_A_UNIT + _SLACK,
            max_redirects=0,
            retry=Retry(attempts=config.server.max_attempts),
            secrets=(self._token,),
            ca_file=config.server.ca_file,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all connections; calls that are under way fail."""
        self._http.close()

    def call(
        self,
        type: str,
        function: str,
        options: Mapping[str, Any],
        *,
        app: str | None = None,
        timeout: float | None = None,
        traceid: str = "",
    ) -> Any:
        """What the function answered, as JSON; None if nothing. It is called once, and never again by itself.

        ``type``: ``hook``, ``wrapper``, ``setting``, ``utility``, ``installer``, ``uninstaller`` …; empty for
        functions that lie at the top. ``app``: the ``_connectorId`` whose functions are meant; None: the
        user's own. ``timeout``: seconds, where it is to be less than the stack's.

        Raises `AuthError` ``extension.unauthorized``; `DataError` ``extension.failed`` with all ``errors``,
        each ``{"code", "message"}``, in its context, ``extension.too_large``, ``extension.bad_answer``,
        ``value.unrepresentable`` for a number that no double holds; and what `HttpClient.request` raises. No
        error holds the token, or a secret of ``options``.
        """
        secrets = (self._token, *_secrets(options))
        whose = {"diy": True} if app is None else {"_connectorId": app}
        kind = {"type": type} if type else {}
        rest = {"function": function, "maxResponseSize": MOST_ANSWER, "options": options}
        sent = body({**whose, **kind, **rest}, function)
        call = Call(type, function, secrets)
        if len(sent) > _MOST_REQUEST:
            raise _too_much(call, len(sent))
        response = self._http.request(
            "POST",
            self._url,
            headers={"content-type": "application/json"} | ({"traceid": traceid} if traceid else {}),
            secret_headers={"authorization": f"Bearer {self._token}"},
            body=sent,
            timeout=timeout,
        )
        return result(response, call)


def _secrets(options: Mapping[str, Any]) -> Iterator[str]:
    """The values in the options that nobody but the function may see."""
    yield options.get("bearerToken") or ""
    connection = options.get("connection")
    if isinstance(connection, Mapping):
        yield from (text for text in (connection.get("encrypted") or {}).values() if isinstance(text, str))


def _too_much(call: Call, size: int) -> DataError:
    return DataError(
        "extension.too_large",
        f"What {call.name} is called with has {size:,} bytes; an extension server takes {_MOST_REQUEST:,}.",
        hint="Make the pages smaller.",
        function=call.function,
    )
