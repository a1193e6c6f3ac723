"""How an HTTP API is reached: the connection's side, in one dialect for the published `rest` and `http`."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from towpath.connectors.rest_api.auth import Auth, NoAuth
from towpath.connectors.rest_api.parts import Header, Media, Part, Request, Values, Verdict
from towpath.sdk.pem import Certificates, check_certificates


class Ping(Request):
    """``http.ping``, ``rest.ping…``: a request that tells whether the connection works."""

    verdict: Verdict = Field(default_factory=Verdict)


class RateLimit(Part):
    """How the API says that it is asked too often, and how often it may be."""

    status: int = Field(429, ge=100, le=599)
    """``http.rateLimit.failStatusCode``."""
    path: str | None = None
    """``http.rateLimit.failPath``: where the body says so whatever the status."""
    values: Values = ()
    """``http.rateLimit.failValues``; empty for anything there."""
    retry_header: str = "Retry-After"
    """``rest.retryHeader``, ``http.retryHeader``: seconds or a date."""
    pause: float = Field(0, ge=0, le=3600)
    """``http.rateLimit.limit``, there in milliseconds: seconds from one request to the next."""


class AuthFailure(Part):
    """How the API says that credentials are refused, besides the status 401."""

    status: int | None = Field(None, ge=100, le=599)
    """``http.auth.failStatusCode``."""
    path: str | None = None
    """``http.auth.failPath``."""
    values: Values = ()
    """``http.auth.failValues``."""


class ClientCertificate(Part):
    """``http.clientCertificates``: what the API knows this client by, in PEM form."""

    cert: str = Field(min_length=1, json_schema_extra={"multiline": True})
    key: SecretStr = Field(json_schema_extra={"multiline": True})
    passphrase: SecretStr | None = None

    @field_validator("cert")
    @classmethod
    def _is_certificate(cls, text: str) -> str:
        return check_certificates(text)


class RestConfig(BaseModel):
    """An HTTP API: where it is, how it knows us, what its bodies are made of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_uri: str = Field(
        title="Base URI", min_length=8, description="https://host/path, below which all is."
    )
    """``rest.baseURI``, ``http.baseURI``; a template that may name words of the connection."""
    media_type: Media = Field(Media.JSON, title="Media type", description="Of bodies that are sent.")
    """``rest.mediaType``, ``http.mediaType``."""
    success_media_type: Media | None = Field(None, title="Media type of answers")
    """``http.successMediaType``; None for JSON where bodies are JSON or forms, else the same."""
    error_media_type: Media | None = Field(None, title="Media type of refusals")
    """``http.errorMediaType``; None for that of other answers."""
    auth: Auth = Field(default_factory=NoAuth, title="Authentication")
    """``rest.authType``, ``http.auth.type`` and what belongs to it."""
    auth_failure: AuthFailure = Field(default_factory=AuthFailure, title="Refused credentials")
    headers: tuple[Header, ...] = Field((), title="Headers")
    """``rest.headers``, ``http.headers``: templates that may name words of the connection."""
    encrypted: dict[str, SecretStr] = Field(default_factory=dict, title="Secret words")
    """``rest.encrypted``, ``http.encrypted``: requests see ``connection.http.encrypted.x``."""
    unencrypted: dict[str, str | int | float | bool | None] = Field(default_factory=dict, title="Words")
    """``rest.unencrypted``, ``http.unencrypted``: seen as ``connection.http.unencrypted.x``."""
    ping: Ping | None = Field(None, title="Ping")
    """``http.ping``, ``rest.ping…``; None: any answer to a GET of the base URI will do."""
    rate_limit: RateLimit = Field(default_factory=RateLimit, title="Rate limit")
    client_certificate: ClientCertificate | None = Field(None, title="Client certificate")
    ca_certificate: Certificates = Field("", title="CA certificate", description="PEM of a private CA.")
    """``http.clientCertificates.ca``."""
    disable_strict_ssl: bool = Field(False, title="Trust any certificate")
    """``rest.disableStrictSSL``, ``http.disableStrictSSL``."""
    timeout: float = Field(60, gt=0, le=600, title="Time-out", description="Seconds for one request.")

    access_token: SecretStr | None = Field(None, title="Access token", json_schema_extra={"advanced": True})
    """Of OAuth 2, kept fresh by the platform, as the fields that follow are used by it alone."""
    refresh_token: SecretStr | None = Field(None, title="Refresh token", json_schema_extra={"advanced": True})
    """``rest.refreshToken``."""
    client_id: str | None = Field(None, title="Client id", json_schema_extra={"advanced": True})
    client_secret: SecretStr | None = Field(None, title="Client secret", json_schema_extra={"advanced": True})
    token_url: str | None = Field(None, title="Token URL", json_schema_extra={"advanced": True})
    """``rest.oauthTokenURI``, ``http.auth.oauth.tokenURI``."""
    authorize_url: str | None = Field(None, title="Authorize URL", json_schema_extra={"advanced": True})
    """``rest.authURI``, ``http.auth.oauth.authURI``."""
    revoke_url: str | None = Field(None, title="Revocation URL", json_schema_extra={"advanced": True})

    @field_validator("base_uri")
    @classmethod
    def _is_http(cls, text: str) -> str:
        if not text.startswith(("https://", "http://", "{{")):
            raise ValueError("it begins with https:// or http://")
        return text

    @model_validator(mode="after")
    def _can_authenticate(self) -> "RestConfig":
        auth = self.auth
        if auth.type == "token" and not auth.token and not auth.refresh:
            raise ValueError("give auth.token, or auth.refresh to get one with")
        return self
