"""When the next request may go: not while the API asks to wait, and not closer together than agreed."""

import threading
import time
from collections.abc import Callable

from towpath.sdk import Tools, UnreachableError

_STEP = 0.5


class Gate:
    """One for all threads that use a connection in this process."""

    def __init__(self, pause: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause, self._clock = pause, clock
        self._lock = threading.Lock()
        self._next = 0.0
        self._closed = threading.Event()

    def close(self) -> None:
        """End all waiting."""
        self._closed.set()

    def hold(self, seconds: float) -> None:
        """Let nobody through for so long."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)

    def enter(self, tools: Tools) -> None:
        """Wait for one's turn."""
        tools.check_wanted()
        while (seconds := self._turn()) > 0:
            self.sleep(min(seconds, _STEP), tools)

    def sleep(self, seconds: float, tools: Tools) -> None:
        """Wait so long, unless nobody wants the result any more. Raises what `Tools.check_wanted` does."""
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0:
            if self._closed.wait(min(left, _STEP)):
                raise UnreachableError(
                    "connection.lost",
                    "The connections have been closed.",
                    hint="Try again.",
                    retryable=False,
                )
            tools.check_wanted()

    def _turn(self) -> float:
        """Take the turn if it is there, and give 0; else seconds to wait."""
        with self._lock:
            now = self._clock()
            if now < self._next:
                return self._next - now
            self._next = now + self._pause
            return 0
