"""Who may come in: users with passwords, programs with keys, customers and their instances."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from towpath.core.errors import ConfigError
from towpath.core.records import Customer, Instance, Key, KeyKind, User, now
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases, audit, named
from towpath.vault import hash_password, new_machine_key

#: The shortest password that a user may choose.
MINIMUM_PASSWORD = 8


@dataclass(frozen=True)
class Shown:
    """A new key: the only time that its text leaves us."""

    key: Key
    text: SecretStr
    secret: SecretStr | None = None
    """The second half, for kinds that have one."""


class Users(UseCases):
    """People who sign in."""

    def create(self, org: str, name: str, password: SecretStr | None, email: str | None = None) -> User:
        """Without a password the user can come in by a login link only."""
        if password is not None and len(password.get_secret_value()) < MINIMUM_PASSWORD:
            raise ConfigError(
                "password.too_short",
                f"A password has at least {MINIMUM_PASSWORD} characters.",
                hint="Choose a longer one.",
                field="password",
            )
        digest = None if password is None else hash_password(password)
        row = User(org=org, name=name, email=email, password_hash=digest)
        with self.rooms.store.begin() as work:
            work.users.add(org, row)
            audit(work, org, self.actor, "user.create", row.id, name=name)
        return row

    def list(self, org: str) -> Sequence[User]:
        with self.rooms.store.read() as work:
            return work.users.list(org)

    def delete(self, org: str, name: str) -> User:
        with self.rooms.store.begin() as work:
            row = named(work.users, org, "user", name)
            work.users.delete(org, row.id)
            audit(work, org, self.actor, "user.delete", row.id, name=row.name)
            return row


class Keys(UseCases):
    """Keys of programs."""

    def create(self, org: str, name: str, kind: KeyKind) -> Shown:
        with self.sealing() as work:
            return self.create_in(work, org, name, kind)

    def create_in(
        self, work: UnitOfWork, org: str, name: str, kind: KeyKind, instance: str | None = None
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
        )
        work.keys.add(org, row)
        audit(work, org, self.actor, "key.create", row.id, name=name, kind=str(kind))
        return Shown(row, new.key, secret.key if secret else None)

    def list(self, org: str) -> Sequence[Key]:
        """The keys that open something; revoked ones are left out."""
        with self.rooms.store.read() as work:
            return work.keys.list(org, revoked_at=None)

    def revoke(self, org: str, name: str) -> Key:
        """Make the key open nothing any more."""
        with self.rooms.store.begin() as work:
            row = work.keys.find(org, name=name, revoked_at=None) or work.keys.get(org, name)
            audit(work, org, self.actor, "key.revoke", row.id, name=row.name)
            return work.keys.update(org, row.id, revoked_at=row.revoked_at or now())


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

    def delete(self, org: str, name: str) -> Instance:
        """Remove the instance with its keys."""
        with self.rooms.store.begin() as work:
            row = named(work.instances, org, "instance", name)
            for key in work.keys.list(org, instance=row.id):
                work.keys.delete(org, key.id)
            work.instances.delete(org, row.id)
            audit(work, org, self.actor, "instance.delete", row.id, name=row.name)
            return row
