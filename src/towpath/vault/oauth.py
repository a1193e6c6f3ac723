"""The dialogs of OAuth 2 (RFC 6749) with PKCE (RFC 7636) and revocation (RFC 7009), as a client.

Pure protocol: knows no store. Authlib puts together what is said; our own guarded client sends it, for token
addresses come from users too.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7009 import prepare_revoke_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from pydantic import SecretStr

from towpath.core.errors import ConfigError
from towpath.core.ports import OAuth
from towpath.sdk.http import HttpClient, Response, Retry
from towpath.sdk.http_errors import checked_parts
from towpath.vault.oauth_answers import TokenSet, check_revoked, tokens_of

#: Longer than any sound provider takes, shorter than the lease under which tokens are renewed.
TIMEOUT = 15.0
_LONGEST_ANSWER = 2**20
#: Said by ourselves; no provider's extra parameters replace them.
_OURS = frozenset({"response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge"})


@dataclass(frozen=True)
class OAuthClient:
    """How we are registered with a provider."""

    id: str
    secret: SecretStr | None = None
    """None for a public client."""
    auth: str = "client_secret_basic"
    """``client_secret_basic`` or ``client_secret_post``; with no secret it makes no difference."""


@dataclass(frozen=True)
class Dialog:
    """With one provider, its addresses filled in, in the name of one client. Close it when done.

    Everything that asks the provider raises what `tokens_of` does, and `ConfigError` or `UnreachableError` of
    the HTTP client: ``http.blocked_host``, ``http.redirect_refused``, ``connection.timeout`` …
    """

    oauth: OAuth
    client: OAuthClient
    http: HttpClient = field(
        default_factory=lambda: HttpClient(
            timeout=TIMEOUT, max_body=_LONGEST_ANSWER, max_redirects=0, retry=Retry(attempts=1)
        )
    )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def authorize_url(self, redirect_uri: str, state: str, verifier: str, scopes: Sequence[str] = ()) -> str:
        """Where to send a browser. ``verifier``: 43 to 128 characters that only we know (PKCE)."""
        checked_parts(self.oauth.authorize_url)
        more = {name: text for name, text in self.oauth.authorize_parameters.items() if name not in _OURS}
        if self.oauth.pkce:
            more |= {
                "code_challenge": create_s256_code_challenge(verifier),
                "code_challenge_method": "S256",
            }
        scope = self._scope(scopes)
        url: str = prepare_grant_uri(
            self.oauth.authorize_url, self.client.id, "code", redirect_uri, scope, state, **more
        )
        return url

    def exchange(self, code: str, redirect_uri: str, verifier: str) -> TokenSet:
        """The tokens for the code that a browser brought."""
        proof = {"code_verifier": verifier} if self.oauth.pkce else {}
        return self._tokens("authorization_code", code=code, redirect_uri=redirect_uri, **proof)

    def refresh(self, refresh_token: str) -> TokenSet:
        """New tokens for a refresh token, which may be of no use from then on."""
        return self._tokens("refresh_token", refresh_token=refresh_token)

    def own_tokens(self, scopes: Sequence[str] = ()) -> TokenSet:
        """Tokens for the client's own credentials."""
        return self._tokens("client_credentials", scope=self._scope(scopes))

    def revoke(self, token: str, hint: str) -> None:
        """Have the provider forget the token; ``hint``: ``access_token`` or ``refresh_token``."""
        body, _ = prepare_revoke_token_request(token, hint)
        check_revoked(self._post(self.oauth.revoke_url, body))

    def _tokens(self, grant: str, **values: str) -> TokenSet:
        asked_at = datetime.now(UTC)
        extra = {name: text for name, text in self.oauth.token_parameters.items() if name not in values}
        body = prepare_token_request(grant, **values, **extra)
        return tokens_of(self._post(self.oauth.token_url, body), asked_at)

    def _post(self, url: str, body: str) -> Response:
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        headers, body = self._signed(url, headers, body)
        hidden = {name: text for name, text in headers.items() if name == "Authorization"}
        shown = {name: text for name, text in headers.items() if name not in hidden}
        return self.http.request("POST", url, headers=shown, secret_headers=hidden, body=body.encode())

    def _signed(self, url: str, headers: Mapping[str, str], body: str) -> tuple[dict[str, str], str]:
        secret = self.client.secret.get_secret_value() if self.client.secret else None
        auth = ClientAuth(self.client.id, secret, self.client.auth if secret else "none")
        try:
            signed: tuple[Any, dict[str, str], str] = auth.prepare("POST", url, dict(headers), body)
        except UnicodeError:
            raise ConfigError(
                "oauth.client_refused",
                "The client id or secret has characters that cannot be sent.",
                hint="Copy both again from the provider's page.",
                field="client_secret",
            ) from None
        return signed[1], signed[2]

    def _scope(self, scopes: Sequence[str]) -> str:
        return self.oauth.scope_separator.join(scopes or self.oauth.scopes)


def new_secret() -> str:
    """43 random characters, 256 bits: for a cookie, a lease's owner."""
    return secrets.token_urlsafe(32)
