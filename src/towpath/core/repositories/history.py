"""What happened."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from towpath.core.records import AuditBreak, AuditEntry, AuditHead, Level, LogLine, RecordError
from towpath.core.repositories.base import Repository


class RunLog(Protocol):
    """The log of each run."""

    def append(self, org: str, run: str, lines: Sequence[LogLine]) -> None: ...

    def read(
        self,
        org: str,
        run: str,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 1000,
        tail: bool = False,
        minimum: Level | None = None,
    ) -> Sequence[LogLine]:
        """Lines with ``after < seq < before`` in seq order: the first ``limit``, or with ``tail`` the last.
        ``minimum`` leaves out lines of lower levels.
        """
        ...


@dataclass(frozen=True)
class Standing:
    """How one step of a flow stands: errors that are open."""

    flow: str
    stream: str
    open: int
    last: datetime
    """When the newest of them was reported."""


class RecordErrors(Repository[RecordError], Protocol):
    """The error inbox."""

    def report(self, org: str, errors: Sequence[RecordError]) -> int:
        """Add errors, leaving out those whose (run, stream, key) is there; returns how many are new."""
        ...

    def amend(self, org: str, id: str, record: Mapping[str, Any]) -> bool:
        """Replace the record of an error; False, and no change, unless the error is open."""
        ...

    def claim(self, org: str, ids: Sequence[str], retry: str) -> int:
        """Make those of the errors that are open ones that the run ``retry`` sends again; returns how many.
        No error is ever claimed by two runs.
        """
        ...

    def settle(self, org: str, retry: str, sent: Collection[str]) -> None:
        """Resolve the errors that the run, which is over, sent again in the streams ``sent``. Those of other
        streams are open again; what the run itself reported there is resolved, for it tells of the same
        records. Idempotent.
        """
        ...

    def retried(self) -> Sequence[tuple[str, str]]:
        """Organization and run of every retry of *all* organizations that is not settled: for recovery."""
        ...

    def resolve(self, org: str, ids: Collection[str]) -> int:
        """Resolve those of the errors that are open; returns how many."""
        ...

    def count(self, org: str, **equals: Any) -> int: ...

    def unresolved(self, org: str, runs: Collection[str]) -> Mapping[tuple[str, str], int]:
        """By run and stream: of how many records an error is not resolved, in one query; where there are none
        is left out. Errors beside the first one of a record (``key``: ``…#2``) count nothing.
        """
        ...

    def standing(self, org: str, flows: Collection[str]) -> Sequence[Standing]:
        """The steps of these flows that have open errors, in one query, by flow and stream."""
        ...


class Audit(Protocol):
    """The audit trail: rows are added, never changed."""

    def append(self, org: str, entry: AuditEntry) -> AuditEntry:
        """Chain the entry behind the organization's last one and store it."""
        ...

    def extend(self, org: str, entries: Sequence[AuditEntry]) -> None:
        """Append new entries in their order: far cheaper than one by one."""
        ...

    def list(self, org: str, *, after: str | None = None, limit: int = 1000) -> Sequence[AuditEntry]:
        """In chain order."""
        ...

    def of(self, org: str, object: str, limit: int = 1000) -> Sequence[AuditEntry]:
        """What was done to one thing, the newest first; that its credentials were lent is left out."""
        ...

    def actors(self, org: str, action: str, objects: Collection[str]) -> Mapping[str, str]:
        """Who did this to each of these things last, in one query; where nobody did is left out."""
        ...

    def head(self, org: str) -> AuditHead:
        """Where the chain ends. Kept outside of the store, it shows later whether the end was cut off."""
        ...

    def verify(self, org: str, known: Sequence[AuditHead] = ()) -> AuditBreak | None:
        """The first place where the chain does not hold, or does not run through all of ``known``; None if
        all is well.
        """
        ...
