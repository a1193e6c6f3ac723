"""``/login``, ``/signup``, ``/logout``: coming in and going out."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response
from pydantic import BaseModel, Field, SecretStr

from towpath.api.console.answers import Answer
from towpath.api.console.guesses import guessing
from towpath.api.console.members import COOKIE, actor_of, refuse_foreign
from towpath.api.kit.callers import bearer
from towpath.api.kit.origins import is_secure
from towpath.api.kit.routing import Router
from towpath.services.people.accounts import Accounts
from towpath.services.people.sessions import SESSION

router = Router(tags=["Signing in"])

#: Passwords that are hashed at once: each one takes 64 MiB, and a processor. Others wait outside of threads.
AT_ONCE = 4

T = TypeVar("T")


class Credentials(BaseModel):
    """What somebody signs in with."""

    username: str
    password: SecretStr


class Newcomer(Credentials):
    """Who signs up."""

    email: str | None = None
    invitation: Annotated[str, Field(description="Needed once there is a user.")] = ""


class Name(BaseModel):
    """Who it is."""

    username: str


class Person(Name):
    """Who it is, and where letters go."""

    email: str


class Nothing(BaseModel):
    """An empty object: clients of this dialect look into it."""


@router.post("/login", summary="Sign In")
async def login(request: Request, response: Response, body: Credentials) -> Answer[Name]:
    """Begin a session. Its token is in the cookie; it is good as a Bearer token, too."""
    refuse_foreign(request)
    token = await slowly(request, lambda: sign_in(request, body))
    keep_session(request, response, token)
    return Answer(message="Signed in.", data=Name(username=body.username.strip()))


@router.post("/signup", summary="Sign Up")
async def signup(request: Request, body: Newcomer) -> Answer[Person]:
    """Become a user: the first one of all, or with an invitation."""
    refuse_foreign(request)
    user = await slowly(request, lambda: sign_up(request, body))
    return Answer(message="Signed up.", data=user)


@router.post("/logout", summary="Sign Out")
def logout(request: Request, response: Response) -> Answer[Nothing]:
    """End the session, whatever is left of it."""
    refuse_foreign(request)
    accounts = Accounts(request.app.state.rooms, actor_of(request, "system"))
    accounts.sign_out(request.cookies.get(COOKIE, ""), bearer(request) or "")
    response.delete_cookie(COOKIE, path="/", secure=is_secure(request), httponly=True, samesite="lax")
    return Answer(message="Signed out.", data=Nothing())


async def slowly(request: Request, work: Callable[[], T]) -> T:
    """Do what hashes a password, not too many at once."""
    limiter: CapacityLimiter = request.app.state.hashing
    return await to_thread.run_sync(work, limiter=limiter)


def sign_in(request: Request, body: Credentials) -> str:
    """A new session's token. Raises as `Accounts.sign_in` does, and `BusyError` (``login.throttled``)."""
    accounts = Accounts(request.app.state.rooms, actor_of(request, f"user:{body.username.strip()}"))
    org, before = accounts.home, request.cookies.get(COOKIE, "")
    with guessing(request, org, body.username):
        _, token = accounts.sign_in(org, body.username, body.password, before)
    return token.get_secret_value()


def sign_up(request: Request, body: Newcomer) -> Person:
    """Raises as `Accounts.sign_up` does."""
    accounts = Accounts(request.app.state.rooms, actor_of(request, f"user:{body.username.strip()}"))
    user = accounts.sign_up(accounts.home, body.username, body.password, body.email, body.invitation)
    return Person(username=user.name, email=user.email or "")


def keep_session(request: Request, response: Response, token: str) -> None:
    """Give the browser its cookie."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(SESSION.total_seconds()),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )
    response.headers["Cache-Control"] = "no-store"
