"""Threads of one process that want the same token take turns: one of them asks the store, not all."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from weakref import WeakValueDictionary


class Turn(Enum):
    """How somebody came to it."""

    AT_ONCE = auto()
    WAITED = auto()
    NEVER = auto()
    """Not within the time given."""


class _Place:
    def __init__(self) -> None:
        self.lock = threading.Lock()


_places: WeakValueDictionary[tuple[str, str], _Place] = WeakValueDictionary()
_guard = threading.Lock()


@contextmanager
def turn(org: str, connection: str, patience: float) -> Iterator[Turn]:
    """Hold the turn at the connection, after waiting for it for at most ``patience`` seconds."""
    with _guard:
        place = _places.setdefault((org, connection), _Place())
    found = Turn.AT_ONCE
    if not place.lock.acquire(blocking=False):
        found = Turn.WAITED if place.lock.acquire(timeout=patience) else Turn.NEVER
    try:
        yield found
    finally:
        if found is not Turn.NEVER:
            place.lock.release()
