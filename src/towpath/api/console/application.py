"""The family's application: its routes, and its document."""

from anyio import CapacityLimiter
from fastapi import FastAPI

from towpath.api.console import (
    accounts,
    auth,
    jobs,
    links,
    live,
    logs,
    names,
    platform,
    settings,
    sources,
    tasks,
    users,
)
from towpath.api.console.errors import errors
from towpath.api.console.guesses import Guesses
from towpath.api.console.live_feed import Live
from towpath.api.console.members import door
from towpath.api.console.streams import routes as streams
from towpath.api.kit.family import new_app
from towpath.services.context import Rooms

_SUMMARY = "Keeps sources and destinations, and runs jobs that copy streams from the ones to the others."


def build(rooms: Rooms) -> FastAPI:
    """The application over these rooms."""
    app = new_app("Towpath Console API", _SUMMARY, errors=errors, door=door)
    app.state.rooms = rooms
    app.state.guesses, app.state.hashing = Guesses(), CapacityLimiter(accounts.AT_ONCE)
    app.state.live = Live(rooms)
    for module in (
        accounts,
        auth,
        links,
        users,
        platform,
        streams,
        sources,
        names,
        jobs,
        tasks,
        logs,
        live,
        settings,
    ):
        app.include_router(module.router)
    return app
