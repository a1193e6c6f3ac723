"""URLs: their origins, their queries, and where the links of an answer lead."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from towpath.core.errors import ConfigError

_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> str:
    """Scheme, host and port; empty if it is no http or https URL.

    >>> origin("https://Example.com/a?b"), origin("file:///etc/passwd"), origin("http://a:x/")
    ('https://example.com:443', '', '')
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname and not parts.username else ""


def checked(url: str) -> str:
    """The origin of a base URL. Raises `ConfigError` ``http.invalid_url`` if it has none."""
    if not origin(url):
        raise ConfigError(
            "http.invalid_url",
            "The base URL of the connection is not a valid http or https URL.",
            hint="Write https://host/path.",
            field="base_url",
        )
    return origin(url)


def follow(url: str, link: str) -> str:
    """The URL that a link in an answer of ``url`` leads to.

    Servers behind a proxy do not know that they are spoken to in TLS, and name themselves with http:

    >>> follow("https://a.example/x", "http://a.example/x?page=2"), follow("http://a.example/x/y", "?p=2")
    ('https://a.example/x?page=2', 'http://a.example/x/y?p=2')
    """
    try:
        target = urljoin(url, link)
        parts = urlsplit(target)
    except ValueError:
        return ""
    host = parts.netloc.removesuffix(":80")
    if parts.scheme == "http" and url.startswith("https://") and ":" not in host:
        return urlunsplit(parts._replace(scheme="https", netloc=host))
    return target


def with_query(url: str, query: Mapping[str, str]) -> str:
    """The URL with these parameters in place of those of the same names."""
    if not query:
        return url
    parts = urlsplit(url)
    kept = [(name, text) for name, text in parse_qsl(parts.query, True) if name not in query]
    return urlunsplit(parts._replace(query=urlencode([*kept, *query.items()])))
