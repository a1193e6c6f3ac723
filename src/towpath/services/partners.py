"""How partners call things: by whole numbers that an organization counts for itself."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from towpath.core.errors import InternalError, NotFoundError
from towpath.services.context import UseCases

#: Clients may send any number; no store holds more.
_HIGHEST = 2**31 - 1


class Kind(StrEnum):
    """What has numbers of its own."""

    DESTINATION = "connection"
    CONNECTOR = "integration"
    USER = "key"


class Numbering(UseCases):
    """Numbers for ids, and back."""

    def of(self, org: str, kind: Kind, ids: Collection[str]) -> Mapping[str, int]:
        """The numbers of these ids, in their order; those that have none get the next ones."""
        if not ids:
            return {}
        try:
            # Nearly always all of them are known: then no writer has to be waited for.
            with self.rooms.store.read() as work:
                return work.numbers.assign(org, kind, ids)
        except InternalError:
            with self.rooms.store.begin() as work:
                return work.numbers.assign(org, kind, ids)

    def id(self, org: str, kind: Kind, number: int) -> str:
        """The id with this number. Raises `NotFoundError`."""
        found = None
        if 0 < number <= _HIGHEST:
            with self.rooms.store.read() as work:
                found = work.numbers.find(org, kind, number)
        if found is None:
            raise NotFoundError(
                "number.not_found",
                f"There is no {kind} with the number {number}.",
                hint="List what there is.",
                number=number,
            )
        return found

    def organization(self, org: str) -> int:
        """The organization's own number: its place among all, from 1."""
        with self.rooms.store.read() as work:
            return [item.id for item in work.organizations.list()].index(org) + 1
