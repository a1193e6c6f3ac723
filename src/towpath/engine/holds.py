"""Children that keep a snapshot open for slices that are still to be read."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from towpath.engine.children import Child
from towpath.engine.keeping import Need

_END_TIMEOUT = 2.0


@dataclass(frozen=True)
class Hold:
    """A child that keeps snapshots open, and for which epochs of which streams."""

    child: Child
    org: str
    run: str
    held: Mapping[str, int]

    def release(self) -> None:
        """Have the child close its source and end."""
        with suppress(OSError):
            self.child.channel.send({"kind": "release"})
        if not self.child.wait(_END_TIMEOUT):
            self.child.kill()
        self.child.channel.close()


class Holds:
    """The holds of this worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holds: list[Hold] = []

    def add(self, hold: Hold) -> None:
        with self._lock:
            self._holds.append(hold)

    def drop_unneeded(self, need: Callable[[Hold], Need]) -> None:
        """Release the holds that nobody needs any more."""
        with self._lock:
            holds = list(self._holds)
        over = [hold for hold in holds if need(hold) is Need.OVER]
        with self._lock:
            self._holds = [hold for hold in self._holds if hold not in over]
        for hold in over:
            hold.release()
