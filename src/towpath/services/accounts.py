"""People who sign in: sessions."""

from datetime import timedelta

from pydantic import SecretStr

from towpath.core.records import Key, KeyKind, User, now
from towpath.services.context import UseCases, audit
from towpath.vault import new_machine_key

#: How long somebody stays signed in.
SESSION = timedelta(days=30)


class Sessions(UseCases):
    """Who is signed in, and on which device."""

    def open(self, org: str, user: User) -> SecretStr:
        """A new session of the user: its token, which is shown once."""
        new = new_machine_key(self.rooms.vault, KeyKind.SESSION)
        row = Key(
            org=org,
            name=user.name,
            kind=KeyKind.SESSION,
            digest=new.digest,
            user=user.id,
            expires_at=now() + SESSION,
        )
        with self.rooms.store.begin() as work:
            work.keys.add(org, row)
            audit(work, org, self.actor, "session.open", row.id, user=user.name)
        return new.key
