"""Who may come in, and how they and their requests are known again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from towpath.core.records import Key, Organization
from towpath.core.repositories.base import Repository


class Organizations(Protocol):
    """The tenants themselves: the only rows that are read without naming one."""

    def add(self, item: Organization) -> Organization: ...
    def get(self, id: str) -> Organization: ...
    def list(self) -> Sequence[Organization]: ...

    def hold(self, id: str) -> None:
        """Wait until no other unit of work holds the organization, and hold it until this one ends: for what
        must be seen and changed by one at a time, such as who its owners are. Raises `NotFoundError`.
        """
        ...


class Keys(Repository[Key], Protocol):
    """Machine keys."""

    def by_digest(self, digest: str) -> Key | None:
        """The key of *any* organization with this digest: who a caller is, and so whose rows it may see,
        is not known before. Revoked keys are returned too.
        """
        ...

    def by_digests(self, digests: Collection[str]) -> Mapping[str, Key]:
        """The same for many digests in one query; unknown ones are left out."""
        ...

    def used(self, org: str, ids: Collection[str], at: datetime, every: timedelta) -> None:
        """Set ``last_used_at`` to ``at`` unless it is younger than ``every``; ``updated_at`` stays."""
        ...

    def spend(self, org: str, id: str, at: datetime) -> bool:
        """Revoke a key that opens once; False if it was revoked before, or has ended at ``at``."""
        ...

    def sweep(self, before: datetime) -> None:
        """Remove access tokens, sessions, links and invitations of *all* organizations that expired before
        then.
        """
        ...


class Numbers(Protocol):
    """Whole numbers for API families that call things by number: 1, 2, 3 … per organization and kind."""

    def assign(self, org: str, kind: str, ids: Collection[str]) -> Mapping[str, int]:
        """The numbers of these ids; those that have none get the next ones, in the order given. A number is
        never used again.
        """
        ...

    def find(self, org: str, kind: str, number: int) -> str | None:
        """The id with this number."""
        ...


@dataclass(frozen=True)
class Remembered:
    """A request that was done before."""

    fingerprint: str
    """Digest of what was asked."""
    object: str
    """Id of what it made."""


class Requests(Protocol):
    """Requests that their senders may repeat, by the key that they gave (``Idempotency-Key``)."""

    def remember(self, org: str, key: str, fingerprint: str, object: str) -> Remembered | None:
        """Keep the request, in the unit of work that does it; the earlier one if the key was used already,
        and then nothing changes. Waits for another unit of work that is at the same key.
        """
        ...

    def find(self, org: str, key: str) -> Remembered | None: ...

    def sweep(self, before: datetime) -> None:
        """Forget those of *all* organizations from before then."""
        ...
