"""The application of the family."""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI

from towpath.api.kit.family import new_app
from towpath.api.partners import connectors, destinations, icons, templates, tokens
from towpath.api.partners.callers import Door
from towpath.api.partners.directory import Directory
from towpath.api.partners.errors import Faults, PartnersErrors, answer_faults
from towpath.core.records import now
from towpath.services.context import Rooms
from towpath.services.partners.tokens import Tokens


def build(rooms: Rooms, clock: Callable[[], datetime] = now) -> FastAPI:
    """``clock`` says when tokens end."""
    app = new_app(
        "Towpath Partners API",
        "Catalogues of sources and destinations, and the connectors between them.",
        errors=PartnersErrors(),
    )
    app.add_exception_handler(Faults, answer_faults)
    app.add_exception_handler(tokens.Refused, tokens.answer_refused)
    door, directory = Door(rooms, clock), Directory(rooms)
    app.include_router(tokens.router(Tokens(rooms, clock=clock)))
    app.include_router(templates.router(door, directory))
    app.include_router(destinations.router(door, directory, rooms))
    app.include_router(connectors.router(door, directory, rooms))
    app.include_router(icons.router(directory))
    return app
