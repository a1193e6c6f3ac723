"""The family's application: its routes, and its document."""

from fastapi import FastAPI

from towpath.api.integrator import (
    Keeps,
    Refused,
    Rooms,
    _SUMMARY,
    and,
    answer_refused,
    api,
    auth,
    connections,
    context,
    door,
    errors,
    exports,
    family,
    flows,
    from,
    import,
    imports,
    integrator,
    invoking,
    kept,
    kit,
    new_app,
    ones,
    others,
    records,
    runs,
    services,
    stacks,
    state,
    the,
    through,
    tokens,
    towpath,
    virtual,
)
def build(rooms: Rooms) -> FastAPI:
    """The application over these rooms."""
    app = new_app("Towpath Integrator API", _SUMMARY, errors=errors, door=door)
    app.state.rooms = rooms
    app.add_exception_handler(Refused, answer_refused)
    for module in (tokens, kept, state, stacks, exports, imports, virtual, invoking):
        app.include_router(module.router)
    return app
