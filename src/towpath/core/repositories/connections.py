"""Connections: lending their credentials, renewing them, telling about it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from towpath.core.records import Authorization, Connection, Event, Grant, Renewal
from towpath.core.repositories.base import Repository
from towpath.core.sealed import SealedSecrets


class Connections(Repository[Connection], Protocol):
    """Connections."""

    def touch(self, org: str, ids: Collection[str], at: datetime, every: timedelta) -> None:
        """Set ``last_used_at`` to ``at`` unless it is younger than ``every``; ``updated_at`` stays."""
        ...


@dataclass(frozen=True)
class Lendable:
    """A connection that an instance may borrow, all in one look."""

    connection: Connection
    grant: Grant
    sealed: SealedSecrets | None
    """None for a connection without secrets."""


class Grants(Repository[Grant], Protocol):
    """Grants. Deleting a connection for good or an instance takes its grants along."""

    def lendable(self, org: str, wanted: Collection[tuple[str, str]]) -> Sequence[Lendable]:
        """All that is granted to these (instance, connector) pairs, without deleted connections, in id order
        of the connections: one query for any number of pairs.
        """
        ...

    def forget(self, org: str, connection: str) -> int:
        """Remove all grants of the connection; returns how many there were."""
        ...


class Renewals(Protocol):
    """The leases under which tokens are renewed: one caller at a time, over all processes."""

    def get(self, org: str, connection: str) -> Renewal:
        """An empty one if nobody has renewed yet."""
        ...

    def claim(self, org: str, connection: str, owner: str, at: datetime, until: datetime) -> bool:
        """Hold the lease until ``until``; False if another owner holds it past ``at``."""
        ...

    def end(self, org: str, connection: str, owner: str, retry_at: datetime | None = None) -> bool:
        """Give the lease back: after success (``failures`` becomes 0), or with ``retry_at`` after a failure
        (``failures`` grows). False, and no change, if the owner lost the lease: its result must not be
        stored.
        """
        ...


class Authorizations(Repository[Authorization], Protocol):
    """Sign-ins that go on."""

    def open(self, org: str, id: str, browser: str) -> bool:
        """Bind it to the browser; False if it is bound to another one already."""
        ...

    def use(self, org: str, id: str, at: datetime) -> bool:
        """Take the answer; False if one was taken already, or it has expired."""
        ...

    def sweep(self, before: datetime) -> None:
        """Remove those of *all* organizations that expired before then."""
        ...


class Events(Repository[Event], Protocol):
    """Events on their way."""

    def due(self, at: datetime, limit: int = 100) -> Sequence[Event]:
        """Events of *all* organizations that are to be sent at ``at``, the longest waiting first."""
        ...

    def postpone(self, org: str, id: str, seen: int, due_at: datetime, error: str | None = None) -> bool:
        """Count one attempt and set when the next is due; False if ``attempts`` is not ``seen`` any more:
        another worker has it.
        """
        ...
