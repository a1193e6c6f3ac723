"""Keys that open once: invitations to sign up, and links that sign a person in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr

from towpath.core.errors import AuthError
from towpath.core.records import Key, KeyKind, User, now
from towpath.core.repositories import UnitOfWork
from towpath.services.context import Rooms, UseCases, audit, named
from towpath.vault import kind_of, new_machine_key

#: How long an invitation can be taken up.
INVITATION = timedelta(days=7)
#: How long a login link can be used.
LINK = timedelta(minutes=10)


@dataclass(frozen=True)
class OneTime:
    """A new key that opens once: the only time that its text leaves us."""

    token: SecretStr
    expires_at: datetime
    id: str


class OneTimeKeys(UseCases):
    """Making them."""

    def invite(self, org: str) -> OneTime:
        """Leave for one person to sign up, whoever holds it."""
        with self.sealing() as work:
            made = self._make(work, org, KeyKind.INVITE, INVITATION)
            audit(work, org, self.actor, "user.invite", made.id)
            return made

    def link(self, org: str, name: str) -> OneTime:
        """A login link's token, for the user with this name or id. Raises `NotFoundError`, and `AuthError`
        (``user.disabled``).
        """
        with self.sealing() as work:
            user = named(work.users, org, "user", name)
            if user.disabled:
                raise AuthError(
                    "user.disabled",
                    f"The user {user.name} is disabled.",
                    hint=f"Enable it first: `towpath users update {user.name} --enable`.",
                )
            made = self._make(work, org, KeyKind.LINK, LINK, user)
            audit(work, org, self.actor, "user.link", made.id, user=user.name)
            return made

    def _make(
        self,
        work: UnitOfWork,
        org: str,
        kind: KeyKind,
        life: timedelta,
        user: User | None = None,
    ) -> OneTime:
        new, end = new_machine_key(self.rooms.vault, kind), now() + life
        name = user.name if user else str(kind)
        row = Key(
            org=org, name=name, kind=kind, digest=new.digest, user=user.id if user else None, expires_at=end
        )
        work.keys.add(org, row)
        return OneTime(new.key, end, row.id)


def known(rooms: Rooms, work: UnitOfWork, kind: KeyKind, token: str) -> Key | None:
    """The key of this kind with this text, of whatever organization, while it opens anything."""
    if kind_of(token) != kind:
        return None
    row = work.keys.by_digest(rooms.vault.digest(SecretStr(token)))
    return row if row and row.kind is kind and row.opens(now()) else None
