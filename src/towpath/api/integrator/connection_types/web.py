"""The types ``rest`` and ``http``: HTTP APIs, in the dialect of 2016 and that of today."""

from collections.abc import Mapping
from typing import Any

from towpath.api.integrator.connection_types.kind import ConnectionType, Settings
from towpath.api.integrator.connection_types.tables import (
    Row,
    Table,
    at,
    headers,
    number,
    one_of,
    put,
    secret_words,
    section,
    settings,
    text,
    values,
    words,
    yes,
)
from towpath.api.integrator.errors import Fault, invalid, required
from towpath.core.ports import AuthType

CONNECTOR = "rest_api"

_media = one_of("json", "urlencoded", "xml", "csv", "form-data", "plaintext", "octet-stream")
_location = one_of("header", "url", "body")


def _method(value: Any) -> str:
    return text(value).upper()


def _seconds(value: Any) -> float:
    return number(value) / 1000


def _scheme(value: Any) -> str:
    """The word before a token; a blank is how clients say that there is none."""
    return text(value).strip()


_COMMON: Table = (
    Row("baseURI", "base_uri", text),
    Row("mediaType", "media_type", _media),
    Row("headers", "headers", headers),
    Row("disableStrictSSL", "disable_strict_ssl", yes),
    Row("retryHeader", "rate_limit.retry_header", text),
    Row("encrypted", "encrypted", secret_words),
    Row("unencrypted", "unencrypted", words),
)

_REST: Table = (
    *_COMMON,
    Row("pingRelativeURI", "ping.relative_uri", text),
    Row("pingMethod", "ping.method", _method),
    Row("pingBody", "ping.body"),
    Row("pingSuccessPath", "ping.verdict.success_path", text),
    Row("pingSuccessValues", "ping.verdict.success_values", values),
    Row("pingFailurePath", "ping.verdict.fail_path", text),
    Row("pingFailureValues", "ping.verdict.fail_values", values),
)

_HTTP: Table = (
    *_COMMON,
    Row("successMediaType", "success_media_type", _media),
    Row("errorMediaType", "error_media_type", _media),
    Row("ping.relativeURI", "ping.relative_uri", text),
    Row("ping.method", "ping.method", _method),
    Row("ping.body", "ping.body"),
    Row("ping.successPath", "ping.verdict.success_path", text),
    Row("ping.successValues", "ping.verdict.success_values", values),
    Row("ping.failPath", "ping.verdict.fail_path", text),
    Row("ping.failValues", "ping.verdict.fail_values", values),
    Row("ping.errorPath", "ping.verdict.error_path", text),
    Row("rateLimit.failStatusCode", "rate_limit.status", number),
    Row("rateLimit.failPath", "rate_limit.path", text),
    Row("rateLimit.failValues", "rate_limit.values", values),
    Row("rateLimit.limit", "rate_limit.pause", _seconds, lambda value: int(value * 1000)),
    Row("auth.failStatusCode", "auth_failure.status", number),
    Row("auth.failPath", "auth_failure.path", text),
    Row("auth.failValues", "auth_failure.values", values),
    Row("clientCertificates.cert", "client_certificate.cert", text),
    Row("clientCertificates.key", "client_certificate.key", text),
    Row("clientCertificates.passphrase", "client_certificate.passphrase", text),
    Row("clientCertificates.ca", "ca_certificate", text),
)

_REST_PLACED: Table = (
    Row("tokenLocation", "auth.location", _location),
    Row("tokenParam", "auth.param_name", text),
    Row("authHeader", "auth.header_name", text),
    Row("authScheme", "auth.scheme", _scheme),
)

_HTTP_PLACED: Table = (
    Row("auth.token.location", "auth.location", _location),
    Row("auth.token.paramName", "auth.param_name", text),
    Row("auth.token.headerName", "auth.header_name", text),
    Row("auth.token.scheme", "auth.scheme", _scheme),
)


def _login(prefix: str) -> Table:
    return (
        Row(f"{prefix}.uri", "auth.relative_uri", text),
        Row(f"{prefix}.method", "auth.method", _method),
        Row(f"{prefix}.body", "auth.body"),
        Row(f"{prefix}.successStatusCode", "auth.success_status", number),
    )


