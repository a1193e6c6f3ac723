"""The OpenAPI document of a family: what FastAPI makes of it, told as our answers really are."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

_SHOWN = ("loc", "msg", "type")


def describe(app: FastAPI, path: str, method: str, operation: Mapping[str, Any]) -> None:
    """Add the operation of a plain Starlette route, which says nothing of itself."""
    app.state.operations[path, method.lower()] = operation


def add_scheme(app: FastAPI, name: str, scheme: Mapping[str, Any]) -> None:
    """Add a security scheme for described operations; those of dependencies come by themselves."""
    app.state.schemes[name] = scheme


def install(app: FastAPI) -> None:
    """Make `FastAPI.openapi` tell what was described, and nothing that our answers leave out."""
    app.state.operations, app.state.schemes = {}, {}
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(generate(), app)
            app.state.errors.describe(app.openapi_schema)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign] # the way that FastAPI documents


def _complete(document: dict[str, Any], app: FastAPI) -> None:
    for (path, method), operation in app.state.operations.items():
        document["paths"].setdefault(path, {})[method] = dict(operation)
    components = document.setdefault("components", {})
    if app.state.schemes:
        components.setdefault("securitySchemes", {}).update(app.state.schemes)
    problem = components.get("schemas", {}).get("ValidationError")
    if problem:
        problem["properties"] = {name: problem["properties"][name] for name in _SHOWN}
