"""The audit trail."""

from collections.abc import Sequence

from towpath.core.records import AuditBreak, AuditEntry
from towpath.services.context import UseCases


class Trail(UseCases):
    """Reading and proving what was done. Nothing here changes it."""

    def list(self, org: str, *, after: str | None = None, limit: int = 1000) -> Sequence[AuditEntry]:
        """In the order in which it was done."""
        with self.rooms.store.read() as work:
            return work.audit.list(org, after=after, limit=limit)

    def verify(self, org: str) -> AuditBreak | None:
        """The first place where the chain does not hold; None if all is well."""
        with self.rooms.store.read() as work:
            return work.audit.verify(org)
