"""Who may call: people who have signed in, by cookie or Bearer token, each in a project."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.exceptions import HTTPException

from towpath.api.kit.callers import bearer, known_key, unauthorized
from towpath.api.kit.defects import request_id
from towpath.api.kit.origins import is_foreign
from towpath.core.records import Key, KeyKind, Project, Role, User
from towpath.services.context import Actor, Rooms
from towpath.services.projects import Projects

#: The cookie of a session; what it holds works as a Bearer token, too.
COOKIE = "towpath-session"

#: What is for who has signed in, whatever else is wrong with the request.
_INSIDE = ("/api/v1/project", "/api/v1/users")
_READING = ("GET", "HEAD", "OPTIONS")
#: The dialect has one GET that changes something.
_CHANGING = "/cancel"

_bearer = HTTPBearer(scheme_name="bearer", description="A session's token.", auto_error=False)
_cookie = APIKeyCookie(name=COOKIE, scheme_name="cookie", description="Set by signing in.", auto_error=False)


@dataclass(frozen=True)
class Member:
    """A person who has signed in."""

    rooms: Rooms
    user: User
    session: Key
    actor: Actor

    @property
    def org(self) -> str:
        return self.user.org

    @property
    def use(self) -> tuple[Rooms, Actor]:
        """What use cases are made of."""
        return self.rooms, self.actor


@dataclass(frozen=True)
class Place:
    """A person, and the project that the request is about."""

    member: Member
    project: Project

    @property
    def org(self) -> str:
        return self.member.org

    @property
    def rooms(self) -> Rooms:
        return self.member.rooms

    @property
    def use(self) -> tuple[Rooms, Actor]:
        """What use cases are made of."""
        return self.member.use


def door(request: Request) -> None:
    """Turn strangers away before anything that they send is read. Raises as `identify` does."""
    if request.url.path.startswith(_INSIDE):
        request.state.member = identify(request)


def identify(request: Request) -> Member:
    """Who calls. A good Bearer token counts before the cookie: somebody put it there on purpose. Any other
    one is ignored beside a good cookie: clients of this dialect send a constant.

    Raises `HTTPException`: 401, and 403 for a change that a page of another origin asks for by the cookie.
    """
    rooms: Rooms = request.app.state.rooms
    session = known_key(rooms, bearer(request), KeyKind.SESSION)
    if session is None:
        session = known_key(rooms, request.cookies.get(COOKIE), KeyKind.SESSION)
        if session is not None and _changes(request):
            refuse_foreign(request)
    if session is None or session.user is None:
        raise unauthorized("Authentication required")
    with rooms.store.read() as work:
        user = work.users.find(session.org, id=session.user)
    if user is None or user.disabled:
        raise unauthorized("Authentication required")
    return Member(rooms, user, session, actor_of(request, f"user:{user.name}"))


def actor_of(request: Request, name: str) -> Actor:
    """Who does it, as the audit trail will have it."""
    address = request.client.host if request.client else None
    return Actor(name, address=address, request=request_id(request.scope))


def refuse_foreign(request: Request) -> None:
    """Raise 403 if a page of another origin sent the request, in the name of whoever looks at it."""
    rooms: Rooms = request.app.state.rooms
    if is_foreign(request, rooms.trusted_origins):
        raise HTTPException(
            403,
            "Pages of other origins may not do this. The setting cors_origins allows some of the same site.",
        )


def _changes(request: Request) -> bool:
    return request.method not in _READING or request.url.path.rstrip("/").endswith(_CHANGING)


def member(
    request: Request,
    _bearer_scheme: Annotated[object, Security(_bearer)],
    _cookie_scheme: Annotated[object, Security(_cookie)],
) -> Member:
    """Raises as `identify` does."""
    found: Member | None = getattr(request.state, "member", None)
    return found or identify(request)


Signed = Annotated[Member, Depends(member)]


def owner(member: Signed) -> Member:
    """Raises 401, and 403 for who may not change who comes in."""
    if member.user.role is not Role.OWNER:
        raise HTTPException(403, "Insufficient permissions")
    return member


Owner = Annotated[Member, Depends(owner)]


def place(member: Signed, projectid: Annotated[str, Path(description="Name of the project.")]) -> Place:
    """The project, made at its first use. Raises 401, and 404 for what cannot be a project's name."""
    return Place(member, Projects(*member.use).open(member.org, projectid))


Here = Annotated[Place, Depends(place)]