def _pair(prefix: str) -> Table:
    return (
        Row(f"{prefix}.username", "auth.username", text),
        Row(f"{prefix}.password", "auth.password", text),
    )


def _oauth(token: str, refresh: str, authorize: str, ask: str) -> Table:
    return (
        Row(token, "access_token", text),
        Row(refresh, "refresh_token", text),
        Row(authorize, "authorize_url", text),
        Row(ask, "token_url", text),
    )


#: What belongs to each way of authentication, by its word.
_REST_AUTH: Mapping[str, Table] = {
    "none": (),
    "custom": (),
    "hmac": (),
    "basic": _pair("basicAuth"),
    "digest": _pair("basicAuth"),
    "wsse": _pair("basicAuth"),
    "cookie": _login("cookieAuth"),
    "token": (
        *_REST_PLACED,
        Row("bearerToken", "auth.token", text),
        Row("refreshToken", "auth.refresh_token", text),
        Row("refreshTokenMethod", "auth.refresh.method", _method),
        Row("refreshTokenURI", "auth.refresh.relative_uri", text),
        Row("refreshTokenBody", "auth.refresh.body"),
        Row("refreshTokenPath", "auth.refresh.token_path", text),
        Row("refreshTokenMediaType", "auth.refresh.media_type", _media),
        Row("refreshTokenHeaders", "auth.refresh.headers", headers),
    ),
    "oauth": (*_REST_PLACED, *_oauth("bearerToken", "refreshToken", "authURI", "oauthTokenURI")),
    "oauth1": (
        Row("oauth1.consumerKey", "auth.consumer_key", text),
        Row("oauth1.consumerSecret", "auth.consumer_secret", text),
        Row("oauth1.accessToken", "auth.token", text),
        Row("oauth1.tokenSecret", "auth.token_secret", text),
        Row("oauth1.realm", "auth.realm", text),
    ),
    "jwt": (
        *_REST_PLACED,
        Row("jwt.algorithm", "auth.algorithm", lambda value: text(value).upper(), str),
        Row("jwt.secret", "auth.secret", text),
        Row("jwt.claims", "auth.claims", words),
    ),
}

_HTTP_AUTH: Mapping[str, Table] = {
    "none": (),
    "custom": (),
    "basic": _pair("auth.basic"),
    "digest": _pair("auth.basic"),
    "wsse": (*_pair("auth.basic"), *_pair("auth.wsse")),
    "cookie": _login("auth.cookie"),
    "token": (
        *_HTTP_PLACED,
        Row("auth.token.token", "auth.token", text),
        Row("auth.token.refreshToken", "auth.refresh_token", text),
        Row("auth.token.refreshMethod", "auth.refresh.method", _method),
        Row("auth.token.refreshRelativeURI", "auth.refresh.relative_uri", text),
        Row("auth.token.refreshBody", "auth.refresh.body"),
        Row("auth.token.refreshTokenPath", "auth.refresh.token_path", text),
        Row("auth.token.refreshMediaType", "auth.refresh.media_type", _media),
        Row("auth.token.refreshHeaders", "auth.refresh.headers", headers),
    ),
    "oauth": (
        *_HTTP_PLACED,
        *_oauth("auth.token.token", "auth.token.refreshToken", "auth.oauth.authURI", "auth.oauth.tokenURI"),
    ),
    "oauth1": (
        Row("auth.oauth1.consumerKey", "auth.consumer_key", text),
        Row("auth.oauth1.consumerSecret", "auth.consumer_secret", text),
        Row("auth.oauth1.accessToken", "auth.token", text),
        Row("auth.oauth1.tokenSecret", "auth.token_secret", text),
        Row("auth.oauth1.realm", "auth.realm", text),
    ),
    "jwt": (
        *_HTTP_PLACED,
        Row("auth.jwt.algorithm", "auth.algorithm", lambda value: text(value).upper(), str),
        Row("auth.jwt.secret", "auth.secret", text),
        Row("auth.jwt.claims", "auth.claims", words),
    ),
}


def _client_auth(value: Any) -> str:
    return "client_secret_post" if text(value).lower() == "body" else "client_secret_basic"


