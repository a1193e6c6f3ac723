"""``/media/icons/``: pictures of connectors, which anybody may load."""

import hashlib
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from towpath.api.kit.routing import Router
from towpath.api.partners.directory import Directory
from towpath.core.ports import Connector
from towpath.services import catalogue

_HEADERS = {
    "Cache-Control": "public, max-age=86400",
    # An SVG may hold a script. None runs, and nothing is loaded, even if somebody opens the file itself.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


def router(directory: Directory) -> Router:
    found = Router(prefix="/media/icons", tags=["Icons"])
    svg: dict[int | str, dict[str, Any]] = {200: {"content": {"image/svg+xml": {}}}}

    @found.get("/cat_connectors/{file}", response_class=Response, responses=svg)
    def get_connector_icon(file: str, request: Request) -> Response:
        """The picture of a connector template: `<code>.svg`."""
        return _picture(directory.sources, file, request)

    @found.get("/adapters/{file}", response_class=Response, responses=svg)
    def get_destination_icon(file: str, request: Request) -> Response:
        """The picture of a destination template: `<code>.svg`."""
        return _picture(directory.destinations, file, request)

    return found


def _picture(connectors: Mapping[int, Connector[Any]], file: str, request: Request) -> Response:
    code = file.removesuffix(".svg")
    for connector in connectors.values():
        if connector.name == code and code != file:
            return _answer(catalogue.icon(connector).encode(), request)
    raise HTTPException(404)


def _answer(picture: bytes, request: Request) -> Response:
    tag = f'"{hashlib.sha256(picture).hexdigest()[:16]}"'
    headers = _HEADERS | {"ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(picture, media_type="image/svg+xml", headers=headers)
