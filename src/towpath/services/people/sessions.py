"""Who is signed in, and on which device: a session is a key, of which a digest is stored."""

from collections.abc import Sequence
from datetime import timedelta

from pydantic import SecretStr

from towpath.core.errors import NotFoundError
from towpath.core.records import Key, KeyKind, User, now
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases, audit
from towpath.vault import new_machine_key

#: How long somebody stays signed in.
SESSION = timedelta(days=30)


class Sessions(UseCases):
    """The use cases of sessions."""

    def open(self, org: str, user: User) -> SecretStr:
        """A new session of the user: its token, which is shown once."""
        with self.sealing() as work:
            return self.open_in(work, org, user)

    def open_in(self, work: UnitOfWork, org: str, user: User) -> SecretStr:
        new = new_machine_key(self.rooms.vault, KeyKind.SESSION)
        row = Key(
            org=org,
            name=user.name,
            kind=KeyKind.SESSION,
            digest=new.digest,
            user=user.id,
            expires_at=now() + SESSION,
        )
        work.keys.add(org, row)
        audit(work, org, self.actor, "session.open", row.id, user=user.name)
        return new.key

    def list(self, org: str, user: User) -> Sequence[Key]:
        """Those of the user that open something now."""
        at = now()
        with self.rooms.store.read() as work:
            rows = work.keys.list(org, user=user.id, kind=KeyKind.SESSION, revoked_at=None)
        return [row for row in rows if row.opens(at)]

    def close(self, org: str, user: User, id: str) -> None:
        """End a session of the user; one that has ended stays so. Raises `NotFoundError`."""
        with self.rooms.store.begin() as work:
            row = work.keys.find(org, id=id, user=user.id, kind=KeyKind.SESSION)
            if row is None:
                raise NotFoundError(
                    "key.not_found", "There is no such session.", hint="List the sessions once more."
                )
            self.close_in(work, row)

    def close_in(self, work: UnitOfWork, session: Key) -> None:
        """Idempotent."""
        if work.keys.spend(session.org, session.id, now()):
            audit(work, session.org, self.actor, "session.close", session.id, user=session.name)
