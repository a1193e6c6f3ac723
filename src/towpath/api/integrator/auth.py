"""Who may call: programs with a token. What a token opens, said once.

============================  ==========================================================================
token                         opens
============================  ==========================================================================
full                          everything
limited access token          reading and invoking the connections, exports and imports that it names
one-time, of a user's own     invoking exports and imports that are there
one-time, of an app           what carries the app's ``_connectorId``
============================  ==========================================================================
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeVar

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from towpath.api.integrator import belonging
from towpath.api.integrator.ids import ours
from towpath.api.kit.callers import bearer, caller_of, known_key, unauthorized
from towpath.core.records import Key, KeyKind, now
from towpath.services.context import Actor, Rooms

_bearer = HTTPBearer(scheme_name="bearer", description="An API token.", auto_error=False)

_PUBLIC = "towpath_public"
F = TypeVar("F", bound=Callable[..., object])


class Way(StrEnum):
    """What is done to a resource."""

    READ = "read"
    WRITE = "write"
    INVOKE = "invoke"


@dataclass(frozen=True)
class Caller:
    """A program that showed its token."""

    rooms: Rooms
    org: str
    actor: Actor
    key: Key

    @property
    def use(self) -> tuple[Rooms, Actor]:
        """What use cases are made of."""
        return self.rooms, self.actor

    @property
    def full(self) -> bool:
        """Whether the token opens everything."""
        return self.key.kind is KeyKind.INTEGRATOR and not self.key.scopes

    @property
    def app(self) -> str | None:
        """Id of the app whose own resources are all that the token opens."""
        found = [scope.removeprefix("app:") for scope in self.key.scopes if scope.startswith("app:")]
        return found[0] if found else None

    def check(self, way: Way, kind: str, id: str | None = None) -> None:
        """Raise 403 unless the caller may do this to the resource, or without an id to the kind as a whole:
        whether the resource is there or not. # Invariant 9
        """
        if not self.full and not self._may(way, kind, id):
            raise HTTPException(403, "The token does not open this.")

    def _may(self, way: Way, kind: str, id: str | None) -> bool:
        if self.app is not None:
            return kind in belonging.KINDS and self._is_own(kind, id)
        if self.key.kind is KeyKind.ONCE:
            return "invoke" in self.key.scopes and way is Way.INVOKE and kind in ("exports", "imports")
        return way is not Way.WRITE and id is not None and f"{kind}:{id}" in self.key.scopes

    def _is_own(self, kind: str, id: str | None) -> bool:
        return id is None or belonging.app_of(self.rooms, self.org, kind, id) == self.app


def public(endpoint: F) -> F:
    """Mark a route as one that needs no token: it looks after itself."""
    setattr(endpoint, _PUBLIC, True)
    return endpoint


def door(request: Request) -> None:
    """Turn strangers away, and who asks too much, before anything that they send is read. Raises as
    `identify` does, and 429.
    """
    if not getattr(request.scope.get("endpoint"), _PUBLIC, False):
        request.state.caller = identify(request)
        spend(request.state.caller.rooms, request.state.caller.org)


def identify(request: Request) -> Caller:
    """Who calls. Raises 401."""
    rooms: Rooms = request.app.state.rooms
    if "authorization" not in request.headers:
        raise unauthorized("Unauthorized")
    key = known_key(rooms, bearer(request), KeyKind.INTEGRATOR, KeyKind.ONCE)
    if key is None:
        # One answer whatever is wrong with a token: unknown, of another kind, revoked, expired.
        raise unauthorized("Bearer Authentication Failed", 'Bearer error="invalid_token"')
    found = caller_of(request, key)
    return Caller(rooms, found.org, found.actor, key)


def spend(rooms: Rooms, org: str) -> None:
    """One drop into the organization's bucket. Raises 429."""
    bucket = rooms.integrator_bucket
    if bucket is None:
        return
    with rooms.store.begin() as work:
        wait = work.buckets.take(org, "integrator", bucket.size, bucket.rate, now())
    if wait > 0:
        seconds = math.ceil(wait)
        told = f"Too many requests. Retry after {seconds} second{'' if seconds == 1 else 's'}."
        raise HTTPException(429, told, {"Retry-After": str(seconds)})


def signed(request: Request, _scheme: Annotated[object, Security(_bearer)]) -> Caller:
    """Whoever showed a good token. The route itself asks `Caller.check`."""
    found: Caller = request.state.caller
    return found


Signed = Annotated[Caller, Depends(signed)]


def reads(kind: str) -> Callable[..., Caller]:
    """Dependency of routes that show resources of the kind: the one whose id is ``id`` in the path."""
    return _allowed(Way.READ, kind)


def writes(kind: str) -> Callable[..., Caller]:
    """Dependency of routes that change them."""
    return _allowed(Way.WRITE, kind)


def invokes(kind: str) -> Callable[..., Caller]:
    """Dependency of routes that let them do their work."""
    return _allowed(Way.INVOKE, kind)


def _allowed(way: Way, kind: str) -> Callable[..., Caller]:
    def allowed(caller: Signed, request: Request) -> Caller:
        digits = request.path_params.get("id")
        caller.check(way, kind, None if digits is None else ours(kind, digits))
        return caller

    return allowed
