"""Whole numbers for what API families call by number: each organization counts for itself."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from towpath.core.errors import InternalError, NotFoundError
from towpath.services.context import UseCases

#: Clients may send any number; no store holds more.
_HIGHEST = 2**31 - 1


class Kind(StrEnum):
    """What has numbers of its own."""

    CONNECTION = "connection"
    FLOW = "flow"
    RUN = "run"
    INTEGRATION = "integration"
    KEY = "key"


class Numbering(UseCases):
    """Numbers for ids, and back."""

    def of(self, org: str, kind: str, ids: Collection[str]) -> Mapping[str, int]:
        """The numbers of these ids, in their order; those that have none get the next ones.

        In a unit of work of its own.
        """
        if not ids:
            return {}
        try:
            # Nearly always all of them are known: then no writer has to be waited for.
            with self.rooms.store.read() as work:
                return work.numbers.assign(org, kind, ids)
        except InternalError:
            with self.rooms.store.begin() as work:
                return work.numbers.assign(org, kind, ids)

    def id(self, org: str, kind: str, number: int) -> str:
        """The id with this number. Raises `NotFoundError` (``number.not_found``)."""
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
