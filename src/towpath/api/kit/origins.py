"""Where browsers reach this server, and which pages their requests come from."""

from collections.abc import Collection
from ipaddress import ip_address

from fastapi import Request

from towpath.core.errors import ConfigError

#: What browsers say of a request's page (``Sec-Fetch-Site``): it is ours, or there is none.
_OURS = ("same-origin", "none")


def origin(request: Request) -> str:
    """``https://host`` without a slash at the end: what the operator said; without that, on this machine
    alone, what the request says. Raises `ConfigError` (``settings.no_public_url``).
    """
    public: str | None = request.app.state.rooms.public_url
    if public:
        return public
    if _is_loopback(request.url.hostname) and request.client and _is_loopback(request.client.host):
        return f"{request.url.scheme}://{request.url.netloc}"
    raise ConfigError(
        "settings.no_public_url",
        "It is not known where browsers reach this server.",
        hint="Set TOWPATH_PUBLIC_URL to its address, such as https://towpath.example.com.",
    )


def is_foreign(request: Request, trusted: Collection[str]) -> bool:
    """Whether a page of another origin than ours and the trusted ones made a browser send the request.

    What no browser sent has neither of the two headers, and is not foreign.
    """
    site, page = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site == "cross-site":
        return True
    if page is None or (page == "null" and site in _OURS):
        return site is not None and site not in _OURS
    return page not in trusted and page not in _own(request)


def is_secure(request: Request) -> bool:
    """Whether browsers reach us over TLS, here or at the proxy in front."""
    public: str = request.app.state.rooms.public_url or ""
    return request.url.scheme == "https" or public.startswith("https:")


def _own(request: Request) -> tuple[str | None, ...]:
    host = request.headers.get("host", "").lower()
    # A proxy that nobody told us of may have taken the TLS off; nobody can put it on.
    return (request.app.state.rooms.public_url, f"{request.url.scheme}://{host}", f"https://{host}")


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address((host or "").strip("[]")).is_loopback
    except ValueError:
        return False
