"""Who may come in, people aside: programs with keys, customers and their instances."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from towpath.core.errors import ConfigError
from towpath.core.records import Customer, Instance, Key, KeyKind, now
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases, audit, named
from towpath.vault import new_machine_key

#: How long the proxy keys of before go on when an instance gets a new one.
OVERLAP = timedelta(hours=24)

#: How many of a key's random characters its owner knows it again by.
_SHOWN = 4

_LISTED = tuple(kind for kind in KeyKind if kind is not KeyKind.ACCESS)


@dataclass(frozen=True)
class Shown:
    """A new key: the only time that its text leaves us."""

    key: Key
    text: SecretStr
    secret: SecretStr | None = None
    """The second half, for kinds that have one."""


class Keys(UseCases):
    """Keys of programs."""

    def create(self, org: str, name: str, kind: KeyKind, expires_in: timedelta | None = None) -> Shown:
        with self.sealing() as work:
            return self.create_in(work, org, name, kind, expires_in=expires_in)

    def create_in(
        self,
        work: UnitOfWork,
        org: str,
        name: str,
        kind: KeyKind,
        instance: str | None = None,
        expires_in: timedelta | None = None,
    ) -> Shown:
        new = new_machine_key(self.rooms.vault, kind)
        # A partner signs in with a client id and a client secret.
        secret = new_machine_key(self.rooms.vault, "secret") if kind is KeyKind.PARTNER else None
        row = Key(
            org=org,
            name=name,
            kind=kind,
            digest=new.digest,
            secret_digest=secret.digest if secret else None,
            instance=instance,
            hint=_hint(kind, new.key),
            expires_at=None if expires_in is None else _end(expires_in),
        )
        work.keys.add(org, row)
        audit(work, org, self.actor, "key.create", row.id, name=name, kind=str(kind), hint=row.hint)
        return Shown(row, new.key, secret.key if secret else None)

    def list(self, org: str) -> Sequence[Key]:
        """The keys that nobody has revoked, access tokens aside. One that has expired keeps its name."""
        with self.rooms.store.read() as work:
            return work.keys.list(org, revoked_at=None, kind=_LISTED)

    def revoke(self, org: str, name: str) -> Key:
        """Make the key, and the access tokens that were issued for it, open nothing any more."""
        with self.rooms.store.begin() as work:
            row = work.keys.find(org, id=name) or work.keys.find(org, name=name, revoked_at=None)
            row = row or work.keys.get(org, name)
            at = now()
            for token in work.keys.list(org, parent=row.id, revoked_at=None):
                work.keys.update(org, token.id, revoked_at=at)
            audit(work, org, self.actor, "key.revoke", row.id, name=row.name)
            return work.keys.update(org, row.id, revoked_at=row.revoked_at or at)


class Customers(UseCases):
    """End customers of the organization."""

    def create(self, org: str, name: str) -> Customer:
        row = Customer(org=org, name=name)
        with self.rooms.store.begin() as work:
            work.customers.add(org, row)
            audit(work, org, self.actor, "customer.create", row.id, name=name)
        return row

    def list(self, org: str) -> Sequence[Customer]:
        with self.rooms.store.read() as work:
            return work.customers.list(org)

    def delete(self, org: str, name: str) -> Customer:
        """Raises `ConflictError` while an instance or connection is the customer's."""
        with self.rooms.store.begin() as work:
            row = named(work.customers, org, "customer", name)
            for connection in work.connections.list(org, customer=row.id):
                # What is left of deleted ones goes with the customer whose they were.
                if connection.deleted_at is not None:
                    work.connections.delete(org, connection.id)
            work.customers.delete(org, row.id)
            audit(work, org, self.actor, "customer.delete", row.id, name=row.name)
            return row


class Instances(UseCases):
    """Programs that run for customers."""

    def create(self, org: str, name: str, customer: str) -> tuple[Instance, Shown]:
        """The instance, and its proxy key."""
        with self.sealing() as work:
            owner = named(work.customers, org, "customer", customer)
            row = Instance(org=org, name=name, customer=owner.id)
            work.instances.add(org, row)
            audit(work, org, self.actor, "instance.create", row.id, name=name, customer=owner.id)
            key = Keys(self.rooms, self.actor).create_in(work, org, row.id, KeyKind.PROXY, instance=row.id)
            return row, key

    def list(self, org: str, customer: str | None = None) -> Sequence[Instance]:
        with self.rooms.store.read() as work:
            if customer is None:
                return work.instances.list(org)
            return work.instances.list(org, customer=named(work.customers, org, "customer", customer).id)

    def rotate(self, org: str, name: str, overlap: timedelta = OVERLAP) -> Shown:
        """A new proxy key. Those of before end when ``overlap`` is over; at once if it is nothing."""
        with self.sealing() as work:
            row = named(work.instances, org, "instance", name)
            before = [key for key in work.keys.list(org, instance=row.id) if key.opens(now())]
            for key in before:
                work.keys.update(org, key.id, **_ended(key, overlap))
            ended, seconds = [key.id for key in before], overlap.total_seconds()
            audit(work, org, self.actor, "instance.rotate", row.id, keys=ended, overlap=seconds)
            return Keys(self.rooms, self.actor).create_in(work, org, row.id, KeyKind.PROXY, instance=row.id)

    def delete(self, org: str, name: str) -> Instance:
        """Remove the instance with its keys and grants."""
        with self.rooms.store.begin() as work:
            row = named(work.instances, org, "instance", name)
            for key in work.keys.list(org, instance=row.id):
                work.keys.delete(org, key.id)
            work.instances.delete(org, row.id)
            audit(work, org, self.actor, "instance.delete", row.id, name=row.name)
            return row


def _hint(kind: KeyKind, key: SecretStr) -> str:
    return key.get_secret_value()[: len(f"tp_{kind}_") + _SHOWN]


def _end(life: timedelta, field: str = "expires_in") -> datetime:
    try:
        end = now() + life
    except OverflowError:
        end = None
    if end is None or life <= timedelta(0):
        raise ConfigError(
            "config.invalid",
            f"A key cannot live for {life}.",
            hint="Give a time like 90 days; without one, a key does not expire.",
            field=field,
        )
    return end


def _ended(key: Key, overlap: timedelta) -> dict[str, Any]:
    """What changes in a key, which opens something now, to end after the overlap at the latest."""
    if overlap <= timedelta(0):
        return {"revoked_at": now()}
    end = _end(overlap, "overlap")
    return {"expires_at": min(end, key.expires_at or end)}
