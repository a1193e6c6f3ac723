"""Any HTTP endpoint: records are sent to it as JSON."""

from contextlib import AbstractContextManager

from towpath.connectors.http.config import HttpConfig
from towpath.sdk import Category, Connector, Destination, WriteMode

__all__ = ["connector"]


def _destination(config: HttpConfig) -> AbstractContextManager[Destination]:
    from towpath.connectors.http.destination import HttpDestination

    return HttpDestination(config)


connector = Connector(
    name="http",
    title="HTTP",
    version="1.0.0",
    categories=(Category.APPLICATION,),
    config=HttpConfig,
    destination=_destination,
    write_modes=frozenset({WriteMode.APPEND}),
    summary="Records sent to a URL, one by one or in batches, signed and with idempotency keys.",
)
