"""Documents: how bodies are read, and how resources are answered."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from towpath.api.integrator.errors import Fault, Refused
from towpath.core.records import Owned

Document = Mapping[str, Any]
"""A resource as its clients write it."""

#: What stands where a secret was.
MASK = "******"

#: What we say of every resource; what a client sends of it is not kept.
COMPUTED = ("_id", "createdAt", "lastModified", "queues")

_OPENAPI: dict[str, Any] = {"content": {"application/json": {"schema": {"type": "object"}}}}
#: For routes that take a document: what their operation says of the body.
BODY: dict[str, Any] = {"requestBody": {**_OPENAPI, "required": True}}
BODY_LIST: dict[str, Any] = {
    "requestBody": {
        "content": {"application/json": {"schema": {"type": "array", "items": {}}}},
        "required": True,
    }
}


async def json_body(request: Request) -> Any:
    """The body, whatever it is; None for none. Raises 415 for what is not JSON, 400 for broken JSON."""
    data = await request.body()
    if not data.strip():
        return None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # Some tools call everything a form.
    if kind and "json" not in kind and not data.lstrip().startswith((b"{", b"[")):
        raise HTTPException(415, "The body is not JSON: set Content-Type to application/json.")
    try:
        return await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        reason = getattr(error, "msg", "it is not UTF-8")
        raise Refused(Fault("invalid_json", f"The body is not JSON: {reason}."), status=400) from None


async def document_body(request: Request) -> dict[str, Any]:
    """A body that is a JSON object."""
    found = await json_body(request)
    if found is None:
        raise Refused(Fault("invalid_json", "The body is missing."), status=400)
    if not isinstance(found, dict):
        raise Refused(Fault("invalid_field", "The body is not a JSON object."))
    return found


async def optional_body(request: Request) -> dict[str, Any]:
    """A body that is a JSON object, or nothing at all: ``{}``."""
    return await document_body(request) if (await request.body()).strip() else {}


async def list_body(request: Request) -> list[Any]:
    """A body that is a JSON array."""
    found = await json_body(request)
    if not isinstance(found, list):
        raise Refused(Fault("invalid_field", "The body is not a JSON array."))
    return found


Given = Annotated[dict[str, Any], Depends(document_body)]
MaybeGiven = Annotated[dict[str, Any], Depends(optional_body)]
GivenList = Annotated[list[Any], Depends(list_body)]
GivenAny = Annotated[Any, Depends(json_body)]


def iso(moment: datetime) -> str:
    """As this family writes dates: ``2017-11-30T03:33:51.703Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def times(row: Owned) -> dict[str, str]:
    return {"createdAt": iso(row.created_at), "lastModified": iso(row.updated_at)}


def own(document: Document) -> dict[str, Any]:
    """What of a document its client decides."""
    return {name: value for name, value in document.items() if name not in COMPUTED}


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(_encoded(value), status, dict(headers or {}), "application/json; charset=utf-8")


def etag(document: Document, volatile: tuple[str, ...] = ()) -> str:
    """Two parts: of what clients write, and of all of it, what moves by itself too."""
    moving = (*volatile, "lastModified")
    still = {name: value for name, value in document.items() if name not in moving}
    return f'"{_digest(still)}.{_digest(document)}"'


def same_version(first: str, second: str) -> bool:
    """Whether two `etag`s are of one document, whatever has moved by itself."""
    return _plain(first).partition(".")[0] == _plain(second).partition(".")[0]


def matches(header: str, tag: str) -> bool:
    """Whether an ``If-None-Match`` holds the tag."""
    return header.strip() == "*" or tag in {_quoted(item) for item in header.split(",")}


def _quoted(item: str) -> str:
    return f'"{_plain(item)}"'


def _plain(tag: str) -> str:
    return tag.strip().removeprefix("W/").strip('"')


def _digest(value: Any) -> str:
    return hashlib.sha256(_encoded(value, orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _encoded(value: Any, option: int = 0) -> bytes:
    try:
        return orjson.dumps(value, option=option)
    except TypeError:
        # Whole numbers of more than 64 bits.
        return json.dumps(value, sort_keys=bool(option), separators=(",", ":"), ensure_ascii=False).encode()
