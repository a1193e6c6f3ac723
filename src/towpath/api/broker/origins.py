"""Where browsers reach this server: what redirect addresses at providers are made of."""

from ipaddress import ip_address

from fastapi import Request

from towpath.core.errors import ConfigError

#: Registered with every provider as where it may send browsers back to.
CALLBACK = "/connect/callback"


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


def callback(request: Request) -> str:
    """The redirect address, exactly as it is to be registered."""
    return origin(request) + CALLBACK


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address((host or "").strip("[]")).is_loopback
    except ValueError:
        return False
