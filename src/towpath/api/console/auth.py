"""``/auth``: who is signed in, where, and with which password; and leave for others to come."""

from datetime import datetime

from fastapi import Request, Response
from pydantic import BaseModel, SecretStr

from towpath.api.console.accounts import Name, Nothing
from towpath.api.console.answers import Answer
from towpath.api.console.guesses import guessing
from towpath.api.console.members import Owner, Signed
from towpath.api.kit.origins import origin
from towpath.api.kit.routing import Router
from towpath.services.people.accounts import Accounts
from towpath.services.people.onetime import OneTimeKeys
from towpath.services.people.sessions import Sessions
from towpath.services.people.users import checked_password

router = Router(prefix="/auth", tags=["Signing in"])


class Passwords(BaseModel):
    """The password of before, and the one from now on."""

    current_password: SecretStr
    new_password: SecretStr


class Session(BaseModel):
    """Where somebody is signed in."""

    id: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    current: bool


class Invitation(BaseModel):
    """Leave for one person to sign up. It is shown this once."""

    token: str
    link: str
    expires_at: datetime


@router.get("", summary="Who Am I")
def who_am_i(member: Signed) -> Answer[Name]:
    """The user who is signed in."""
    return Answer(message="Signed in.", data=Name(username=member.user.name))


router.get("/check", summary="Check", name="check")(who_am_i)


@router.put("/password", summary="Change Password")
def change_password(member: Signed, request: Request, body: Passwords) -> Answer[Nothing]:
    """All other sessions of the user end."""
    accounts, new = Accounts(*member.use), checked_password(body.new_password, "new_password")
    with guessing(request, member.org, member.user.name):
        accounts.change_password(member.user, member.session, body.current_password, new)
    return Answer(message="The password is changed.", data=Nothing())


@router.get("/sessions", summary="List Sessions")
def list_sessions(member: Signed) -> Answer[list[Session]]:
    """Where the user is signed in."""
    rows = Sessions(*member.use).list(member.org, member.user)
    found = [
        Session(
            id=row.id,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
            current=row.id == member.session.id,
        )
        for row in rows
    ]
    return Answer(message="Sessions.", data=found)


@router.delete("/sessions/{id}", summary="End Session")
def end_session(member: Signed, id: str) -> Answer[Nothing]:
    """Sign the user out somewhere."""
    Sessions(*member.use).close(member.org, member.user, id)
    return Answer(message="The session has ended.", data=Nothing())


@router.post("/invitations", summary="Invite")
def invite(owner: Owner, request: Request, response: Response) -> Answer[Invitation]:
    """An owner lets one more person sign up, within a week."""
    base = origin(request)
    made = OneTimeKeys(*owner.use).invite(owner.org)
    response.headers["Cache-Control"] = "no-store"
    token = made.token.get_secret_value()
    data = Invitation(token=token, link=f"{base}/signup/{token}", expires_at=made.expires_at)
    return Answer(message="Give it to one person: it is not shown again.", data=data)
