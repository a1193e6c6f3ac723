"""What a token endpoint answered: tokens, or an error in our words. # Invariant 8

Nothing of an answer ever gets into a message but the error words of RFC 6749, which are no secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from towpath.core.errors import AuthError, ConfigError, DataError, TowpathError, UnreachableError
from towpath.sdk.backoff import RETRY_STATUSES, retry_after
from towpath.sdk.http import Response

#: What providers say when a code or refresh token is of no use any more. Only the first is the standard's.
_OVER = frozenset(
    {
        "invalid_grant",
        "bad_refresh_token",
        "bad_verification_code",
        "invalid_code",
        "invalid_refresh_token",
        "token_expired",
        "token_revoked",
    }
)
_CLIENT = frozenset(
    {
        "invalid_client",
        "unauthorized_client",
        "bad_client_secret",
        "incorrect_client_credentials",
        "invalid_client_id",
        "application_suspended",
    }
)
_PASSING = frozenset({"temporarily_unavailable", "server_error", "slow_down", "ratelimited", "rate_limited"})
_REQUEST = frozenset({"invalid_request", "invalid_scope", "unsupported_grant_type"})
#: Says that nothing is wrong with the refresh token: the client is refused before anybody looks at it.
_UNAUTHORIZED = 401


@dataclass(frozen=True)
class TokenSet:
    """Tokens as they were answered."""

    values: Mapping[str, Any] = field(repr=False)
    """The whole answer: ``access_token``, which is a text, and what else the provider says."""
    asked_at: datetime
    """When they were asked for, by our clock: ``expires_in`` counts from here at the latest."""

    @property
    def scopes(self) -> tuple[str, ...] | None:
        """What was granted; None if the answer does not say."""
        text = self.values.get("scope")
        return tuple(text.replace(",", " ").split()) if isinstance(text, str) else None


def tokens_of(response: Response, asked_at: datetime) -> TokenSet:
    """The tokens. Raises `AuthError` (``oauth.invalid_grant``), `ConfigError` (``oauth.client_refused``,
    ``oauth.request_refused``), `UnreachableError` (``oauth.unavailable``), `DataError`
    (``oauth.malformed_answer``).
    """
    if response.status in RETRY_STATUSES:
        raise _unavailable(response)
    values = _object(response)
    error = values.get("error")
    if error or not response.ok or values.get("ok") is False:
        raise _refusal(response, error)
    token = values.get("access_token")
    if not isinstance(token, str) or not token:
        raise _malformed(response, "without an access token")
    return TokenSet(values, asked_at)


def check_revoked(response: Response) -> None:
    """Raises as `tokens_of` does unless the token was revoked, or was of no use before (RFC 7009)."""
    if response.status in RETRY_STATUSES:
        raise _unavailable(response)
    if not response.ok:
        try:
            error = _object(response).get("error")
        except DataError:
            error = None
        raise _refusal(response, error)


def _object(response: Response) -> dict[str, Any]:
    try:
        values = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict):
        raise _malformed(response, "with something that is not a JSON object")
    return values


def _refusal(response: Response, error: object) -> TowpathError:
    word = error if isinstance(error, str) else ""
    if word in _OVER:
        return AuthError(
            "oauth.invalid_grant",
            f"{response.url} does not renew the tokens any more.",
            hint="Somebody has to sign in again.",
        )
    if word in _PASSING:
        return _unavailable(response)
    if word in _CLIENT or (response.status == _UNAUTHORIZED and word not in _REQUEST):
        return ConfigError(
            "oauth.client_refused",
            f"{response.url} refuses the OAuth client.",
            hint="Check client id and secret of the provider, and what the client may do there.",
            field="client_id",
        )
    said = f" ({word})" if word in _REQUEST else ""
    return ConfigError(
        "oauth.request_refused",
        f"{response.url} answered {response.status} and refuses the request{said}.",
        hint="Check the scopes, and that the client may use this kind of grant.",
    )


def _unavailable(response: Response) -> UnreachableError:
    return UnreachableError(
        "oauth.unavailable",
        f"{response.url} answered {response.status}: it cannot say now.",
        hint="The provider has trouble; it is tried again.",
        retry_after=retry_after(response.headers),
    )


def _malformed(response: Response, how: str) -> DataError:
    return DataError(
        "oauth.malformed_answer",
        f"{response.url} answered {how}.",
        hint="Check the provider's token address; the answer may be of another page.",
    )
