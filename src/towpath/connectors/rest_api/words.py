"""What templates may know of a connection, and how its secrets stay out of everything else."""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, SecretStr

from towpath.connectors.rest_api.auth import BasicAuth, TokenAuth
from towpath.connectors.rest_api.config import RestConfig
from towpath.sdk import Tools, TowpathError

_SHORTEST = 4
_MASK = "******"
#: Stands around the name of a secret where a text is kept without it. No URL or JSON text holds it as it is.
_MARK = "\x01"
_HIDDEN = re.compile(f"{_MARK}([^{_MARK}]*){_MARK}([^{_MARK}]?){_MARK}")
_SPELT: Mapping[str, Callable[[str], str]] = {"%": lambda text: quote(text, safe=""), "+": quote_plus}


class Words:
    """The words of a connection. Safe between threads."""

    def __init__(self, config: RestConfig) -> None:
        self._secrets = dict(_secrets(config, ""))
        self._spelt: tuple[str | None, tuple[str, ...]] = (None, ())
        """The spellings of all secrets, with the token that they are of."""
        auth = config.auth
        given = auth.token if isinstance(auth, TokenAuth) else config.access_token
        self.token = given.get_secret_value() if given else ""
        """The token as it is now: a renewal puts a new one here."""
        self._common = {
            "encrypted": {name: text.get_secret_value() for name, text in config.encrypted.items()},
            "unencrypted": dict(config.unencrypted),
            "baseURI": config.base_uri,
        }
        self._pair = (
            {"username": auth.username, "password": auth.password.get_secret_value()}
            if isinstance(auth, BasicAuth)
            else {}
        )
        refresh = auth.refresh_token if isinstance(auth, TokenAuth) else config.refresh_token
        self._refresh = refresh.get_secret_value() if refresh else ""
        if self._pair:
            pair = f"{self._pair['username']}:{self._pair['password']}"
            self._secrets["basic"] = base64.b64encode(pair.encode()).decode()

    @property
    def secrets(self) -> list[str]:
        """All texts that must not show."""
        found = {text for text in (*self._secrets.values(), self.token) if len(text) >= _SHORTEST}
        return sorted(found, key=len, reverse=True)

    def connection(self, tools: Tools) -> dict[str, Any]:
        """``connection`` as templates of requests see it: the caller's public words, and the secret ones."""
        known = tools.now.words.get("connection")
        return {**(known if isinstance(known, Mapping) else {}), **self._own()}

    def _own(self) -> dict[str, Any]:
        token = {"token": self.token, "refreshToken": self._refresh}
        auth = {"token": token, "oauth": token, "basic": self._pair}
        return {
            "http": {**self._common, "auth": auth},
            "rest": {
                **self._common,
                "bearerToken": self.token,
                "refreshToken": self._refresh,
                "basicAuth": self._pair,
            },
        }

    def stand_in(self, body: bytes) -> bool:
        """Whether any secret stands in the body."""
        return any(secret.encode() in body for secret in self.secrets)

    def mask(self, text: str) -> str:
        """The text without any secret, as it is or percent-encoded."""
        token, spelt = self._spelt
        if token != self.token:
            secrets = self.secrets
            found = [*secrets, *(spell(secret) for secret in secrets for spell in _SPELT.values())]
            token, spelt = self._spelt = self.token, tuple(dict.fromkeys(found))
        for secret in spelt:
            text = text.replace(secret, _MASK)
        return text

    def clean(self, error: TowpathError) -> None:
        """Take any secret out of the error: one may stand in a path."""
        error.message = self.mask(error.message)
        error.args = (error.message,)
        error.context = {
            name: self.mask(value) if isinstance(value, str) else value
            for name, value in error.context.items()
        }

    def hide(self, text: str) -> str:
        """The text with names in place of secrets: it may be kept, and `show` undoes it."""
        known = {**self._secrets, "token": self.token}
        for name, secret in sorted(known.items(), key=lambda pair: -len(pair[1])):
            if len(secret) >= _SHORTEST:
                text = text.replace(secret, f"{_MARK}{name}{_MARK}{_MARK}")
                text = text.replace(quote(secret, safe=""), f"{_MARK}{name}{_MARK}%{_MARK}")
                text = text.replace(quote_plus(secret), f"{_MARK}{name}{_MARK}+{_MARK}")
        return text

    def show(self, text: str) -> str:
        """The text with the secrets of now. A secret that is gone leaves nothing."""
        known = {**self._secrets, "token": self.token}
        return _HIDDEN.sub(lambda found: _SPELT.get(found[2], str)(known.get(found[1], "")), text)


def _secrets(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, SecretStr):
        yield path, value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name), f"{path}.{name}".lstrip("."))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _secrets(item, f"{path}.{name}")
