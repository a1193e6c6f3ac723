"""Figures for Prometheus. Labels come from our own words only: never from what somebody sent."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from towpath.api.kit.mounting import mounted

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


# When a series began is one more series for each of them, and nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library has no type here


class HttpFigures:
    """How many requests there were, how long they took, how many go on."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.active = Gauge("towpath_http_requests_active", "Requests that go on.", registry=registry)
        self._count = Counter(
            "towpath_http_requests",
            "Requests that were answered.",
            ("family", "route", "method", "status"),
            registry=registry,
        )
        self._time = Histogram(
            "towpath_http_request_seconds",
            "How long it took to answer.",
            ("family", "route"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._counters: dict[tuple[str, str, str, int], Counter] = {}
        self._timers: dict[tuple[str, str], Histogram] = {}

    def answered(self, family: str, route: str, method: str, status: int, seconds: float) -> None:
        # Kept here, because looking a label up costs more than counting.
        key = (family, route, method if method in _METHODS else "other", status)
        if key not in self._counters:
            self._counters[key] = self._count.labels(*key)
            self._timers[key[:2]] = self._time.labels(*key[:2])
        self._counters[key].inc()
        self._timers[key[:2]].observe(seconds)


class Measured:
    """Counts what passes. A request without an answer counts as 499: its sender went away."""

    def __init__(self, app: ASGIApp, figures: HttpFigures) -> None:
        self._app = app
        self._figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, method, began = 499, scope["method"], time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._figures.active.inc()
        try:
            await self._app(scope, receive, watched)
        finally:
            self._figures.active.dec()
            found, seconds = mounted(scope), time.perf_counter() - began
            self._figures.answered(found.family.name, found.route(scope), method, status, seconds)
