"""One request of an HTTP destination: its body, headers, idempotency key and signature."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from towpath.connectors.http.config import ApiKeyAuth, BasicAuth, BearerAuth, Body, HttpConfig
from towpath.sdk import Target
from towpath.sdk.http import HttpClient, Response, Retry
from towpath.sdk.webhooks import Signer

_TYPES = {Body.NDJSON: "application/x-ndjson"}


@dataclass(frozen=True)
class Chunk:
    """Records that go in one request: their places in the batch, and their JSON."""

    start: int
    """Place of the first record in the slice."""
    places: Sequence[int]
    texts: Sequence[bytes]

    def singles(self) -> "Iterator[Chunk]":
        """Each record as a chunk of its own."""
        first = self.start - self.places[0]
        for place, text in zip(self.places, self.texts, strict=True):
            yield Chunk(first + place, [place], [text])


class Sender:
    """Sends chunks. Safe to use from several threads at once."""

    def __init__(self, config: HttpConfig) -> None:
        self._config = config
        self._secret = {name: text.get_secret_value() for name, text in config.secret_headers.items()}
        self._secret |= _auth_headers(config)
        self._url = _with_query(config)
        self._signer = Signer(config.signing_secret.get_secret_value()) if config.signing_secret else None
        retry = Retry(attempts=config.max_attempts)
        secrets = [*self._secret.values(), *_plain_secrets(config)]
        self.client = HttpClient(timeout=config.timeout, retry=retry, secrets=secrets, ca_file=config.ca_file)

    def probe(self) -> Response:
        """Ask for nothing, to see who answers; in 3 seconds at most, without trying again."""
        probe = HttpClient(timeout=3, retry=Retry(attempts=1), ca_file=self._config.ca_file)
        with probe as client:
            return client.request(
                "HEAD", self._url, headers=self._config.headers, secret_headers=self._secret
            )

    def send(self, target: Target, slice: str, chunk: Chunk) -> tuple[Response, int]:
        """Send the chunk; the answer, and the number of bytes sent."""
        body = self._body(chunk.texts)
        key = idempotency_key(target, slice, chunk.start, body)
        name = self._config.idempotency_header
        headers = self._config.headers | {"content-type": _TYPES.get(self._config.body, "application/json")}
        signer = self._signer
        response = self.client.request(
            self._config.method,
            self._url,
            headers=headers | ({name: key} if name else {}),
            secret_headers=self._secret,
            body=body,
            repeatable=bool(name) or signer is not None or self._config.method == "PUT",
            sign=(lambda: signer.headers(f"msg_{key}", body)) if signer else None,
        )
        return response, len(body)

    def _body(self, texts: Sequence[bytes]) -> bytes:
        if self._config.body is Body.SINGLE:
            return texts[0]
        if self._config.body is Body.NDJSON:
            return b"\n".join(texts) + b"\n"
        return b"[" + b",".join(texts) + b"]"


def idempotency_key(target: Target, slice: str, start: int, body: bytes) -> str:
    """The same when a slice is re-done, another one for other records.

    The body is part of it: a slice may be cut differently the second time, and a server that takes other
    records under a known key for the old ones would lose them.
    """
    parts = [target.lineage, target.stream, target.run, slice, str(start)]
    digest = hashlib.blake2b("\0".join(parts).encode() + b"\0" + body, digest_size=16)
    return digest.hexdigest()


def _auth_headers(config: HttpConfig) -> Mapping[str, str]:
    auth = config.auth
    if isinstance(auth, BearerAuth):
        return {"Authorization": f"Bearer {auth.token.get_secret_value()}"}
    if isinstance(auth, BasicAuth):
        pair = f"{auth.username}:{auth.password.get_secret_value()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    if isinstance(auth, ApiKeyAuth) and auth.place == "header":
        return {auth.name: auth.value.get_secret_value()}
    return {}


def _with_query(config: HttpConfig) -> str:
    auth = config.auth
    if not isinstance(auth, ApiKeyAuth) or auth.place != "query":
        return config.url
    parts = urlsplit(config.url)
    added = urlencode({auth.name: auth.value.get_secret_value()})
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def _plain_secrets(config: HttpConfig) -> list[str]:
    """The secrets alone, without the words around them, so that no answer that echoes them shows them."""
    auth = config.auth
    if isinstance(auth, BearerAuth):
        return [auth.token.get_secret_value()]
    if isinstance(auth, BasicAuth):
        return [auth.password.get_secret_value()]
    return [auth.value.get_secret_value()] if isinstance(auth, ApiKeyAuth) else []
