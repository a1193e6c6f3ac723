"""What can be connected, as catalogues show it: sources and destinations, before anybody connects."""

import logging
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from towpath.core.errors import TowpathError
from towpath.core.ports import Category, Connector, StreamOffer
from towpath.sdk.registry import Registry

_log = logging.getLogger(__name__)

#: Offered where a connector does not know its streams before it is connected.
EVERYTHING = StreamOffer(name="", title="all", summary="Every stream there is, read as a whole each time.")

#: How often users may have a stream read where it does not say otherwise, in seconds.
USUAL_INTERVALS = (300, 600, 900, 1800, 3600, 21_600, 43_200, 86_400)

#: The groups that come of what kind of system it is; an application is grouped by its tags alone.
_GROUPS: Mapping[Category, str] = {
    Category.DATABASE: "Datastores",
    Category.FILES: "Datastores",
    Category.QUEUE: "Services",
}
_NO_GROUP = "Default"

NEUTRAL_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#495057" '
    'stroke-width="1.5"><rect x="3" y="4" width="18" height="6" rx="2"/>'
    '<rect x="3" y="14" width="18" height="6" rx="2"/><path d="M7 7h.01M7 17h.01"/></svg>\n'
)


def sources(registry: Registry) -> list[Connector[Any]]:
    """The connectors that can be read from, by name."""
    return [connector for connector in _working(registry) if connector.source is not None]


def destinations(registry: Registry) -> list[Connector[Any]]:
    """The connectors that can be written to, by name."""
    return [connector for connector in _working(registry) if connector.destination is not None]


def _working(registry: Registry) -> list[Connector[Any]]:
    """All connectors but those that cannot be imported: one broken package must not hide the others."""
    found = []
    for name in registry.names():
        try:
            found.append(registry.get(name))
        except TowpathError as error:
            _log.warning("%s", error)
    return found


def offers(connector: Connector[Any]) -> tuple[StreamOffer, ...]:
    """What can be read of it: the streams it is known to have, or else one offer of everything."""
    return connector.streams or (EVERYTHING,)


def label(offer: StreamOffer) -> str:
    """What users call the stream: ``all`` for everything."""
    return offer.name or offer.title


def intervals(offer: StreamOffer, minimum: float) -> tuple[int, ...]:
    """How often users may have it read, in seconds; none below ``minimum``, and at least one."""
    allowed = tuple(seconds for seconds in offer.intervals or USUAL_INTERVALS if seconds >= minimum)
    return allowed or (ceil(minimum),)


def groups(connector: Connector[Any]) -> Sequence[str]:
    """What catalogues group it by, without repetition; never empty."""
    kinds = [_GROUPS[category] for category in connector.categories if category in _GROUPS]
    return list(dict.fromkeys([*connector.tags, *kinds])) or [_NO_GROUP]


def icon(connector: Connector[Any]) -> str:
    """Its icon, an SVG document."""
    return connector.icon or NEUTRAL_ICON
