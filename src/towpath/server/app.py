"""One ASGI application: all families, the server's own paths, and what every request passes through."""

from collections.abc import Sequence
from typing import Any, cast

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from towpath.api.kit.bodies import BodyLimit
from towpath.api.kit.family import Family
from towpath.api.kit.metrics import HttpFigures, Measured
from towpath.api.kit.mounting import Families, Mounted, mount
from towpath.api.kit.request_ids import RequestIds
from towpath.api.kit.throttle import Throttle
from towpath.bootstrap.container import Container
from towpath.bootstrap.settings import Settings
from towpath.server.accesslog import AccessLog
from towpath.server.doors import Browsers, Choose, deliver
from towpath.server.families import families
from towpath.server.figures import StoreFigures
from towpath.server.https import RequireHttps
from towpath.server.operations import operations


def create_app(container: Container, offered: Sequence[Family] | None = None) -> ASGIApp:
    """The application over opened rooms, with all families unless others are offered. It starts and stops
    nothing: its caller owns the container.
    """
    registry = CollectorRegistry()
    registry.register(StoreFigures(container))
    mounts: dict[str, Mounted] = {family.name: mount(family, container) for family in offered or families()}
    rest = mount(operations(container, mounts, registry), container)
    app = _guarded(container.settings)
    app = AccessLog(Measured(app, HttpFigures(registry)))
    app = RequestIds(Choose(app, Families(list(mounts.values()), rest)))
    if proxies := container.settings.trusted_proxies:
        return cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", app), list(proxies)))
    return app


def _guarded(settings: Settings) -> ASGIApp:
    """What may refuse a request, from the inside out."""
    app: ASGIApp = BodyLimit(deliver, settings.max_body)
    app = Throttle(app, settings.failure_limit, settings.rate_limit)
    app = Browsers(app, settings.cors_origins)
    if settings.require_https and settings.public_url:
        app = RequireHttps(app, settings.public_url)
    return app
