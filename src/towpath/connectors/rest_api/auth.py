"""The ways in which an HTTP API knows its callers."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from towpath.connectors.rest_api.parts import Part, Request

Location = Literal["header", "url", "body"]


class NoAuth(Part):
    """No credentials, or those that the headers' templates name."""

    type: Literal["none"] = "none"


class CustomAuth(Part):
    """Templates of headers, URIs and bodies hold the credentials (``custom``, ``hmac``)."""

    type: Literal["custom", "hmac"] = "custom"


class BasicAuth(Part):
    """User name and password (RFC 7617)."""

    type: Literal["basic"] = "basic"
    username: str
    """``rest.basicAuth.username``, ``http.auth.basic.username``."""
    password: SecretStr
    """``rest.basicAuth.password``, ``http.auth.basic.password``."""


class DigestAuth(Part):
    """User name and password, shown by a digest of the server's challenge (RFC 7616)."""

    type: Literal["digest"] = "digest"
    username: str
    password: SecretStr


class _Placed(Part):
    location: Location = "header"
    """``rest.tokenLocation``, ``http.auth.token.location``."""
    header_name: str = Field("Authorization", pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
    """``rest.authHeader``, ``http.auth.token.headerName``."""
    scheme: str = "Bearer"
    """``rest.authScheme``, ``http.auth.token.scheme``: the word before the token; empty for none."""
    param_name: str = "access_token"
    """``rest.tokenParam``, ``http.auth.token.paramName``: in the URL, or in the body."""


class Refresh(Request):
    """How a new token is asked for when the old one is refused. It is kept in memory alone."""

    method: str = Field("POST", pattern="^(GET|POST|PUT)$")
    """``rest.refreshTokenMethod``, ``http.auth.token.refreshMethod``; ``relative_uri``, ``body``, ``headers``
    and ``media_type`` are ``rest.refreshTokenURI/Body/Headers/MediaType``,
    ``http.auth.token.refreshRelativeURI/Body/Headers/MediaType``.
    """
    token_path: str = "access_token"  # noqa: S105 - a path, not a token
    """``rest.refreshTokenPath``, ``http.auth.token.refreshTokenPath``: where the answer has the token."""


class TokenAuth(_Placed):
    """A token in every request."""

    type: Literal["token"] = "token"
    token: SecretStr | None = None
    """``rest.bearerToken``, ``http.auth.token.token``; None where ``refresh`` gets the first one, too."""
    refresh_token: SecretStr | None = None
    """``rest.refreshToken``, ``http.auth.token.refreshToken``: what the templates of ``refresh`` see."""
    refresh: Refresh | None = None


class OAuth2Auth(_Placed):
    """The connection's ``access_token``, which the platform keeps fresh."""

    type: Literal["oauth"] = "oauth"


class CookieAuth(Request):
    """A login that answers with cookies, done again when they are refused."""

    type: Literal["cookie"] = "cookie"
    relative_uri: str = Field(min_length=1)
    """``rest.cookieAuth.uri``, ``http.auth.cookie.uri``; ``method`` and ``body`` likewise."""
    method: str = Field("POST", pattern="^(GET|POST|PUT)$")
    success_status: int | None = Field(None, ge=100, le=599)
    """``….cookieAuth.successStatusCode``; None for any success."""


class WsseAuth(Part):
    """A WSSE username token in the header ``X-WSSE``."""

    type: Literal["wsse"] = "wsse"
    username: str
    password: SecretStr
    header_name: str = "X-WSSE"


class JwtAuth(_Placed):
    """A JSON web token, signed anew for every request with a shared secret."""

    type: Literal["jwt"] = "jwt"
    algorithm: Literal["HS256", "HS384", "HS512"] = "HS256"
    secret: SecretStr = Field(min_length=1)
    claims: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Texts are templates; ``iat`` and ``exp`` are added."""
    lifetime: int = Field(300, ge=1, le=86_400)
    """Seconds."""


class OAuth1Auth(Part):
    """Requests signed as of OAuth 1.0 (RFC 5849)."""

    type: Literal["oauth1"] = "oauth1"
    consumer_key: str
    consumer_secret: SecretStr
    token: str | None = None
    token_secret: SecretStr | None = None
    signature_method: Literal["HMAC-SHA1", "PLAINTEXT"] = "HMAC-SHA1"
    realm: str | None = None


Auth = Annotated[
    NoAuth
    | CustomAuth
    | BasicAuth
    | DigestAuth
    | TokenAuth
    | OAuth2Auth
    | CookieAuth
    | WsseAuth
    | JwtAuth
    | OAuth1Auth,
    Field(discriminator="type"),
]
