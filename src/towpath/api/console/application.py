"""The family's application: its routes, and its document."""

from fastapi import FastAPI

from towpath.api.console import jobs, live, logs, names, sources, tasks
from towpath.api.console.errors import errors
from towpath.api.console.live_feed import Live
from towpath.api.console.streams import routes as streams
from towpath.api.kit.family import new_app
from towpath.services.context import Rooms

_SUMMARY = "Keeps sources and destinations, and runs jobs that copy streams from the ones to the others."


def build(rooms: Rooms) -> FastAPI:
    """The application over these rooms."""
    app = new_app("Towpath Console API", _SUMMARY, errors=errors)
    app.state.rooms = rooms
    app.state.live = Live(rooms)
    for module in (streams, sources, names, jobs, tasks, logs, live):
        app.include_router(module.router)
    return app
