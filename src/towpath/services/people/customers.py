"""Customers and their instances by id alone, for callers who must not learn of others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from towpath.core.errors import NotFoundError
from towpath.core.records import Customer, Instance, Key, now
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases
from towpath.services.people.keys import Customers, Instances, Shown


@dataclass(frozen=True)
class Runtime:
    """An instance, and the proxy keys that open something for it now."""

    instance: Instance
    keys: Sequence[Key] = ()


class CustomersById(UseCases):
    """The use cases of customers whose ids are known."""

    def get(self, org: str, id: str) -> Customer:
        with self.rooms.store.read() as work:
            return work.customers.get(org, id)

    def delete(self, org: str, id: str) -> None:
        """Raises `ConflictError` while an instance or connection is the customer's."""
        self.get(org, id)
        Customers(self.rooms, self.actor).delete(org, id)


class CustomerInstances(UseCases):
    """The use cases of one customer's instances."""

    def list(self, org: str, customer: str) -> Sequence[Runtime]:
        """Oldest first. Raises `NotFoundError` for an unknown customer."""
        with self.rooms.store.read() as work:
            work.customers.get(org, customer)
            rows = work.instances.list(org, customer=customer)
            return [Runtime(row, _keys(work, org, row.id)) for row in rows]

    def create(self, org: str, customer: str, name: str) -> tuple[Runtime, Shown]:
        """The instance, and its proxy key. Raises `ConflictError` if the name is taken."""
        with self.rooms.store.read() as work:
            work.customers.get(org, customer)
        row, shown = Instances(self.rooms, self.actor).create(org, name, customer)
        return Runtime(row, [shown.key]), shown

    def delete(self, org: str, customer: str, id: str) -> None:
        """Remove the instance with its keys and grants."""
        self._find(org, customer, id)
        Instances(self.rooms, self.actor).delete(org, id)

    def rotate(self, org: str, customer: str, id: str, overlap: timedelta) -> tuple[Runtime, Shown]:
        """A new proxy key; the ones of before open nothing any more once ``overlap`` is over."""
        row = self._find(org, customer, id)
        shown = Instances(self.rooms, self.actor).rotate(org, id, overlap)
        with self.rooms.store.read() as work:
            return Runtime(row, _keys(work, org, id)), shown

    def _find(self, org: str, customer: str, id: str) -> Instance:
        with self.rooms.store.read() as work:
            row = work.instances.find(org, id=id, customer=customer)
        if row is None:
            raise NotFoundError(
                "instance.not_found",
                f"The customer has no instance {id}.",
                hint="Check the id; the instance may have been deleted.",
                id=id,
            )
        return row


def _keys(work: UnitOfWork, org: str, instance: str) -> Sequence[Key]:
    at = now()
    return [key for key in work.keys.list(org, instance=instance) if key.opens(at)]
