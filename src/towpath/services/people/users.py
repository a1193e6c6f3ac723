"""People who sign in: who they are, and what they may be called."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from towpath.core.errors import ConfigError, ConflictError
from towpath.core.records import KeyKind, Role, User, now
from towpath.core.repositories import UnitOfWork
from towpath.services.context import Actor, UseCases, audit, named
from towpath.vault import hash_password

#: The shortest and the longest password that a user may choose.
MINIMUM_PASSWORD, MAXIMUM_PASSWORD = 8, 1024

_LONGEST_NAME = 64
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


class Users(UseCases):
    """People who sign in."""

    def create(
        self,
        org: str,
        name: str,
        password: SecretStr | None,
        email: str | None = None,
        role: Role | None = None,
    ) -> User:
        """Without a password the user can come in by a login link only. Without a role the first one is the
        owner, and all others are members.
        """
        row = new_user(org, name, password, email)
        with self.rooms.store.begin() as work:
            return add_user(work, self.actor, row, role)

    def list(self, org: str) -> Sequence[User]:
        with self.rooms.store.read() as work:
            return work.users.list(org)

    def get(self, org: str, name: str) -> User:
        """By name or id. Raises `NotFoundError`."""
        with self.rooms.store.read() as work:
            return named(work.users, org, "user", name)

    def numbers(self, org: str, users: Sequence[User]) -> Sequence[int]:
        """The whole numbers of these users, in their order."""
        ids = [user.id for user in users]
        with self.rooms.store.begin() as work:
            known = work.numbers.assign(org, "user", ids)
        return [known[id] for id in ids]

    def numbered(self, org: str, number: int) -> User:
        """Raises `NotFoundError`."""
        with self.rooms.store.read() as work:
            return work.users.get(org, work.numbers.find(org, "user", number) or str(number))

    def update(self, org: str, user: str, /, **changes: Any) -> User:
        """Change what is given of ``name``, ``email``, ``password``, ``role`` and ``disabled``, of the user
        with this name or id.

        A new password, and being disabled, end all of the user's sessions. Raises `ConflictError`
        (``user.last_owner``) if nobody would be left who may change users.
        """
        columns = _columns(changes)
        with self.rooms.store.begin() as work:
            work.organizations.hold(org)
            row = named(work.users, org, "user", user)
            changed = work.users.update(org, row.id, **columns)
            if is_owner(row) and not is_owner(changed):
                _keep_an_owner(work, org, row)
            if changed.disabled or "password_hash" in columns:
                end_sessions(work, changed)
            audit(work, org, self.actor, "user.update", row.id, name=changed.name, changed=sorted(columns))
            return changed

    def delete(self, org: str, name: str) -> User:
        """Remove the user with all sessions. Raises `ConflictError` (``user.last_owner``)."""
        with self.rooms.store.begin() as work:
            work.organizations.hold(org)
            row = named(work.users, org, "user", name)
            work.users.delete(org, row.id)
            if is_owner(row) and work.users.list(org, limit=1):
                _keep_an_owner(work, org, row)
            audit(work, org, self.actor, "user.delete", row.id, name=row.name)
            return row


def new_user(org: str, name: str, password: SecretStr | None, email: str | None) -> User:
    """A user who is not stored yet. Slow: hashing is meant to be. Raises `ConfigError`."""
    digest = None if password is None else hash_password(checked_password(password))
    return User(org=org, name=checked_name(name), email=checked_email(email), password_hash=digest)


def add_user(work: UnitOfWork, actor: Actor, row: User, role: Role | None = None) -> User:
    """Store a new user; without a role the organization's first is its owner. Raises `ConflictError`."""
    # Of two who are first at the same moment one waits here, and is the second.
    work.organizations.hold(row.org)
    first = not work.users.list(row.org, limit=1)
    row = work.users.add(row.org, replace(row, role=role or (Role.OWNER if first else Role.MEMBER)))
    work.numbers.assign(row.org, "user", [row.id])
    audit(work, row.org, actor, "user.create", row.id, name=row.name, role=str(row.role))
    return row


def is_owner(user: User) -> bool:
    """Whether the person may change who may come in."""
    return user.role is Role.OWNER and not user.disabled


def _keep_an_owner(work: UnitOfWork, org: str, last: User) -> None:
    if not work.users.list(org, role=Role.OWNER, disabled=False, limit=1):
        raise ConflictError(
            "user.last_owner",
            f"{last.name} is the last owner.",
            hint="Make somebody else an owner first.",
            user=last.name,
        )


def end_sessions(work: UnitOfWork, user: User, but: str | None = None) -> None:
    """Revoke what the user is signed in with, and links that would; the key ``but`` stays."""
    at = now()
    for key in work.keys.list(user.org, user=user.id, kind=[KeyKind.SESSION, KeyKind.LINK], revoked_at=None):
        if key.id != but:
            work.keys.update(user.org, key.id, revoked_at=at)


def _columns(changes: dict[str, Any]) -> dict[str, Any]:
    columns = dict(changes)
    if "name" in columns:
        columns["name"] = checked_name(columns["name"])
    if "email" in columns:
        columns["email"] = checked_email(columns["email"])
    if "password" in columns:
        columns["password_hash"] = hash_password(checked_password(columns.pop("password")))
    return columns


def checked_name(name: str) -> str:
    """The name without blanks around it. Raises `ConfigError`."""
    trimmed = name.strip()
    if not trimmed.isprintable() or not 0 < len(trimmed) <= _LONGEST_NAME:
        raise _invalid("username", f"A user's name has 1 to {_LONGEST_NAME} visible characters.")
    return trimmed


def checked_email(email: str | None) -> str | None:
    """The address, or None for an empty one. Raises `ConfigError`."""
    trimmed = (email or "").strip()
    if trimmed and not _EMAIL.fullmatch(trimmed):
        raise _invalid("email", "This is no electronic mail address.")
    return trimmed or None


def checked_password(password: SecretStr, field: str = "password") -> SecretStr:
    """Raises `ConfigError` (``password.too_short``, ``password.too_long``)."""
    length = len(password.get_secret_value())
    if length < MINIMUM_PASSWORD:
        raise ConfigError(
            "password.too_short",
            f"A password has at least {MINIMUM_PASSWORD} characters.",
            hint="Choose a longer one.",
            field=field,
        )
    if length > MAXIMUM_PASSWORD:
        raise ConfigError(
            "password.too_long",
            f"A password has at most {MAXIMUM_PASSWORD} characters.",
            hint="Choose a shorter one.",
            field=field,
        )
    return password


def _invalid(field: str, message: str) -> ConfigError:
    return ConfigError("config.invalid", message, hint="Correct it.", field=field)
