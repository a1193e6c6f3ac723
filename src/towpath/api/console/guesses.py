"""Passwords are guessed a few times, and then slowly; and nobody can lock another out from afar."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from fastapi import Request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from towpath.api.kit.throttle import network
from towpath.core.errors import AuthError, BusyError

#: Failures for one name from one network, and for one name from all those it never came in from.
_NEAR, _FAR = parse("10/15 minute"), parse("100/15 minute")
#: How long a network from which somebody came in counts as theirs.
_OWN = parse("1/30 day")


class Guesses:
    """Counts failures, of names that exist and others alike, in this process's memory. Thread-safe."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def begin(self, org: str, name: str, network: str) -> None:
        """To be called before a password is looked at. Raises `BusyError` (``login.throttled``)."""
        who = _key(org, name)
        stranger = self._limiter.test(_OWN, "own", who, network)
        if stranger and not self._limiter.test(_FAR, "far", who):
            raise self._wait(_FAR, "far", who)
        # Counted at once: a hundred guesses at the same moment are a hundred guesses.
        if not self._limiter.hit(_NEAR, "near", who, network):
            raise self._wait(_NEAR, "near", who, network)

    def wrong(self, org: str, name: str) -> None:
        """It was not the password."""
        self._limiter.hit(_FAR, "far", _key(org, name))

    def right(self, org: str, name: str, network: str) -> None:
        """It was the password: what was tried before from there does not count any more."""
        who = _key(org, name)
        self._limiter.clear(_NEAR, "near", who, network)
        self._limiter.hit(_OWN, "own", who, network)

    def _wait(self, limit: RateLimitItem, *key: str) -> BusyError:
        seconds = max(1, math.ceil(self._limiter.get_window_stats(limit, *key).reset_time - time.time()))
        return BusyError(
            "login.throttled",
            "There were too many wrong passwords for this name.",
            hint=f"Try again in {math.ceil(seconds / 60)} minutes, or ask the operator for a login link.",
            retry_after=seconds,
        )


@contextmanager
def guessing(request: Request, org: str, name: str) -> Iterator[None]:
    """Around what looks at a password, and raises `AuthError` if it is another one. Raises as `Guesses.begin`
    does.
    """
    guesses: Guesses = request.app.state.guesses
    where = network(request.scope)
    guesses.begin(org, name, where)
    try:
        yield
    except AuthError:
        guesses.wrong(org, name)
        raise
    guesses.right(org, name, where)


def _key(org: str, name: str) -> str:
    """Short, whatever the name is."""
    return sha256(f"{org}\0{name.strip()}".encode(errors="replace")).hexdigest()
