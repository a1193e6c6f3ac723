"""Grants: which instance may borrow which connection, and what for."""

import re
from collections.abc import Sequence

from towpath.core.errors import ConfigError, NotFoundError
from towpath.core.records import Grant
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases, audit
from towpath.services.lending import lent
from towpath.services.repeats import Repeat, made_before

#: What a capability looks like. A pattern that JSON Schema and Python read alike.
CAPABILITY = r"^[a-z0-9][a-z0-9_.:-]{0,63}$"

#: How many capabilities a grant may have.
MOST = 64


class Grants(UseCases):
    """The use cases of the grants on one customer's connection."""

    def list(self, org: str, customer: str, connection: str) -> Sequence[Grant]:
        """Oldest first."""
        with self.rooms.store.read() as work:
            lent.find(work, org, customer, connection)
            return work.grants.list(org, connection=connection)

    def create(
        self,
        org: str,
        customer: str,
        connection: str,
        instance: str,
        capabilities: Sequence[str],
        repeat: Repeat | None = None,
    ) -> Grant:
        """The grant; the one that the same request made before, if it is a repeated one.

        Raises `NotFoundError` for an instance of another customer, `ConflictError` for a second grant.
        """
        wanted = checked(capabilities)
        with self.sealing() as work:
            lent.find(work, org, customer, connection)
            _find_instance(work, org, customer, instance)
            row = Grant(org=org, connection=connection, instance=instance, capabilities=wanted)
            earlier = made_before(self.rooms, work, org, repeat, row.id)
            if earlier is not None:
                return find(work, org, connection, earlier)
            work.grants.add(org, row)
            detail = {"connection": connection, "instance": instance, "capabilities": list(wanted)}
            audit(work, org, self.actor, "grant.create", row.id, **detail)
            return row

    def update(self, org: str, customer: str, connection: str, id: str, capabilities: Sequence[str]) -> Grant:
        """Change what the instance may do with the connection."""
        wanted = checked(capabilities)
        with self.rooms.store.begin() as work:
            lent.find(work, org, customer, connection)
            find(work, org, connection, id)
            audit(work, org, self.actor, "grant.update", id, capabilities=list(wanted))
            return work.grants.update(org, id, capabilities=wanted)

    def delete(self, org: str, customer: str, connection: str, id: str) -> None:
        """Take the grant back: the very next fetch finds nothing."""
        with self.rooms.store.begin() as work:
            lent.find(work, org, customer, connection)
            row = find(work, org, connection, id)
            work.grants.delete(org, id)
            audit(work, org, self.actor, "grant.delete", id, connection=connection, instance=row.instance)


def checked(capabilities: Sequence[str]) -> tuple[str, ...]:
    """Each one once, in the order given. Raises `ConfigError` for one that no program could ask for."""
    unique = tuple(dict.fromkeys(capabilities))
    if len(unique) > MOST or not all(re.fullmatch(CAPABILITY, one) for one in unique):
        raise ConfigError(
            "grant.invalid",
            f"A grant has at most {MOST} capabilities of small letters, digits and `_.:-`, up to 64 of them.",
            hint="Write them like `send_mail`.",
            field="capabilities",
        )
    return unique


def find(work: UnitOfWork, org: str, connection: str, id: str) -> Grant:
    """The grant on this connection. Raises `NotFoundError` for any other, all alike. # Invariant 9"""
    row = work.grants.find(org, id=id, connection=connection)
    if row is None:
        raise _missing("grant", id)
    return row


def _find_instance(work: UnitOfWork, org: str, customer: str, id: str) -> None:
    if work.instances.find(org, id=id, customer=customer) is None:
        raise _missing("instance", id)


def _missing(kind: str, id: str) -> NotFoundError:
    return NotFoundError(
        f"{kind}.not_found",
        f"There is no {kind} {id}.",
        hint="Check the id; it may have been deleted, or belong to another customer.",
        id=id,
    )
