"""Templates, scripts, lookup caches, file definitions, asynchronous helpers."""

from typing import Annotated, Any

from fastapi import Depends
from starlette.responses import Response

from towpath.api.integrator.auth import Caller, reads, writes
from towpath.api.integrator.documents import BODY, Given, answer
from towpath.api.integrator.errors import Refused, invalid, required
from towpath.api.integrator.ids import ours
from towpath.api.integrator.items import Items, Kind, items
from towpath.api.integrator.resources import Resource, add_resource
from towpath.api.kit.routing import Router

router = Router(prefix="/v1", tags=["Templates, scripts and lookup caches"])

_CACHE = Kind("lookup_cache", required=("name",))
#: How many keys one call may name.
_MOST = 1000
_LONGEST_KEY = 500

_RESOURCES = (
    Resource("templates", "template", items(Kind("template", required=("name",))), aliases=("template",)),
    Resource(
        "scripts",
        "script",
        items(Kind("script", required=("name",), single=("content",))),
        dependencies=True,
    ),
    Resource("lookupcaches", "lookup cache", items(_CACHE), dependencies=True),
    Resource(
        "filedefinitions",
        "file definition",
        items(Kind("file_definition", required=("name", "version", "format", "rules"))),
        dependencies=True,
    ),
    Resource(
        "asynchelpers", "async helper", items(Kind("async_helper", required=("name",))), dependencies=True
    ),
)

for _resource in _RESOURCES:
    add_resource(router, _resource)

Reading = Annotated[Caller, Depends(reads("lookupcaches"))]
Writing = Annotated[Caller, Depends(writes("lookupcaches"))]


def _cache(caller: Caller, digits: str) -> str:
    id = ours("lookupcaches", digits)
    Items(caller, _CACHE).get(id)
    return id


@router.post("/lookupcaches/{id}/data", summary="Put lookup data", openapi_extra=BODY)
def put_lookup_data(caller: Writing, id: str, given: Given) -> Response:
    """Keep values by key: `{"data": [{"key", "value"}]}`. Those of keys that are there are replaced."""
    scope, rows = _cache(caller, id), given.get("data")
    if not isinstance(rows, list):
        raise Refused(required("data"))
    faults = [
        invalid(f"data.{number}", f"It has a key, a text of at most {_LONGEST_KEY} characters, and a value.")
        for number, row in enumerate(rows)
        if not isinstance(row, dict) or not _is_key(row.get("key")) or "value" not in row
    ]
    if faults:
        raise Refused(*faults[:_MOST])
    with caller.rooms.store.begin() as work:
        for row in rows:
            work.values.put(caller.org, scope, str(row["key"]), row["value"])
    return answer({"successCount": len(rows)})


@router.post("/lookupcaches/{id}/getData", summary="Get lookup data", openapi_extra=BODY)
def get_lookup_data(caller: Reading, id: str, given: Given) -> Response:
    """The values of `{"keys": […]}`, or of `{"startsWith": "…"}`: at most 1000, in the order of the keys."""
    scope = _cache(caller, id)
    with caller.rooms.store.read() as work:
        if "keys" in given:
            found = [work.values.get(caller.org, scope, key) for key in _keys(given)]
            rows = [row for row in found if row is not None]
        else:
            prefix = str(given.get("startsWith") or "")
            rows = list(work.values.find(caller.org, scope, prefix=prefix, limit=_MOST))
    return answer({"data": [{"key": row.key, "value": row.value} for row in rows]})


@router.delete("/lookupcaches/{id}/data", status_code=204, summary="Delete lookup data", openapi_extra=BODY)
def delete_lookup_data(caller: Writing, id: str, given: Given) -> None:
    """Those of `{"keys": […]}`; they need not be there."""
    scope, keys = _cache(caller, id), _keys(given)
    with caller.rooms.store.begin() as work:
        for key in keys:
            work.values.remove(caller.org, scope, key)


@router.delete("/lookupcaches/{id}/data/purge", status_code=204, summary="Purge lookup data")
def purge_lookup_data(caller: Writing, id: str) -> None:
    """All of them."""
    scope = _cache(caller, id)
    with caller.rooms.store.begin() as work:
        work.values.remove(caller.org, scope)


def _keys(given: dict[str, Any]) -> list[str]:
    keys = given.get("keys")
    if not isinstance(keys, list) or len(keys) > _MOST or not all(_is_key(key) for key in keys):
        raise Refused(invalid("keys", f"It is a list of at most {_MOST} keys."))
    return [str(key) for key in keys]


def _is_key(value: object) -> bool:
    return isinstance(value, str | int | float) and 0 < len(str(value)) <= _LONGEST_KEY
