"""Slowing down who guesses keys, and who asks too much."""

import math
import time
from contextlib import suppress
from hashlib import sha256
from ipaddress import ip_network

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from towpath.api.kit.mounting import mounted, refuse

_CREDENTIALS = (b"authorization", b"x-api-key")


class Throttle:
    """Answers 429: to addresses and credentials that were refused (401) more often than ``failures``, and to
    credentials that send more than ``rate``, but for the paths that families count by themselves.

    It counts in this process's memory: each server process has counters of its own. None is no limit.
    """

    def __init__(self, app: ASGIApp, failures: str | None, rate: str | None) -> None:
        self._app = app
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._failures = parse(failures) if failures else None
        self._rate = parse(rate) if rate else None
        self._refused: set[str] = set()
        """Who was refused since the last sweep or the one before: nobody else is looked up at all."""
        self._refused_before: set[str] = set()
        self._swept = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._failures and (self._refused or self._refused_before):
            for who in (network(scope), _credential(scope)):
                if self._is_suspicious(who) and await self._is_spent(who):
                    await self._slow(scope, receive, send, self._failures, who)
                    return
        if self._rate and not mounted(scope).unmetered(scope["path"]):
            who = f"rate {_credential(scope) or network(scope)}"
            if not await self._limiter.hit(self._rate, who):
                await self._slow(scope, receive, send, self._rate, who)
                return

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:  # noqa: PLR2004
                await self._remember(network(scope), _credential(scope))
            await send(message)

        await self._app(scope, receive, watched if self._failures else send)

    async def _is_spent(self, who: str) -> bool:
        assert self._failures is not None  # noqa: S101 - for the type checker
        return not await self._limiter.test(self._failures, who)

    async def _remember(self, *refused: str) -> None:
        assert self._failures is not None  # noqa: S101 - for the type checker
        if time.monotonic() - self._swept > 2 * self._failures.get_expiry():
            self._refused, self._refused_before = set(), self._refused
            self._swept = time.monotonic()
        for who in filter(None, refused):
            await self._limiter.hit(self._failures, who)
            self._refused.add(who)

    def _is_suspicious(self, who: str) -> bool:
        return who in self._refused or who in self._refused_before

    async def _slow(self, scope: Scope, receive: Receive, send: Send, limit: RateLimitItem, who: str) -> None:
        window = await self._limiter.get_window_stats(limit, who)
        wait = str(max(1, math.ceil(window.reset_time - time.time())))
        headers = {
            "Retry-After": wait,
            "RateLimit-Limit": str(limit.amount),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": wait,
        }
        await refuse(scope, receive, send, 429, "Too many requests.", headers)


def network(scope: Scope) -> str:
    """The client's address; of IPv6 the network that one customer of a provider has for himself."""
    address: str = scope["client"][0] if scope.get("client") else "-"
    if ":" in address:
        with suppress(ValueError):
            return str(ip_network((address.partition("%")[0], 64), strict=False))
    return address


def _credential(scope: Scope) -> str:
    """A digest of what the caller showed, or nothing."""
    shown = [value for name, value in scope["headers"] if name in _CREDENTIALS]
    return sha256(b"\0".join(shown)).hexdigest() if shown else ""
