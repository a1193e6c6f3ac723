"""State: values that programs keep here, for the account or for one resource."""

from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Depends, Path, Request
from starlette.responses import PlainTextResponse, Response

from towpath.api.integrator.auth import Caller, reads, writes
from towpath.api.integrator.documents import BODY, GivenAny, answer
from towpath.api.integrator.errors import Fault, Refused
from towpath.api.integrator.ids import ours
from towpath.api.kit.routing import Router
from towpath.core.errors import NotFoundError

router = Router(prefix="/v1", tags=["State"])

#: Resources that have states of their own.
KINDS = ("connections", "exports", "imports", "flows", "integrations")
_LONGEST_KEY = 500

Reading = Annotated[Caller, Depends(reads("state"))]
Writing = Annotated[Caller, Depends(writes("state"))]


def _key(request: Request, key: Annotated[str, Path(description="Slashes are written %2F.")]) -> str:  # noqa: ARG001 - to be documented
    """The key as it is in the address: only there a slash and ``%2F`` are two things."""
    raw = request.scope["raw_path"].decode("latin-1").partition("/state/")[2].removesuffix("/")
    try:
        found = unquote(raw, errors="strict") if "/" not in raw else ""
    except UnicodeDecodeError:
        found = ""
    if not found or len(found) > _LONGEST_KEY:
        raise NotFoundError("resource.not_found", "There is no such key.", hint="Encode slashes as %2F.")
    return found


Key = Annotated[str, Depends(_key)]


def _read(caller: Caller, scope: str, key: str) -> Response:
    with caller.rooms.store.read() as work:
        found = work.values.get(caller.org, scope, key)
    if found is None:
        raise NotFoundError("resource.not_found", "There is no such key.", hint="List the keys.")
    return answer(found.value)


def _keys(caller: Caller, scope: str) -> Response:
    with caller.rooms.store.read() as work:
        return answer({"keys": list(work.values.keys(caller.org, scope))})


def _write(caller: Caller, request: Request, scope: str, key: str, value: Any) -> Response:
    if value is None and not request.headers.get("content-length", "").strip("0"):
        raise Refused(Fault("invalid_json", "The body is missing."), status=400)
    with caller.rooms.store.begin() as work:
        created = work.values.put(caller.org, scope, key, value)
    return PlainTextResponse("Created" if created else "OK")


def _remove(caller: Caller, scope: str, key: str | None = None) -> None:
    with caller.rooms.store.begin() as work:
        work.values.remove(caller.org, scope, key)


@router.get("/state", summary="List Keys")
def list_keys(caller: Reading) -> Response:
    """The keys of the account's own values; those of resources are with the resources."""
    return _keys(caller, "")


@router.get("/state/{key:path}", summary="Get Value")
def get_value(caller: Reading, key: Key) -> Response:
    """Any JSON."""
    return _read(caller, "", key)


@router.put("/state/{key:path}", summary="Put Value", response_class=PlainTextResponse, openapi_extra=BODY)
def put_value(caller: Writing, request: Request, key: Key, given: GivenAny) -> Response:
    """`Created` for a new key, `OK` for one that was there."""
    return _write(caller, request, "", key, given)


@router.delete("/state", status_code=204, summary="Delete All Values")
def delete_values(caller: Writing) -> None:
    """Of the account; resources keep theirs."""
    _remove(caller, "")


@router.delete("/state/{key:path}", status_code=204, summary="Delete Value")
def delete_value(caller: Writing, key: Key) -> None:
    """It need not be there."""
    _remove(caller, "", key)


def _exists(caller: Caller, kind: str, digits: str) -> str:
    """Our id of the resource. Raises `NotFoundError`."""
    id = ours(kind, digits)
    with caller.rooms.store.read() as work:
        # They are called in the store as they are here.
        getattr(work, kind).get(caller.org, id)
    return id


def _add_states(kind: str) -> None:
    reading, writing = Annotated[Caller, Depends(reads(kind))], Annotated[Caller, Depends(writes(kind))]

    def list_state(caller: reading, id: str) -> Response:  # type: ignore[valid-type] # made above
        return _keys(caller, _exists(caller, kind, id))

    def get_state(caller: reading, id: str, key: Key) -> Response:  # type: ignore[valid-type] # made above
        return _read(caller, _exists(caller, kind, id), key)

    def put_state(caller: writing, id: str, request: Request, key: Key, given: GivenAny) -> Response:  # type: ignore[valid-type] # made above
        return _write(caller, request, _exists(caller, kind, id), key, given)

    def delete_state(caller: writing, id: str) -> Response:  # type: ignore[valid-type] # made above
        _remove(caller, _exists(caller, kind, id))
        return PlainTextResponse("OK")

    def delete_state_key(caller: writing, id: str, key: Key) -> Response:  # type: ignore[valid-type] # made above
        _remove(caller, _exists(caller, kind, id), key)
        return PlainTextResponse("OK")

    one, many = kind.removesuffix("s"), f"/{kind}/{{id}}/state"
    text: dict[str, Any] = {"response_class": PlainTextResponse}
    for method, tail, endpoint, more in (
        ("GET", "", list_state, {"summary": f"List keys of the {one}"}),
        ("GET", "/{key:path}", get_state, {"summary": f"Get value of the {one}"}),
        (
            "PUT",
            "/{key:path}",
            put_state,
            text | {"summary": f"Put value of the {one}", "openapi_extra": BODY},
        ),
        ("DELETE", "", delete_state, text | {"summary": f"Delete all values of the {one}"}),
        ("DELETE", "/{key:path}", delete_state_key, text | {"summary": f"Delete value of the {one}"}),
    ):
        endpoint.__name__ = f"{endpoint.__name__}_{one}"
        router.add_api_route(many + tail, endpoint, methods=[method], **more)


for _kind in KINDS:
    _add_states(_kind)