#: Settings of the asking for tokens, which the connector does not know.
_REST_CLIENT: Table = (
    Row("clientId", "client_id", text),
    Row("clientSecret", "client_secret", text),
    Row("scope", "scopes", values),
    Row("scopeDelimiter", "scope_separator", text),
)
_HTTP_CLIENT: Table = (
    Row("auth.oauth.clientId", "client_id", text),
    Row("auth.oauth.clientSecret", "client_secret", text),
    Row("auth.oauth.scope", "scopes", values),
    Row("auth.oauth.scopeDelimiter", "scope_separator", text),
    Row("auth.oauth.clientCredentialsLocation", "client_auth", _client_auth),
)


def _rest_way(part: Mapping[str, Any]) -> str:
    """The way of authentication; documents of 2016 may leave it to what they have."""
    given = part.get("authType")
    if given:
        return str(given)
    if part.get("bearerToken"):
        return "token"
    return "basic" if part.get("basicAuth") else "none"


def _http_way(part: Mapping[str, Any]) -> str:
    return str(at(part, "auth.type") or "none")


def _read(
    name: str, part: Mapping[str, Any], way: str, ways: Mapping[str, Table], table: Table, faults: list[Fault]
) -> Settings:
    if way not in ways:
        faults.append(invalid(_auth_field(name), f"It is one of {', '.join(sorted(ways))}."))
        way = "none"
    whole = (*table, *ways[way])
    config = settings(whole, part, name, faults)
    put(config, "auth.type", way)
    faults += [required(f"{name}.{field}") for field in ("baseURI", "mediaType") if not part.get(field)]
    _check_base(name, config.get("base_uri"), faults)
    if at(part, "clientCertificates.pfx"):
        faults.append(invalid(f"{name}.clientCertificates.pfx", "Give cert and key in PEM form instead."))
    places = {row.ours: f"{name}.{row.theirs}" for row in whole} | {"auth": _auth_field(name)}
    return Settings(CONNECTOR, config, auth=_sealed(way), places=places)


def _sealed(way: str) -> AuthType | None:
    """Bodies of logins are no secrets to the connector, and hold them."""
    if way == "oauth":
        return AuthType.OAUTH2
    return AuthType.BASIC if way == "cookie" else None


def _auth_field(name: str) -> str:
    return "rest.authType" if name == "rest" else "http.auth.type"


def _check_base(name: str, base: Any, faults: list[Fault]) -> None:
    if isinstance(base, str) and "@" in base.partition("//")[2].partition("/")[0]:
        faults.append(invalid(f"{name}.baseURI", "User name and password do not stand in it."))


def _client(found: Settings, table: Table, part: Mapping[str, Any], name: str, faults: list[Fault]) -> None:
    if found.auth is not AuthType.OAUTH2:
        return
    asked = settings(table, part, name, faults)
    found.scopes = tuple(str(scope) for scope in asked.pop("scopes", ()))
    found.config |= {key: asked.pop(key) for key in ("client_id", "client_secret") if key in asked}
    found.credentials |= asked


def read_rest(document: Mapping[str, Any], faults: list[Fault]) -> Settings:
    part = document.get("rest")
    if not isinstance(part, Mapping):
        faults.append(required("rest"))
        return Settings(CONNECTOR)
    found = _read("rest", part, _rest_way(part), _REST_AUTH, _REST, faults)
    _client(found, _REST_CLIENT, part, "rest", faults)
    return found


def read_http(document: Mapping[str, Any], faults: list[Fault]) -> Settings:
    part = document.get("http")
    if not isinstance(part, Mapping):
        faults.append(required("http"))
        return Settings(CONNECTOR)
    found = _read("http", part, _http_way(part), _HTTP_AUTH, _HTTP, faults)
    _client(found, _HTTP_CLIENT, part, "http", faults)
    return found


def write_http(config: Mapping[str, Any]) -> dict[str, Any]:
    """Always in the dialect of today."""
    way = str(at(config, "auth.type") or "none")
    found = section((*_HTTP, *_HTTP_AUTH.get(way, ())), config)
    if way != "none":
        put(found, "auth.type", way)
    found.setdefault("mediaType", "json")
    return found


REST = ConnectionType("rest", read_rest, level=5, lists=("encryptedFields", "unencryptedFields", "scope"))
HTTP = ConnectionType("http", read_http, write_http, connectors=(CONNECTOR,), level=25)
