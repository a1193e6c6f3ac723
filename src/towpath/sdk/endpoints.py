"""The guard for URLs that users give to somebody else's HTTP client: storage, warehouses."""

from towpath.core.errors import ConfigError
from towpath.sdk.guard import allowed_hosts, checked_addresses
from towpath.sdk.http_errors import PORTS, checked_parts


def check_endpoint(url: str, field: str = "endpoint") -> None:
    """Raises what `checked_parts` and `checked_addresses` do, naming the field.

    The client resolves the host again: a name that changes its answer in between is not noticed, as it is by
    `towpath.sdk.http`.
    """
    try:
        parts = checked_parts(url)
        checked_addresses(parts.hostname or "", parts.port or PORTS[parts.scheme], allowed_hosts())
    except ConfigError as error:
        error.context["field"] = field
        raise
