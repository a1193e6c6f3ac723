"""The family's application: its routes, and its document."""

from fastapi import FastAPI

from towpath.api.integrator import (
    apps,
    connections,
    exports,
    flow_errors,
    flows,
    iclients,
    imports,
    installs,
    integrations,
    invoking,
    joberrors,
    jobs,
    kept,
    licenses,
    proxying,
    retries,
    signing_downloads,
    stacks,
    state,
    tokens,
    virtual,
    webhooks,
)
from towpath.api.integrator.auth import door
from towpath.api.integrator.errors import Refused, answer_refused, errors
from towpath.api.kit.family import new_app
from towpath.services.context import Rooms

_SUMMARY = "Keeps connections, exports, imports and flows, and runs records from the ones through the others."


def build(rooms: Rooms) -> FastAPI:
    """The application over these rooms."""
    app = new_app("Towpath Integrator API", _SUMMARY, errors=errors, door=door)
    app.state.rooms = rooms
    app.add_exception_handler(Refused, answer_refused)
    for module in (
        tokens,
        connections,
        proxying,
        iclients,
        kept,
        state,
        stacks,
        apps,
        licenses,
        installs,
        exports,
        imports,
        flows,
        integrations,
        jobs,
        joberrors,
        retries,
        flow_errors,
        signing_downloads,
        virtual,
        webhooks,
        # Takes any name below /v1, and so comes last.
        invoking,
    ):
        app.include_router(module.router)
    return app
