"""Whether a request to a listener comes from who it says it does."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from towpath.core.errors import AuthError
from towpath.dataplane.paths import compile_path


@dataclass(frozen=True, kw_only=True)
class Posted:
    """A request to a listener, as it came."""

    body: bytes
    headers: Mapping[str, str]
    """With lowercase names."""
    query: Mapping[str, str]
    token: str | None = None
    """Of the path."""
    basic: tuple[str, str] | None = None
    """User name and password of ``Authorization: Basic``."""
    parsed: Any = None
    """The body as JSON, where it is any."""


def verify(config: Mapping[str, Any], posted: Posted) -> None:
    """``config`` is a listener's, secrets included. Raises `AuthError` (``listener.refused``), which never
    says what did not fit.
    """
    check = _CHECKS.get(config.get("verify", "none"), _nobody)
    if not check(config, posted):
        raise AuthError(
            "listener.refused",
            "The request does not show what this listener expects.",
            hint="Compare the token, password or key of the sender with that of the export.",
        )


def _nobody(_config: Mapping[str, Any], _posted: Posted) -> bool:
    return False


def _token(config: Mapping[str, Any], posted: Posted) -> bool:
    return _same(config["token"], _shown_token(config, posted))


def _shown_token(config: Mapping[str, Any], posted: Posted) -> str | None:
    location, name = config.get("token_location", "url"), config.get("token_name") or ""
    if location == "header":
        return _without(config.get("token_scheme"), posted.headers.get((name or "authorization").lower()))
    if location == "query":
        return posted.query.get(name or "token")
    if location == "body":
        found = compile_path(config["token_path"]).get(posted.parsed)
        return str(found) if isinstance(found, str | int) else None
    return posted.token


def _without(scheme: str | None, value: str | None) -> str | None:
    """The header's value behind its scheme; with the wrong scheme it is none."""
    if not scheme or value is None:
        return value
    given, _, rest = value.partition(" ")
    return rest.strip() if given.lower() == scheme.lower() else None


def _secret_url(config: Mapping[str, Any], posted: Posted) -> bool:
    return _same(config["token"], posted.token)


def _basic(config: Mapping[str, Any], posted: Posted) -> bool:
    user, password = posted.basic or (None, None)
    # Both are compared, whatever comes of the first.
    return _same(config["username"], user) & _same(config["password"], password)


def _signature(config: Mapping[str, Any], posted: Posted) -> bool:
    algorithm = config.get("algorithm", "sha256")
    digest = hmac.digest(config["key"].encode(), posted.body, getattr(hashlib, algorithm))
    wanted = base64.b64encode(digest).decode() if config.get("encoding") == "base64" else digest.hex()
    shown = posted.headers.get(config["header"].lower(), "").strip()
    # Some senders say the algorithm before the signature.
    shown = shown.removeprefix(f"{algorithm}=")
    return _same(wanted, shown if config.get("encoding") == "base64" else shown.lower())


def _same(wanted: str, shown: str | None) -> bool:
    """In constant time."""
    return hmac.compare_digest(wanted.encode(), (shown or "").encode()) and shown is not None


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], Posted], bool]] = {
    "token": _token,
    "secret_url": _secret_url,
    "basic": _basic,
    "hmac": _signature,
}
