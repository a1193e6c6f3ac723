"""What the OpenAPI document says besides the routes of FastAPI."""

from typing import Any

from fastapi import FastAPI

from towpath.api.broker import schemas
from towpath.api.broker.fetch import PATH
from towpath.api.kit import openapi

PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"model": schemas.Problem, "description": "No key, or not a good one"},
    404: {"model": schemas.Problem, "description": "No such thing, or not yours"},
    409: {"model": schemas.Problem, "description": "It exists already, or is in use"},
    422: {"model": schemas.HTTPValidationError, "description": "Validation Error"},
}

_PROXY_KEY = {"type": "http", "scheme": "bearer", "description": "The proxy key of the instance."}
_FETCH_DESCRIPTION = """Runtime fetches connection credentials. Auth: Bearer proxy key.

Verifies:
- Instance proxy-key auth
- Connection grant exists for this instance
- If capability specified, grant includes that capability
- Decrypts and returns credentials

Returns { "credentials": {...}, "capabilities": [...] }"""


def describe_fetch(app: FastAPI) -> None:
    """Have the application's document hold the fetch too, which no framework routes."""
    openapi.add_scheme(app, "proxyKey", _PROXY_KEY)
    openapi.describe(app, PATH, "get", _fetch())


def _fetch() -> dict[str, Any]:
    return {
        "tags": ["Connections"],
        "summary": "Fetch Connection Credentials",
        "description": _FETCH_DESCRIPTION,
        "operationId": "fetch_connection_credentials",
        "security": [{"proxyKey": []}],
        "parameters": [
            _parameter("instance_id", "path", {"type": "string", "format": "uuid", "title": "Instance Id"}),
            _parameter("provider", "query", {"type": "string", "title": "Provider"}),
            _optional("name", "Name"),
            _optional(
                "capability",
                "Capability",
                "Required capability (e.g. send_mail). If specified, 403 if grant doesn't include it.",
            ),
        ],
        "responses": {
            "200": _answer("Successful Response", _LENT),
            "401": _answer("No proxy key, or not one of this instance", _ref("Problem")),
            "403": _answer("The grant does not include the capability", _ref("Problem")),
            "404": _answer("No such connection, or no grant", _ref("Problem")),
            "409": _answer("Several connections fit: say which by name", _REFUSED),
            "422": _answer("Validation Error", _ref("HTTPValidationError")),
            "424": _answer("The connection needs its owner: expired, or switched off", _REFUSED),
            "503": _answer("Try again later", _REFUSED),
        },
    }


_REFUSED = {
    "type": "object",
    "required": ["detail"],
    "properties": {
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Tells causes of one status apart"},
        "names": {"type": "array", "items": {"type": "string"}, "description": "To choose from"},
    },
}

_LENT = {
    "type": "object",
    "required": ["credentials", "capabilities"],
    "properties": {
        "credentials": {"type": "object", "additionalProperties": True},
        "capabilities": {"type": "array", "items": {"type": "string"}},
    },
}


def _parameter(name: str, place: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": place, "required": True, "schema": schema}


def _optional(name: str, title: str, description: str = "") -> dict[str, Any]:
    schema = {"anyOf": [{"type": "string"}, {"type": "null"}], "title": title}
    described = {"description": description} if description else {}
    return {"name": name, "in": "query", "required": False, "schema": schema | described} | described


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
