"""Access tokens for partners: short-lived keys that a client gets for its id and secret (RFC 6749, 4.4)."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr

from towpath.core.errors import NotFoundError
from towpath.core.ids import new_id
from towpath.core.records import Key, KeyKind, now
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases, audit
from towpath.vault import kind_of, new_machine_key

#: How long a token opens anything.
LIFE = timedelta(seconds=36_000)

#: What a token may be good for; a key that names none has all.
SCOPES = ("read", "write")

_USED_EVERY = timedelta(minutes=1)

#: Stands in for the digest of a secret that there is none to compare with.
_NOTHING = "0" * 64


@dataclass(frozen=True)
class Issued:
    """A new token: the only time that its text leaves us."""

    token: SecretStr
    scopes: Sequence[str]
    life: timedelta


@dataclass(frozen=True)
class Tokens(UseCases):
    """Giving tokens, knowing them again, taking them back."""

    clock: Callable[[], datetime] = now

    def client(self, id: str, secret: str) -> Key | None:
        """The partner's key with this text and second half, if it opens anything now."""
        vault = self.rooms.vault
        # Whether the id is known must not show in the time it takes: the secret is always compared.
        given = vault.digest(SecretStr(secret))
        row = None
        if kind_of(id) == KeyKind.PARTNER:
            with self.rooms.store.read() as work:
                row = work.keys.by_digest(vault.digest(SecretStr(id)))
        right = hmac.compare_digest(given, (row and row.secret_digest) or _NOTHING)
        known = row is not None and row.kind is KeyKind.PARTNER and row.opens(self.clock())
        return row if right and known else None

    def allowed(self, client: Key) -> Sequence[str]:
        """The scopes that a client may ask for."""
        return client.scopes or SCOPES

    def issue(self, client: Key, scopes: Sequence[str]) -> Issued:
        """A token with these scopes, which the client is allowed."""
        at = self.clock()
        with self.sealing() as work:
            new = new_machine_key(self.rooms.vault, KeyKind.ACCESS)
            id = new_id("key")
            row = Key(
                id=id,
                org=client.org,
                name=id,
                kind=KeyKind.ACCESS,
                digest=new.digest,
                parent=client.id,
                scopes=tuple(scopes),
                expires_at=at + LIFE,
            )
            work.keys.add(client.org, row)
            work.keys.used(client.org, [client.id], at, _USED_EVERY)
            audit(work, client.org, self.actor, "token.issue", id, client=client.id)
        return Issued(new.key, scopes, LIFE)

    def known(self, token: str) -> Key | None:
        """The token's row, while it and the key that it was issued for open anything."""
        if kind_of(token) != KeyKind.ACCESS:
            return None
        at = self.clock()
        digest = self.rooms.vault.digest(SecretStr(token))
        with self.rooms.store.read() as work:
            row = work.keys.by_digest(digest)
            alive = row is not None and row.kind is KeyKind.ACCESS and row.opens(at)
            return row if row is not None and alive and self._parent_opens(work, row, at) else None

    def _parent_opens(self, work: UnitOfWork, row: Key, at: datetime) -> bool:
        try:
            return work.keys.get(row.org, row.parent or "").opens(at)
        except NotFoundError:
            return False

    def revoke(self, client: Key, token: str) -> None:
        """End a token of this client; any other text changes nothing and is not told apart (RFC 7009)."""
        if kind_of(token) != KeyKind.ACCESS:
            return
        with self.sealing() as work:
            row = work.keys.by_digest(self.rooms.vault.digest(SecretStr(token)))
            if row is not None and (row.org, row.parent) == (client.org, client.id) and not row.revoked_at:
                work.keys.update(row.org, row.id, revoked_at=self.clock())
                audit(work, row.org, self.actor, "token.revoke", row.id, client=client.id)
