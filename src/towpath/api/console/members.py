"""Who may call: people who have signed in, by cookie or Bearer token, each in a project."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer

from towpath.api.kit.callers import bearer, known_key, unauthorized
from towpath.api.kit.defects import request_id
from towpath.core.records import Key, KeyKind, Project, User
from towpath.services.context import Actor, Rooms
from towpath.services.projects import Projects

#: The cookie of a session; what it holds works as a Bearer token, too.
COOKIE = "towpath-session"

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


def member(
    request: Request,
    _bearer_scheme: Annotated[object, Security(_bearer)],
    cookie: Annotated[str | None, Security(_cookie)],
) -> Member:
    """Raises 401. A good cookie is enough, whatever the Authorization header says: clients of this dialect
    send a constant beside it.
    """
    rooms: Rooms = request.app.state.rooms
    session = known_key(rooms, cookie, KeyKind.SESSION) or known_key(rooms, bearer(request), KeyKind.SESSION)
    if session is None or session.user is None:
        raise unauthorized("Authentication required")
    with rooms.store.read() as work:
        user = work.users.find(session.org, id=session.user)
    if user is None or user.disabled:
        raise unauthorized("Authentication required")
    address = request.client.host if request.client else None
    actor = Actor(f"user:{user.name}", address=address, request=request_id(request.scope))
    return Member(rooms, user, session, actor)


Signed = Annotated[Member, Depends(member)]


def place(member: Signed, projectid: Annotated[str, Path(description="Name of the project.")]) -> Place:
    """The project, made at its first use. Raises 401, and 404 for what cannot be a project's name."""
    return Place(member, Projects(*member.use).open(member.org, projectid))


Here = Annotated[Place, Depends(place)]
