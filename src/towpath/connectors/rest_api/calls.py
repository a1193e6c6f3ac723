"""Requests to one API: with its credentials, at its pace, and again where that does no harm."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from towpath.connectors.rest_api import bodies, tls
from towpath.connectors.rest_api.answers import MISSING, Answer, says
from towpath.connectors.rest_api.config import RestConfig
from towpath.connectors.rest_api.pacing import Gate
from towpath.connectors.rest_api.parts import Header, Media, Request, Verdict
from towpath.connectors.rest_api.signing import Draft, signer
from towpath.connectors.rest_api.words import Words
from towpath.sdk import ConfigError, DataError, Escape, Tools, TowpathError, UnreachableError
from towpath.sdk.backoff import RETRY_STATUSES, Retry, retry_after
from towpath.sdk.http import HttpClient, Response, shown, status_error
from towpath.sdk.rest.urls import origin

_SAFE_TWICE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_MOST_BYTES = 64 * 2**20
_SHOWN = 10_000
_UNAUTHORIZED, _TOO_MANY, _UNAVAILABLE = 401, 429, 503
_HIDDEN = frozenset({"authorization", "cookie", "set-cookie", "proxy-authorization", "x-wsse"})
_PRIVATE = {"body": "******"}
#: All others that a template may have filled stay with the origin that they were meant for.
_PUBLIC = frozenset({"content-type", "accept", "accept-language"})
_IN_URLS = "%/:?#[]@!$&'()*+,;=~-._"
#: What answers are made of where nobody says: forms are answered with JSON.
_ANSWERED = {Media.URLENCODED: Media.JSON, Media.FORM_DATA: Media.JSON, Media.OCTET_STREAM: Media.JSON}


@dataclass(frozen=True)
class Call:
    """A request before the credentials are put on."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """By names in lower case; their values may hold secrets."""
    body: bytes = b""
    kind: str = ""
    """The content type of the body."""
    attempts: int = 5
    repeatable: bool | None = None
    """Whether sending twice does no harm; None: as its method says."""


class Api:
    """One API, asked with the credentials of one connection. Safe between threads; close it."""

    def __init__(self, config: RestConfig) -> None:
        self.config = config
        self.words = Words(config)
        self._client = HttpClient(
            timeout=config.timeout,
            max_body=_MOST_BYTES,
            retry=Retry(attempts=1),
            secrets=self.words.secrets,
            tls=tls.context(config),
        )
        self._gate = Gate(config.rate_limit.pause)
        self._signer = signer(config.auth, self.words, self._ask)
        self._retry_header = config.rate_limit.retry_header.lower()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gate.close()
        self._client.close()

    # ── making requests ──────────────────────────────────────────────────────────────────────────

    def base(self, tools: Tools) -> str:
        """The base URI, without a slash at its end."""
        base = self.config.base_uri
        if "{" in base:
            base = tools.render(base, {}, connection=self.words.connection(tools))
        return base.rstrip("/")

    def url(self, relative: str, tools: Tools) -> str:
        """The URL of a rendered relative URI. Raises `ConfigError` for one of another origin."""
        base = self.base(tools)
        relative = relative.strip()
        if relative.startswith(("http://", "https://")):
            if origin(relative) != origin(base):
                raise ConfigError(
                    "http.invalid_url",
                    f"The URI of the request is at {origin(relative) or 'no host'}, not below the base URI: "
                    "it is not asked, because it would get the credentials.",
                    hint="Write it relative to the base URI, or use another connection.",
                    field="relative_uri",
                )
            url = relative
        elif not relative or relative[0] in "?#":
            url = base + relative
        else:
            url = f"{base}/{relative.lstrip('/')}"
        if url.isascii() and " " not in url:
            return url
        return quote(url, safe=_IN_URLS)

    def headers(self, more: Sequence[Header], render: Callable[[str], str]) -> dict[str, str]:
        """The headers of the connection and of a step, rendered; those of the step win."""
        made: dict[str, str] = {}
        for header in (*self.config.headers, *more):
            text = render(header.value) if "{" in header.value else header.value
            if not text.isascii() or (text and not text.isprintable()):
                raise DataError(
                    "value.unrepresentable",
                    f"What the header {header.name!r} would hold is not printable ASCII text.",
                    hint="Encode the value in the template.",
                )
            made[header.name.lower()] = text.strip()
        return made

    def media(self, own: Media | None) -> Media:
        """What bodies are made of."""
        return own or self.config.media_type

    def answer(
        self,
        response: Response,
        tools: Tools,
        success: Media | None = None,
        error: Media | None = None,
        *,
        has_header: bool = True,
    ) -> Answer:
        """The answer, to be read by the media type that the step or the connection names."""
        usual = success or self.config.success_media_type
        if usual is None:
            usual = _ANSWERED.get(self.config.media_type, self.config.media_type)
        if not response.ok:
            usual = error or self.config.error_media_type or usual
        return Answer(response, usual, tools, has_header=has_header)

    # ── sending them ─────────────────────────────────────────────────────────────────────────────

    def call(self, call: Call, tools: Tools) -> Response:
        """Send, again while that may help and does no harm; the last answer, whatever its status. Places are
        held while a request is under way, and not while waiting. Raises `TowpathError`.
        """
        attempt, renewed = 0, False
        while True:
            attempt += 1
            draft = self._draft(call)
            self._signer.sign(draft, tools)
            self._gate.enter(tools)
            try:
                response = self._send(draft, tools)
            except UnreachableError as error:
                wait = self._wait_for_server(error, call, attempt)
                if wait is None:
                    raise
            else:
                if not renewed and self.refuses_credentials(response, tools):
                    renewed = True
                    if self._signer.renew(draft, response, tools):
                        attempt -= 1
                        continue
                wait = self._wait_after(response, call, attempt, tools)
                if wait is None:
                    return response
            self._gate.sleep(wait, tools)

    def refuses_credentials(self, response: Response, tools: Tools) -> bool:
        """Whether the answer says that the credentials are not good."""
        failure = self.config.auth_failure
        if response.status in {_UNAUTHORIZED, failure.status}:
            return True
        return bool(failure.path) and self._found(response, failure.path or "", failure.values, tools)

    def is_limited(self, response: Response, tools: Tools) -> bool:
        """Whether the answer says that it was asked too often."""
        limit = self.config.rate_limit
        if response.status == limit.status:
            return True
        return bool(limit.path) and self._found(response, limit.path or "", limit.values, tools)

    def trouble(self, answer: Answer, verdict: Verdict) -> TowpathError | None:
        """The error of an answer that is not good by its status, or by what the connection says of refusals,
        in its own words; None for all others.
        """
        response, tools = answer.response, answer.tools
        limited = self.is_limited(response, tools)
        if self.refuses_credentials(response, tools):
            error = status_error(replace(response, status=_UNAUTHORIZED))
        elif limited or not response.ok:
            error = status_error(replace(response, status=_TOO_MANY) if limited else response)
        else:
            return None
        told = self.words.mask(answer.told(verdict)) or "(nothing)"
        error.message = f"{response.url} answered {response.status}: {told}"
        return error

    def _found(self, response: Response, path: str, values: tuple[str, ...], tools: Tools) -> bool:
        try:
            found = self.answer(response, tools).at(path)
        except DataError:
            return False
        return found is not MISSING and says(found, values)

    def _wait_for_server(self, error: UnreachableError, call: Call, attempt: int) -> float | None:
        """A connection that never came about carried nothing: to try again is always safe."""
        again = error.retryable and (self._repeatable(call) or error.context.get("unsent"))
        return Retry(attempts=call.attempts).wait(attempt) if again else None

    def _wait_after(self, response: Response, call: Call, attempt: int, tools: Tools) -> float | None:
        asked = {"retry-after": response.headers.get(self._retry_header, "")}
        limited = self.is_limited(response, tools)
        again = limited or (response.status == _UNAVAILABLE and retry_after(asked) is not None)
        if not again and not (self._repeatable(call) and response.status in RETRY_STATUSES):
            return None
        wait = Retry(attempts=call.attempts).wait(attempt, asked)
        if limited and wait:
            self._gate.hold(wait)
        return wait

    def _repeatable(self, call: Call) -> bool:
        return call.method in _SAFE_TWICE if call.repeatable is None else call.repeatable

    def _draft(self, call: Call) -> Draft:
        headers = dict(call.headers)
        if call.body and call.kind:
            headers.setdefault("content-type", call.kind)
        return Draft(call.method, call.url, headers, call.body)

    def _send(self, draft: Draft, tools: Tools, *, private: bool = False) -> Response:
        """``private``: the bodies hold credentials, and are not shown to who debugs."""
        if tools.debugging:
            tools.note("request", self._shown_request(draft) | (_PRIVATE if private else {}))
        try:
            with tools.slot():
                response = self._request(draft)
        except TowpathError as error:
            self.words.clean(error)
            raise
        response = replace(response, url=self.words.mask(response.url))
        if tools.debugging:
            tools.note("response", self._shown_response(draft, response) | (_PRIVATE if private else {}))
        return response

    def _request(self, draft: Draft) -> Response:
        return self._client.request(
            draft.method,
            draft.url,
            headers={name: text for name, text in draft.headers.items() if name in _PUBLIC},
            secret_headers={
                **{name: text for name, text in draft.headers.items() if name not in _PUBLIC},
                **draft.secret,
            },
            body=draft.body,
            repeatable=False,
        )

    def shown(self, url: str) -> str:
        """The URL as errors may show it."""
        return self.words.mask(shown(url))

    def _ask(self, request: Request, tools: Tools) -> tuple[Response, Callable[[str], Any]]:
        """A request without credentials of its own: a login, or the renewal of a token."""
        response = self._send(self._draft(self.prepare(request, tools)), tools, private=True)
        answer = self.answer(response, tools)

        def find(path: str) -> Any:
            found = answer.at(path)
            return None if found is MISSING else found

        return response, find

    def prepare(self, request: Request, tools: Tools) -> Call:
        """A request of the connection's own. Its URI may be a URL of another origin, if it names one."""
        words = self.words.connection(tools)

        def render(text: str, escape: Escape = Escape.NONE) -> str:
            return tools.render(text, {}, escape=escape, connection=words)

        uri = render(request.relative_uri, Escape.URI)
        url = uri if uri.startswith(("https://", "http://")) else self.url(uri, tools)
        body, kind = b"", ""
        if request.body is not None and request.method not in ("GET", "HEAD"):
            body, kind = bodies.fill(request.body, self.media(request.media_type), render)
        return Call(request.method, url, self.headers(request.headers, render), body, kind)

    # ── telling of them ──────────────────────────────────────────────────────────────────────────

    def _shown_request(self, draft: Draft) -> dict[str, Any]:
        return {
            "method": draft.method,
            "url": self.words.mask(draft.url),
            "headers": self._shown_headers({**draft.headers, **dict.fromkeys(draft.secret, "******")}),
            "body": self._shown_body(draft.body),
        }

    def _shown_response(self, draft: Draft, response: Response) -> dict[str, Any]:
        return {
            "url": self.words.mask(draft.url),
            "status": response.status,
            "headers": self._shown_headers(response.headers),
            "body": self._shown_body(response.body),
        }

    def _shown_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {
            name: "******" if name in _HIDDEN else self.words.mask(text) for name, text in headers.items()
        }

    def _shown_body(self, body: bytes) -> str:
        return self.words.mask(body[: 2 * _SHOWN].decode(errors="replace"))[:_SHOWN]
