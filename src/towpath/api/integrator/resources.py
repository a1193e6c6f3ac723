"""The routes that all resources have, over whoever keeps them.

::

    router = Router(prefix="/v1", tags=["Exports"])
    add_resource(router, Resource("exports", "export", Exports, patchable=("/name",)))
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from towpath.api.integrator import auditing
from towpath.api.integrator.auth import Caller, reads, writes
from towpath.api.integrator.documents import (
    BODY,
    BODY_LIST,
    Document,
    Given,
    GivenList,
    answer,
    etag,
    matches,
    same_version,
)
from towpath.api.integrator.ids import ours, shown
from towpath.api.integrator.listing import Asked
from towpath.api.integrator.patching import patched
from towpath.api.kit.routing import Router

Change = Callable[[Document], Document]
"""From the document as it is shown now to what it shall be."""


class Keeper(Protocol):
    """Keeps the resources of one kind, for one caller. Ids are ours; documents are as they are shown, with
    ``_id`` and masks for secrets. A mask that comes back means "unchanged".

    Whatever is not there, or not the caller's organization's, raises `NotFoundError`. # Invariant 9
    """

    def list(self, limit: int) -> Sequence[Document]:
        """The first ``limit``, the oldest first. Of a caller of an app only those that are the app's."""
        ...

    def get(self, id: str) -> Document: ...

    def create(self, document: dict[str, Any]) -> Document: ...

    def change(self, id: str, how: Change) -> Document:
        """Call ``how`` with the document, inside the unit of work that stores what it returns. What it raises
        changes nothing.
        """
        ...

    def delete(self, id: str) -> None:
        """Raises `ConflictError` (``….in_use``) while something refers to it."""
        ...


class Depending(Protocol):
    """A keeper that knows what uses its resources."""

    def dependencies(self, id: str) -> Document: ...


class Cloning(Protocol):
    """A keeper that makes copies."""

    def clone(self, id: str, asked: dict[str, Any]) -> Any:
        """What is answered: the copy, or a list of all that was copied."""
        ...


@dataclass(frozen=True)
class Resource:
    """One kind of resource."""

    path: str
    """Its word in paths: ``exports``."""
    noun: str
    """One of them, in summaries: ``export``."""
    keeper: Callable[[Caller], Keeper]
    patchable: tuple[str, ...] = ()
    """JSON pointers to what may be patched; none at all: there is no PATCH."""
    volatile: tuple[str, ...] = ()
    """Fields that move by themselves: who changes the rest need not have seen them."""
    dependencies: bool = False
    """Whether its keeper is `Depending`."""
    clones: bool = False
    """Whether its keeper is `Cloning`."""
    aliases: tuple[str, ...] = ()
    """Other words in paths."""


def add_resource(router: Router, resource: Resource) -> None:
    """Add all routes of the resource to a router with the prefix ``/v1``."""
    _add_list(router, resource)
    _add_one(router, resource)
    _add_changes(router, resource)
    if resource.patchable:
        _add_patch(router, resource)
    if resource.dependencies:
        _add_dependencies(router, resource)
    if resource.clones:
        _add_clone(router, resource)


def add_route(
    router: Router, resource: Resource, method: str, tail: str, endpoint: Callable[..., Any], **options: Any
) -> None:
    """Add a route of the resource, and the same under its aliases; ``tail`` follows its word in paths."""
    router.add_api_route(f"/{resource.path}{tail}", endpoint, methods=[method], **options)
    for alias in resource.aliases:
        router.add_api_route(
            f"/{alias}{tail}", endpoint, methods=[method], **options | {"include_in_schema": False}
        )


def _add_list(router: Router, resource: Resource) -> None:
    reading, writing = _roles(resource)

    def list_all(caller: reading, asked: Asked) -> Response:  # type: ignore[valid-type] # made above
        return asked.answer(resource.keeper(caller).list(asked.needed))

    def create(caller: writing, given: Given) -> Response:  # type: ignore[valid-type] # made above
        made = resource.keeper(caller).create(_tagged(caller, given))
        return answer(made, 201, {"ETag": etag(made, resource.volatile), **_location(resource, made)})

    _name(resource, list_all, create)
    add_route(router, resource, "GET", "", list_all, summary=f"List {resource.noun}s")
    made: dict[str, Any] = {"status_code": 201, "openapi_extra": BODY}
    add_route(router, resource, "POST", "", create, summary=f"Create {resource.noun}", **made)


