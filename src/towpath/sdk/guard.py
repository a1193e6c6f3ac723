"""Which addresses user-supplied URLs may reach: the guard against server-side request forgery.

A host is resolved once, **all** its answers are checked, and the connection goes to the very addresses that
were checked. Without leave of the operator nothing but the public internet can be reached.
"""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from towpath.core.errors import ConfigError, UnreachableError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
#: Gives all addresses of a host and port; raises `OSError` if there are none.
Resolver = Callable[[str, int], Sequence[str]]

# IANA's registries of special-purpose addresses. Python's own lists differ from version to version.
_SPECIAL_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
#: Of IPv6 only this is in use on the internet, without protocol assignments, examples and 6to4 tunnels.
_PUBLIC_6 = IPv6Network("2000::/3")
_SPECIAL_6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
#: Carries an IPv4 address in its last 32 bits to the IPv4 internet.
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class AllowedHosts:
    """What the operator opens in spite of the guard: hosts, hosts with a port, addresses and networks."""

    names: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[tuple[Network, int | None], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "AllowedHosts":
        """From a comma-separated list. Raises `ConfigError` ``config.invalid`` naming the entry at fault.

        >>> allowed = AllowedHosts.parse("hooks.local, api.local:8443, 10.0.0.0/8, [::1]:80")
        >>> allowed.allows_name("hooks.local", 1), allowed.allows_name("api.local", 1)
        (True, False)
        """
        names, networks = set(), []
        for entry in filter(None, map(str.strip, text.split(","))):
            host, port = _entry(entry)
            network = _network(host)
            if network:
                networks.append((network, port))
            else:
                names.add((host.rstrip(".").lower(), port))
        return cls(frozenset(names), tuple(networks))

    def allows_name(self, host: str, port: int) -> bool:
        """Whether the host is listed by its name: it may resolve to anything then."""
        name = host.rstrip(".").lower()
        return (name, None) in self.names or (name, port) in self.names

    def allows_address(self, address: Address, port: int) -> bool:
        """Whether the address lies in a network that is listed."""
        return any(address in network and only in (None, port) for network, only in self.networks)


def _entry(entry: str) -> tuple[str, int | None]:
    if _network(entry):
        return entry, None
    try:
        parts = urlsplit(f"//{entry}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or any(sign in entry for sign in "/?#@*"):
        raise ConfigError(
            "config.invalid",
            f"{entry!r} is not a host, host:port, address or network.",
            hint="Write for example: TOWPATH_ALLOWED_HOSTS=hooks.internal,api.internal:8443,10.1.0.0/16",
            field="allowed_hosts",
        )
    return host, port


def _network(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


_allowed = AllowedHosts()


def configure(allowed: AllowedHosts) -> None:
    """Set what this process may reach besides the public internet; called once, before connectors run."""
    global _allowed  # noqa: PLW0603 - one value for the whole process is the point
    _allowed = allowed


def allowed_hosts() -> AllowedHosts:
    """What `configure` set; nothing by default."""
    return _allowed


def resolve(host: str, port: int) -> Sequence[str]:
    """All addresses of the host, by the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in found))


def checked_addresses(
    host: str, port: int, allowed: AllowedHosts, resolver: Resolver = resolve
) -> Sequence[str]:
    """The addresses to connect to, all of them allowed.

    Raises `ConfigError` ``http.blocked_host`` if *any* is not, `UnreachableError` ``connection.unresolved``
    if there are none.
    """
    by_name = allowed.allows_name(host, port)
    if not by_name and _is_odd(host):
        raise _blocked(host, "an unusual spelling of an address")
    try:
        found = resolver(host, port)
    except (OSError, UnicodeError) as error:
        raise UnreachableError(
            "connection.unresolved",
            f"The host {host!r} has no address: {error}.",
            hint="Check the spelling of the host name and the DNS.",
            host=host,
        ) from error
    for text in found:
        address = ip_address(text.partition("%")[0])
        if not by_name and not allowed.allows_address(address, port) and not is_public(address):
            raise _blocked(host, f"{address}, which is not on the public internet")
    return found


def is_public(address: Address) -> bool:
    """Whether the address, or the IPv4 address that it stands for, is one of the public internet.

    >>> [is_public(ip_address(text)) for text in ("8.8.8.8", "169.254.169.254", "::ffff:10.0.0.1")]
    [True, False, False]
    """
    if isinstance(address, IPv6Address):
        hidden = IPv4Address(int(address) & 0xFFFF_FFFF)
        if address in _NAT64 or address.ipv4_mapped:
            return is_public(hidden)
        return address in _PUBLIC_6 and not any(address in network for network in _SPECIAL_6)
    return not any(address in network for network in _SPECIAL_4)


def _is_odd(host: str) -> bool:
    """Whether it is an IPv4 address in decimal, octal, hexadecimal or shortened spelling."""
    last = host.rstrip(".").rpartition(".")[2].lower()
    looks_numeric = last.isdigit() or last.startswith("0x")
    try:
        IPv4Address(host)
    except ValueError:
        return looks_numeric
    return False


def _blocked(host: str, why: str) -> ConfigError:
    return ConfigError(
        "http.blocked_host",
        f"The host {host!r} is {why}: it is not reached.",
        hint="Use a public host, or let the operator list the host or its network in TOWPATH_ALLOWED_HOSTS.",
        host=host,
        field="url",
    )
