"""How often a system may be asked, over all threads of this process."""

import threading
import time
from collections import deque
from collections.abc import Callable

from towpath.sdk.rest.definition import RateLimit


class Pace:
    """Lets at most so many requests go in any span of so many seconds, in the order in which they ask.

    Safe to use from several threads. Other processes are not known: what is too much for the system then, it
    says with 429 and ``Retry-After``.
    """

    def __init__(self, limit: RateLimit, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._turns = deque[float](maxlen=limit.requests)
        self._lock = threading.Lock()

    def turn(self) -> float:
        """Take the next turn; how many seconds to wait for it."""
        with self._lock:
            now = self._clock()
            full = len(self._turns) == self._limit.requests
            at = max(now, self._turns[0] + self._limit.seconds) if full else now
            self._turns.append(at)
            return at - now


_paces: dict[str, Pace] = {}
_lock = threading.Lock()


def pace(limit: RateLimit | None, system: str) -> Pace | None:
    """The one pace of all that ask the same system; None without a limit."""
    if limit is None:
        return None
    with _lock:
        return _paces.setdefault(f"{system} {limit.requests}/{limit.seconds}", Pace(limit))
