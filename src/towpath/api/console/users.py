"""``/api/v1/users``: who may come in. Members see it, owners change it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, SecretStr

from towpath.api.console.accounts import Nothing
from towpath.api.console.answers import Answer
from towpath.api.console.members import Member, Owner, Signed
from towpath.api.kit.routing import Router
from towpath.core.errors import ConflictError
from towpath.core.records import Role, User
from towpath.services.people.users import Users

router = Router(prefix="/api/v1/users", tags=["Users"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Its number.")]


class Row(BaseModel):
    """A user, without the password."""

    id: int
    username: str
    email: str
    role: Role
    disabled: bool
    created_at: datetime
    updated_at: datetime


class NewUser(BaseModel):
    """Without a password the user can come in by a login link only."""

    username: str
    password: SecretStr | None = None
    email: str | None = None
    role: Role = Role.MEMBER


class Changes(BaseModel):
    """What is not said, or null, stays as it is."""

    username: str | None = None
    password: SecretStr | None = None
    email: str | None = None
    role: Role | None = None
    disabled: bool | None = None


@router.get("", summary="List Users")
def list_users(member: Signed) -> Answer[list[Row]]:
    """Everybody who may come in."""
    users = Users(*member.use)
    return Answer(message="Users.", data=_rows(member, users.list(member.org)))


@router.get("/{id}", summary="Get User")
def get_user(member: Signed, id: Number) -> Answer[Row]:
    """One of them."""
    return _answer(member, Users(*member.use).numbered(member.org, id))


@router.post("", summary="Add User", responses={409: {"description": "The name is taken."}})
def add_user(owner: Owner, body: NewUser) -> Answer[Row]:
    """Let somebody in without an invitation."""
    users = Users(*owner.use)
    made = users.create(owner.org, body.username, body.password, body.email, body.role)
    return _answer(owner, made)


@router.put("/{id}", summary="Change User", responses={409: {"description": "The name is taken."}})
def change_user(owner: Owner, id: Number, body: Changes) -> Answer[Row]:
    """A new password, and being disabled, end all sessions of the user."""
    users = Users(*owner.use)
    user = users.numbered(owner.org, id)
    if body.disabled:
        _refuse_self(owner, user)
    return _answer(owner, users.update(owner.org, user.id, **_given(body)))


@router.delete("/{id}", summary="Remove User", responses={409: {"description": "It is the last owner."}})
def remove_user(owner: Owner, id: Number) -> Answer[Nothing]:
    """The user's sessions end; what the user has made stays."""
    users = Users(*owner.use)
    user = users.numbered(owner.org, id)
    _refuse_self(owner, user)
    users.delete(owner.org, user.id)
    return Answer(message=f"The user {user.name} is removed.", data=Nothing())


def _given(body: Changes) -> dict[str, Any]:
    given = {name: value for name, value in vars(body).items() if value is not None}
    return {"name" if name == "username" else name: value for name, value in given.items()}


def _refuse_self(owner: Member, user: User) -> None:
    if user.id == owner.user.id:
        raise ConflictError(
            "user.self",
            "Nobody removes or disables himself.",
            hint="Another owner can do it.",
            user=user.name,
        )


def _answer(member: Member, user: User) -> Answer[Row]:
    (row,) = _rows(member, [user])
    return Answer(message=f"The user {user.name}.", data=row)


def _rows(member: Member, users: Sequence[User]) -> list[Row]:
    numbers = Users(*member.use).numbers(member.org, users)
    return [
        Row(
            id=number,
            username=user.name,
            email=user.email or "",
            role=user.role,
            disabled=user.disabled,
            created_at=user.created_at,
            updated_at=user.updated_at,
        )
        for number, user in zip(numbers, users, strict=True)
    ]