def _add_one(router: Router, resource: Resource) -> None:
    reading, _ = _roles(resource)

    def get(caller: reading, id: str, request: Request) -> Response:  # type: ignore[valid-type] # made above
        found = resource.keeper(caller).get(ours(resource.path, id))
        tag = etag(found, resource.volatile)
        if matches(request.headers.get("if-none-match", "-"), tag):
            return Response(status_code=304, headers={"ETag": tag})
        return answer(found, headers={"ETag": tag})

    def audit(caller: reading, id: str) -> Response:  # type: ignore[valid-type] # made above
        key = ours(resource.path, id)
        resource.keeper(caller).get(key)
        return answer(auditing.entries(caller, resource.noun, key))

    _name(resource, get, audit)
    add_route(router, resource, "GET", "/{id}", get, summary=f"Get {resource.noun}")
    add_route(router, resource, "GET", "/{id}/audit", audit, summary=f"Audit log of the {resource.noun}")


def _add_changes(router: Router, resource: Resource) -> None:
    _, writing = _roles(resource)

    def replace(caller: writing, id: str, given: Given, request: Request) -> Response:  # type: ignore[valid-type] # made above
        def how(now: Document) -> Document:
            check_match(request, now, resource.volatile)
            return _tagged(caller, given)

        changed = resource.keeper(caller).change(ours(resource.path, id), how)
        return answer(changed, headers={"ETag": etag(changed, resource.volatile)})

    def delete(caller: writing, id: str) -> Response:  # type: ignore[valid-type] # made above
        resource.keeper(caller).delete(ours(resource.path, id))
        return Response(status_code=204)

    _name(resource, replace, delete)
    said: dict[str, Any] = {"openapi_extra": BODY, "summary": f"Replace {resource.noun}"}
    add_route(router, resource, "PUT", "/{id}", replace, **said)
    add_route(router, resource, "DELETE", "/{id}", delete, status_code=204, summary=f"Delete {resource.noun}")


def _add_patch(router: Router, resource: Resource) -> None:
    _, writing = _roles(resource)

    def patch(caller: writing, id: str, given: GivenList, request: Request) -> Response:  # type: ignore[valid-type] # made above
        def how(now: Document) -> Document:
            check_match(request, now, resource.volatile)
            return patched(now, given, resource.patchable)

        resource.keeper(caller).change(ours(resource.path, id), how)
        return Response(status_code=204)

    _name(resource, patch)
    said: dict[str, Any] = {"openapi_extra": BODY_LIST, "summary": f"Patch {resource.noun}"}
    add_route(router, resource, "PATCH", "/{id}", patch, status_code=204, **said)


def _add_dependencies(router: Router, resource: Resource) -> None:
    reading, _ = _roles(resource)

    def dependencies(caller: reading, id: str) -> Response:  # type: ignore[valid-type] # made above
        keeper: Any = resource.keeper(caller)
        return answer(keeper.dependencies(ours(resource.path, id)))

    _name(resource, dependencies)
    add_route(
        router, resource, "GET", "/{id}/dependencies", dependencies, summary=f"What uses the {resource.noun}"
    )


def _add_clone(router: Router, resource: Resource) -> None:
    _, writing = _roles(resource)

    def clone(caller: writing, id: str, given: Given) -> Response:  # type: ignore[valid-type] # made above
        keeper: Any = resource.keeper(caller)
        return answer(keeper.clone(ours(resource.path, id), given), 201)

    _name(resource, clone)
    said: dict[str, Any] = {"openapi_extra": BODY, "summary": f"Clone {resource.noun}"}
    add_route(router, resource, "POST", "/{id}/clone", clone, status_code=201, **said)


def check_match(request: Request, now: Document, volatile: tuple[str, ...] = ()) -> None:
    """Raises 412 if the caller has seen another version of the document than the present one."""
    seen = request.headers.get("if-match")
    if seen is not None and seen.strip() != "*" and not same_version(seen, etag(now, volatile)):
        raise HTTPException(412, "It has changed meanwhile.")


def _roles(resource: Resource) -> tuple[Any, Any]:
    kind = resource.path
    return Annotated[Caller, Depends(reads(kind))], Annotated[Caller, Depends(writes(kind))]


def _tagged(caller: Caller, document: dict[str, Any]) -> dict[str, Any]:
    """What an app makes is the app's."""
    return document if caller.app is None else {**document, "_connectorId": shown(caller.app)}


def _location(resource: Resource, made: Document) -> dict[str, str]:
    return {"Location": f"/v1/{resource.path}/{made['_id']}"} if "_id" in made else {}


def _name(resource: Resource, *endpoints: Callable[..., Any]) -> None:
    """Operation ids are the names of functions."""
    for endpoint in endpoints:
        endpoint.__name__ = f"{endpoint.__name__}_{resource.noun.replace(' ', '_')}"
