"""The error inbox: records that failed."""

from collections.abc import Sequence
from typing import Any

from towpath.core.records import ErrorStatus, RecordError
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases, audit, named


class Inbox(UseCases):
    """The use cases of failed records."""

    def list(
        self,
        org: str,
        *,
        flow: str | None = None,
        run: str | None = None,
        status: ErrorStatus | None = ErrorStatus.OPEN,
        limit: int = 100,
    ) -> Sequence[RecordError]:
        """The newest first."""
        with self.rooms.store.read() as work:
            equals: dict[str, Any] = {"run": run, "status": status}
            if flow is not None:
                equals["flow"] = named(work.flows, org, "flow", flow).id
            chosen = {key: value for key, value in equals.items() if value is not None}
            return work.record_errors.list(org, limit=limit, newest_first=True, **chosen)

    def get(self, org: str, id: str) -> RecordError:
        with self.rooms.store.read() as work:
            return work.record_errors.get(org, id)

    def resolve(self, org: str, ids: Sequence[str]) -> Sequence[RecordError]:
        """Say that the records need no more care: all of them, or none if one is unknown."""
        with self.rooms.store.begin() as work:
            return [self._resolve(work, org, id) for id in ids]

    def _resolve(self, work: UnitOfWork, org: str, id: str) -> RecordError:
        resolved = work.record_errors.update(org, id, status=ErrorStatus.RESOLVED)
        audit(work, org, self.actor, "error.resolve", id)
        return resolved
