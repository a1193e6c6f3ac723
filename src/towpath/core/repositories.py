"""The promises of the store: repositories inside a unit of work.

A unit of work is one transaction: it commits when its block ends and rolls back when the block raises.
Repositories never commit. Every call names the organization first, and an id of another organization
reads exactly as a missing one (# Invariant 9). All writes may be repeated without harm.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from towpath.core.records import (
    Attempt,
    AuditEntry,
    Connection,
    Counters,
    Customer,
    Export,
    Flow,
    Import,
    Instance,
    Integration,
    Key,
    Level,
    LogLine,
    Organization,
    Project,
    RecordError,
    Run,
    RunSlice,
    RunStatus,
    RunStream,
    SavedState,
    User,
    Worker,
)
from towpath.core.sealed import MasterKeys, Secrets

T = TypeVar("T")


class Repository(Protocol[T]):
    """Rows with an id and, where the kind has one, a name that is unique in the organization."""

    def add(self, org: str, item: T) -> T:
        """Store a new row. Raises `ConflictError` (``<kind>.exists``) if its id or name is taken."""
        ...

    def get(self, org: str, id: str) -> T:
        """The row. Raises `NotFoundError` (``<kind>.not_found``)."""
        ...

    def find(self, org: str, **equals: Any) -> T | None:
        """The only row with these column values, or None; `ConflictError` if there are several."""
        ...

    def list(
        self,
        org: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        newest_first: bool = False,
        **equals: Any,
    ) -> Sequence[T]:
        """Rows with these column values in id order (which is time order), after the id ``after``.

        A value that is a list, tuple or set matches any of its items.
        """
        ...

    def update(self, org: str, id: str, **changes: Any) -> T:
        """Change columns and ``updated_at``. Raises `NotFoundError`, `ConflictError`."""
        ...

    def delete(self, org: str, id: str) -> None:
        """Remove the row for good. Raises `NotFoundError`, and `ConflictError` (``<kind>.in_use``) while
        another row refers to it.
        """
        ...


class Organizations(Protocol):
    """The tenants themselves: the only rows that are read without naming one."""

    def add(self, item: Organization) -> Organization: ...
    def get(self, id: str) -> Organization: ...
    def list(self) -> Sequence[Organization]: ...


class Keys(Repository[Key], Protocol):
    """Machine keys."""

    def by_digest(self, digest: str) -> Key | None:
        """The key of *any* organization with this digest: who a caller is, and so whose rows it may see,
        is not known before. Revoked keys are returned too.
        """
        ...


class Flows(Repository[Flow], Protocol):
    """Flows and their due times."""

    def due(self, at: datetime, limit: int = 100) -> Sequence[Flow]:
        """Enabled flows of *all* organizations with ``next_due`` at or before ``at``, earliest first:
        for the scheduler, which acts for each flow's own organization.
        """
        ...

    def advance(self, org: str, id: str, seen: datetime, then: datetime | None) -> bool:
        """Set ``next_due`` to ``then`` if it still is ``seen``; False if another worker was faster."""
        ...


class Runs(Repository[Run], Protocol):
    """Runs and their life."""

    def claim(self, org: str, id: str) -> Run | None:
        """Make a queued run running, or confirm that it runs. None if it is final or its cancel was asked
        for while it was queued (it is then cancelled). Raises `BusyError` (``flow.busy``) while another run
        of the flow runs: the unique index behind it is the last guard. # Invariant 5
        """
        ...

    def finish(self, org: str, id: str, status: RunStatus, error: Mapping[str, Any] | None = None) -> Run:
        """Make the run final. Does nothing to a run that is final already."""
        ...

    def lock(self, org: str, id: str) -> None:
        """Wait until no other unit of work holds the run, and hold it until this one ends: for decisions that
        hang on what belongs to the run. Raises `NotFoundError`.
        """
        ...

    def request_cancel(self, org: str, id: str) -> Run:
        """Ask for the cancel of a run; a final run stays as it is."""
        ...

    def unfinished(self) -> Sequence[Run]:
        """Queued and running runs of *all* organizations, oldest first: for recovery at start."""
        ...


class RunStreams(Protocol):
    """The streams of a run with their plans and progress."""

    def save_plan(self, org: str, stream: RunStream, slices: Sequence[RunSlice]) -> None:
        """Store or replace the plan of (run, stream): a later epoch replaces an earlier one and its slices;
        the same epoch again changes nothing.
        """
        ...

    def get(self, org: str, run: str, stream: str) -> RunStream:
        """Raises `NotFoundError` (``stream.not_found``)."""
        ...

    def list(self, org: str, run: str) -> Sequence[RunStream]:
        """In stream order."""
        ...

    def update(self, org: str, run: str, stream: str, **changes: Any) -> RunStream: ...

    def slices(self, org: str, run: str, stream: str) -> Sequence[RunSlice]:
        """The slices of the stream's present epoch, in slice order."""
        ...

    def slice_done(
        self,
        org: str,
        run: str,
        stream: str,
        epoch: int,
        slice: str,
        receipt: Mapping[str, Any],
        counters: Counters,
    ) -> None:
        """Remember that the slice is staged. The first report wins; later ones change nothing."""
        ...


