"""The family's application: its routes, and its document."""

from fastapi import FastAPI

from towpath.api.broker import audit, connect, connections, customers, grants, instances, providers
from towpath.api.broker.documents import describe_fetch
from towpath.api.broker.errors import errors
from towpath.api.broker.fetch import add_fetch
from towpath.api.kit.family import new_app
from towpath.services.context import Rooms

_SUMMARY = "Keeps customers' connections to other systems, and lends their credentials to instances."


def build(rooms: Rooms) -> FastAPI:
    """The application over these rooms."""
    app = new_app("Towpath Broker API", _SUMMARY, errors=errors)
    app.state.rooms = rooms
    add_fetch(app, rooms)
    for module in (connections, connect, grants, customers, instances, providers, audit):
        app.include_router(module.router)
    app.include_router(connect.pages)
    describe_fetch(app)
    return app
