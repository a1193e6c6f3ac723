"""The audit trail."""

from collections.abc import Iterator, Sequence

from towpath.core.records import AuditBreak, AuditEntry
from towpath.services import checkpoints
from towpath.services.context import UseCases

#: Entries that are read at once.
_PAGE = 1000


class Trail(UseCases):
    """Reading and proving what was done. Nothing here changes it."""

    def list(self, org: str, *, after: str | None = None, limit: int = 1000) -> Sequence[AuditEntry]:
        """In the order in which it was done."""
        with self.rooms.store.read() as work:
            return work.audit.list(org, after=after, limit=limit)

    def walk(self, org: str, after: str | None = None) -> Iterator[AuditEntry]:
        """All entries in order, read as they are asked for."""
        while page := self.list(org, after=after, limit=_PAGE):
            yield from page
            after = page[-1].id

    def checkpoint(self, org: str) -> str:
        """One line that says, signed, where the trail ends now. Kept where who can write the store cannot, it
        shows later whether anything up to there was changed or cut off.
        """
        with self.rooms.store.read() as work:
            head = work.audit.head(org)
        return checkpoints.write(self.rooms.vault, org, head)

    def verify(self, org: str, lines: Sequence[str] | None = None) -> AuditBreak | None:
        """The first place where the trail does not hold, or does not run through the checkpoints of this
        organization among the lines; None if all is well. Raises as `checkpoints.read` does.
        """
        known = [] if lines is None else checkpoints.read(self.rooms.vault, org, lines)
        with self.rooms.store.read() as work:
            return work.audit.verify(org, known)
