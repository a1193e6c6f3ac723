"""The HTTP application: for now, its health."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from towpath import __version__
from towpath.bootstrap.container import Container
from towpath.server.accesslog import AccessLog
from towpath.server.health import checks, ready


def create_app(container: Container) -> FastAPI:
    """The application over opened rooms. It starts and stops nothing: its caller owns the container."""
    app = FastAPI(title="Towpath", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(AccessLog)
    app.add_exception_handler(HTTPException, _plain_error)
    app.get("/healthz")(_alive)
    app.get("/readyz")(_readiness(container))
    return app


def _alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok", "version": __version__}


def _readiness(container: Container) -> Callable[[], JSONResponse]:
    def readiness() -> JSONResponse:
        """What requests and runs need is there."""
        found = checks(container)
        status = 200 if ready(found) else 503
        return JSONResponse({"ready": ready(found), "checks": found}, status)

    return readiness


def _plain_error(_request: Request, error: Any) -> JSONResponse:
    """One shape for unknown paths and methods, which belong to no API family."""
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
