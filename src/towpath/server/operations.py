"""What operators ask the server for: its health, its figures, the documents of its families."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import Response

from towpath import __version__
from towpath.api.kit.errors import Errors
from towpath.api.kit.family import Family, new_app
from towpath.api.kit.mounting import Mounted
from towpath.api.kit.pages import link, page, text
from towpath.api.kit.routing import Router
from towpath.bootstrap.container import Container
from towpath.server.health import checks, ready


def operations(container: Container, mounts: Mapping[str, Mounted], registry: CollectorRegistry) -> Family:
    """As a family without prefixes: it also says 404 to whatever is nobody's."""

    def build(_rooms: Any) -> FastAPI:
        app = new_app("Towpath", "Health, figures and documents.", errors=Errors())
        router = Router()
        router.get("/healthz")(_alive)

        @router.get("/", include_in_schema=False)
        def front() -> Response:
            """What a person finds who opens the address."""
            documents = [
                link(f"/openapi/{name}.json", f"{found.family.title} API") for name, found in mounts.items()
            ]
            return page(
                "Towpath",
                text(f"Version {__version__} answers here. The documents of its APIs:"),
                *documents,
                link("/readyz", "Health"),
                link("/metrics", "Figures"),
            )

        @router.get("/readyz")
        def readiness() -> JSONResponse:
            """What requests and runs need is there."""
            found = checks(container)
            return JSONResponse({"ready": ready(found), "checks": found}, 200 if ready(found) else 503)

        @router.get("/metrics")
        def metrics() -> Response:
            return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

        @router.get("/openapi/{name}.json")
        def document(name: str) -> JSONResponse:
            if name not in mounts:
                raise HTTPException(404)
            return JSONResponse(mounts[name].app.openapi())

        app.include_router(router)
        return app

    return Family("server", "Towpath", (), build)


async def _alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok", "version": __version__}