class Attempts(Protocol):
    """Tries of pieces of work."""

    def begin(self, org: str, run: str, task: str, worker: str) -> Attempt: ...

    def end(self, org: str, id: str, outcome: str, error: Mapping[str, Any] | None = None) -> None:
        """The first end wins."""
        ...

    def list(self, org: str, run: str, task: str | None = None) -> Sequence[Attempt]: ...

    def live(self, org: str, run: str, within: timedelta) -> Sequence[Attempt]:
        """Attempts without an end whose worker has beaten within that time."""
        ...


class States(Protocol):
    """Where flows go on. One row per (flow, stream)."""

    def get(self, org: str, flow: str, stream: str) -> SavedState:
        """The saved state; generation 0 and no state if there is none yet."""
        ...

    def list(self, org: str, flow: str) -> Sequence[SavedState]: ...

    def save(
        self,
        org: str,
        flow: str,
        stream: str,
        generation: int,
        state: Mapping[str, Any] | None,
        run: str,
    ) -> bool:
        """Remember a committed state; False, and no change, if the state was reset meanwhile."""
        ...

    def reset(self, org: str, flow: str, stream: str, state: Mapping[str, Any] | None = None) -> SavedState:
        """Begin a new generation that goes on from ``state`` (None: from the beginning)."""
        ...


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

    def count(self, org: str, **equals: Any) -> int: ...


class Audit(Protocol):
    """The audit trail: rows are added, never changed."""

    def append(self, org: str, entry: AuditEntry) -> AuditEntry:
        """Chain the entry behind the organization's last one and store it."""
        ...

    def list(self, org: str, *, after: str | None = None, limit: int = 1000) -> Sequence[AuditEntry]:
        """In chain order."""
        ...

    def verify(self, org: str) -> AuditEntry | None:
        """The first entry whose digest does not fit its row and its predecessor; None if all fit."""
        ...


class Workers(Protocol):
    """Processes that run slices."""

    def beat(self, worker: Worker) -> None: ...
    def alive(self, within: timedelta) -> Sequence[Worker]: ...
    def forget(self, before: datetime) -> None:
        """Remove workers that have not beaten since."""
        ...


class UnitOfWork(Protocol):
    """One transaction over all repositories."""

    @property
    def organizations(self) -> Organizations: ...
    @property
    def projects(self) -> Repository[Project]: ...
    @property
    def customers(self) -> Repository[Customer]: ...
    @property
    def instances(self) -> Repository[Instance]: ...
    @property
    def users(self) -> Repository[User]: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def connections(self) -> Repository[Connection]: ...
    @property
    def exports(self) -> Repository[Export]: ...
    @property
    def imports(self) -> Repository[Import]: ...
    @property
    def flows(self) -> Flows: ...
    @property
    def integrations(self) -> Repository[Integration]: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def streams(self) -> RunStreams: ...
    @property
    def attempts(self) -> Attempts: ...
    @property
    def states(self) -> States: ...
    @property
    def log(self) -> RunLog: ...
    @property
    def record_errors(self) -> RecordErrors: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def master_keys(self) -> MasterKeys: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def workers(self) -> Workers: ...


class Store(Protocol):
    """Towpath's own database."""

    def begin(self) -> AbstractContextManager[UnitOfWork]:
        """Open a unit of work. Raises `UnreachableError` when the database does not answer, `BusyError` when
        its lock cannot be had, `IntegrityError` when it is damaged, `ResourceError` when the disk is full.
        """
        ...

    def read(self) -> AbstractContextManager[UnitOfWork]:
        """Open a unit of work that only reads: it sees one state of the database and waits for no writer.
        Raises as `begin` does, and `InternalError` at a write.
        """
        ...

    def migrate(self) -> None:
        """Bring the tables to this version. Idempotent; safe when several processes do it at once."""
        ...

    def close(self) -> None: ...
