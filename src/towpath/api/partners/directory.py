"""The catalogue by number: which connector, stream or timer a client means, and what we call it to them."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from importlib.resources import files
from typing import Any

import yaml

from towpath.core.ports import Connector, StreamOffer
from towpath.services import catalogue
from towpath.services.context import Rooms

#: Numbers that follow from names lie between these two; the fixed ones lie below.
_LOWEST, _HIGHEST = 10_000, 2**31 - 1

#: Timers that are not listed: this, and their seconds.
_UNLISTED_TIMER = 100_000

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


class Directory:
    """Made of the installed connectors, once for each process."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._known = yaml.safe_load(files(__package__).joinpath("numbers.yaml").read_text())

    @property
    def published(self) -> datetime:
        """When the catalogue was published."""
        found: datetime = self._known["published"]
        return found

    @cached_property
    def sources(self) -> Mapping[int, Connector[Any]]:
        """By number, in the order of the numbers."""
        return self._by_number(catalogue.sources(self._rooms.registry), "sources")

    @cached_property
    def destinations(self) -> Mapping[int, Connector[Any]]:
        """By number, in the order of the numbers."""
        return self._by_number(catalogue.destinations(self._rooms.registry), "destinations")

    def number(self, connector: str, role: str) -> int:
        """The number of a connector as one of ``sources`` or ``destinations``; 0 if it is not installed."""
        found = self.sources if role == "sources" else self.destinations
        return next((number for number, item in found.items() if item.name == connector), 0)

    def entities(self, connector: Connector[Any]) -> Mapping[int, StreamOffer]:
        """What can be read of it, by number."""
        return self._entities[connector.name]

    @cached_property
    def _entities(self) -> Mapping[str, Mapping[int, StreamOffer]]:
        offers = {
            f"{connector.name}/{catalogue.label(offer)}": (connector.name, offer)
            for connector in self.sources.values()
            for offer in catalogue.offers(connector)
        }
        found: dict[str, dict[int, StreamOffer]] = {}
        for key, number in _numbered(offers, self._known["entities"]).items():
            connector, offer = offers[key]
            found.setdefault(connector, {})[number] = offer
        return {name: dict(sorted(items.items())) for name, items in found.items()}

    def categories(self, connector: Connector[Any]) -> Mapping[int, str]:
        """The categories that it is in, by number."""
        return dict(sorted((self._categories[name], name) for name in catalogue.groups(connector)))

    @cached_property
    def _categories(self) -> Mapping[str, int]:
        used = {name for connector in self.sources.values() for name in catalogue.groups(connector)}
        return _numbered(used | set(self._known["categories"]), self._known["categories"])

    def timers(self, offer: StreamOffer) -> Mapping[int, int]:
        """The timers that an entity may have: their seconds by number."""
        return {
            self.timer(seconds): seconds
            for seconds in catalogue.intervals(offer, self._rooms.minimum_interval)
        }

    def timer(self, seconds: int) -> int:
        """The number of the timer with so many seconds."""
        found: int = self._known["timers"].get(seconds, _UNLISTED_TIMER + seconds)
        return found

    def _by_number(self, connectors: Iterable[Connector[Any]], role: str) -> dict[int, Connector[Any]]:
        named = {connector.name: connector for connector in connectors}
        numbers = _numbered(named, self._known[role])
        return {number: named[name] for name, number in sorted(numbers.items(), key=lambda item: item[1])}


def timer_name(seconds: int) -> str:
    """``Every 5 minutes``."""
    size, unit = next(pair for pair in _UNITS if seconds % pair[0] == 0)
    count = seconds // size
    return f"Every {unit}" if count == 1 else f"Every {count} {unit}s"


def _numbered(names: Iterable[str], known: Mapping[str, int]) -> dict[str, int]:
    """A number for each name: the known one, or one that follows from the name."""
    numbers = {name: known[name] for name in names if name in known}
    taken = set(numbers.values())
    for name in sorted(set(names) - set(numbers)):
        number = _hashed(name)
        while number in taken:
            number = number + 1 if number < _HIGHEST else _LOWEST
        taken.add(number)
        numbers[name] = number
    return numbers


def _hashed(name: str) -> int:
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    return _LOWEST + digest % (_HIGHEST - _LOWEST + 1)
