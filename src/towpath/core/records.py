"""The rows that Towpath keeps about itself: who owns what, and what happened.

Immutable dataclasses, one per table of the store; times are aware UTC datetimes. Every one but
`Organization` and `Worker` belongs to exactly one organization, and no read ever leaves it out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from towpath.core.flows import ExportSpec, ImportSpec, Policy, Schedule
from towpath.core.ids import new_id


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Organization:
    """A tenant: the owner of everything else."""

    id: str = field(default_factory=lambda: new_id("org"))
    name: str
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Owned:
    """Base of what an organization owns."""

    org: str
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Project(Owned):
    """A named workspace."""

    id: str = field(default_factory=lambda: new_id("prj"))
    name: str


@dataclass(frozen=True, kw_only=True)
class Customer(Owned):
    """An end customer of the organization, on whose behalf connections are kept."""

    id: str = field(default_factory=lambda: new_id("cus"))
    name: str


@dataclass(frozen=True, kw_only=True)
class Instance(Owned):
    """A program that runs for a customer and fetches credentials with its own proxy key."""

    id: str = field(default_factory=lambda: new_id("ins"))
    customer: str
    name: str


@dataclass(frozen=True, kw_only=True)
class User(Owned):
    """A person who signs in."""

    id: str = field(default_factory=lambda: new_id("usr"))
    name: str
    email: str | None = None
    password_hash: str | None = None
    """argon2id; None for a user who can only come in by a login link."""
    disabled: bool = False


class KeyKind(StrEnum):
    """What a machine key opens; a key of one kind never opens another kind's door."""

    INTEGRATOR = "integrator"
    PARTNER = "partner"
    BROKER = "broker"
    PROXY = "proxy"


@dataclass(frozen=True, kw_only=True)
class Key(Owned):
    """A machine key. The key itself is shown once and never stored."""

    id: str = field(default_factory=lambda: new_id("key"))
    name: str
    kind: KeyKind
    digest: str
    """HMAC-SHA256 of the key, hex: what a presented key is looked up by. Unique."""
    secret_digest: str | None = None
    """For kinds with a second half (client id and client secret)."""
    instance: str | None = None
    scopes: tuple[str, ...] = ()
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Connection(Owned):
    """A configured link to another system."""

    id: str = field(default_factory=lambda: new_id("con"))
    name: str
    connector: str
    config: Mapping[str, Any]
    """Without its secrets: each stands as ``{"$secret": "<field path>"}``, its value sealed in the vault."""
    project: str | None = None
    customer: str | None = None
    max_parallel: int = 4
    """How many slices may use the connection at once, over all flows and workers."""
    deleted_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Export(Owned):
    """What to read of a connection."""

    id: str = field(default_factory=lambda: new_id("exp"))
    name: str
    connection: str
    spec: ExportSpec
    project: str | None = None


@dataclass(frozen=True, kw_only=True)
class Import(Owned):
    """What and how to write to a connection."""

    id: str = field(default_factory=lambda: new_id("imp"))
    name: str
    connection: str
    spec: ImportSpec
    project: str | None = None


@dataclass(frozen=True, kw_only=True)
class Flow(Owned):
    """Exports into imports, and when."""

    id: str = field(default_factory=lambda: new_id("flw"))
    name: str
    exports: tuple[str, ...]
    imports: tuple[str, ...]
    schedule: Schedule | None = None
    policy: Policy = field(default_factory=Policy)
    enabled: bool = True
    next_due: datetime | None = None
    """When the schedule starts it next; None without a schedule or while disabled."""
    integration: str | None = None
    project: str | None = None


@dataclass(frozen=True, kw_only=True)
class Integration(Owned):
    """A named group of flows."""

    id: str = field(default_factory=lambda: new_id("int"))
    name: str
    project: str | None = None


class RunStatus(StrEnum):
    """Life of a run; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Run(Owned):
    """One execution of a flow."""

    id: str = field(default_factory=lambda: new_id("run"))
    flow: str
    status: RunStatus = RunStatus.QUEUED
    cause: str = "manual"
    """``manual``, ``schedule`` or ``retry``."""
    parent: str | None = None
    """For a retry: the run that rejected the records which this one sends again. None for all others."""
    streams: tuple[str, ...] | None = None
    """Keys of the only streams to run; None for all of the flow."""
    full: bool = False
    """Read everything again, whatever the state."""
    cancel_requested: bool = False
    error: Mapping[str, Any] | None = None
    """`TowpathError.to_json` of what failed the run."""
    started_at: datetime | None = None
    ended_at: datetime | None = None


class StreamStatus(StrEnum):
    """Life of one stream of a run."""

    PLANNED = "planned"
    RUNNING = "running"
    COMMITTED = "committed"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Counters:
    """What became of the records of one stream in one run. # Invariant 4"""

    read: int = 0
    written: int = 0
    filtered: int = 0
    rejected: int = 0
    bytes: int = 0

    @property
    def balanced(self) -> bool:
        return self.read == self.written + self.filtered + self.rejected

    def __add__(self, other: "Counters") -> "Counters":
        return Counters(
            read=self.read + other.read,
            written=self.written + other.written,
            filtered=self.filtered + other.filtered,
            rejected=self.rejected + other.rejected,
            bytes=self.bytes + other.bytes,
        )


@dataclass(frozen=True, kw_only=True)
class RunStream(Owned):
    """One stream of one run: its plan and its progress. Keyed by (run, stream)."""

    run: str
    stream: str
    status: StreamStatus = StreamStatus.PLANNED
    epoch: int = 0
    """How often the stream was planned again because its snapshot was lost."""
    selection: Mapping[str, Any]
    """`Selection.to_json`."""
    target: Mapping[str, Any]
    """`Target.to_json`."""
    state_before: Mapping[str, Any] | None = None
    state_after: Mapping[str, Any] | None = None
    """Parallel plans: `Plan.state`. Ordered plans: the state of the last commit."""
    ordered: bool = False
    pinned: bool = False
    rows_expected: int | None = None
    counters: Counters = field(default_factory=Counters)
    rows_per_second: float = 0.0
    error: Mapping[str, Any] | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


class SliceStatus(StrEnum):
    """Life of one slice."""

    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class RunSlice(Owned):
    """One slice of one stream of one run. Keyed by (run, stream, epoch, slice)."""

    run: str
    stream: str
    epoch: int
    slice: str
    spec: Mapping[str, Any]
    """`Slice.to_json`."""
    status: SliceStatus = SliceStatus.PLANNED
    receipt: Mapping[str, Any] | None = None
    """`Receipt.to_json`, once done."""
    counters: Counters = field(default_factory=Counters)


@dataclass(frozen=True, kw_only=True)
class Attempt(Owned):
    """One try of one piece of work (a plan, a slice, a commit) by one worker."""

    id: str = field(default_factory=lambda: new_id("att"))
    run: str
    task: str
    """``plan/<epoch>``, ``slice/<stream>/<epoch>/<slice>``, ``commit/<stream>/<epoch>``, ``discard/…``."""
    worker: str
    ended_at: datetime | None = None
    outcome: str | None = None
    """``done``, ``failed``, ``cancelled`` or ``died``; None while it goes on."""
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class SavedState(Owned):
    """Where one stream of one flow goes on. Keyed by (flow, stream)."""

    flow: str
    stream: str
    generation: int = 0
    """Counts resets: part of the lineage that destinations key their checkpoints by."""
    state: Mapping[str, Any] | None = None
    run: str | None = None
    """The run that saved it; None after a reset or a set by hand."""


class Level(StrEnum):
    """Levels of the run log, in growing severity."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One line of a run's log."""

    seq: int = 0
    """Set by the store: grows within a run, without ties."""
    at: datetime = field(default_factory=now)
    level: Level = Level.INFO
    message: str
    event: str = ""
    """A stable name for programs: ``run.started``, ``stream.planned``, ``slice.retried`` …"""
    stream: str | None = None
    slice: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


class ErrorStatus(StrEnum):
    """Life of a failed record in the inbox."""

    OPEN = "open"
    RETRYING = "retrying"
    RESOLVED = "resolved"


@dataclass(frozen=True, kw_only=True)
class RecordError(Owned):
    """One record that failed, with its reason and its data. # Invariant 7"""

    id: str = field(default_factory=lambda: new_id("err"))
    run: str
    flow: str
    stream: str
    code: str
    message: str
    record: Mapping[str, Any]
    """The record as plain JSON."""
    status: ErrorStatus = ErrorStatus.OPEN
    key: str = ""
    """Unique within (run, stream): makes reporting the same failure twice harmless."""
    retry: str | None = None
    """The run that sends the record again, or has done so. None while the error is open."""


@dataclass(frozen=True, kw_only=True)
class AuditEntry(Owned):
    """One thing that was done, by whom; rows are chained by hash and never change."""

    id: str = field(default_factory=lambda: new_id("aud"))
    actor: str
    """``user:<name>``, ``key:<id>``, ``cli`` or ``system``."""
    action: str
    """``connection.create``, ``credential.fetch`` …"""
    object: str
    """Id of what it was done to."""
    address: str | None = None
    request: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    previous: str = ""
    digest: str = ""
    """SHA-256 over this row and ``previous``, hex; set by the store."""


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A process that runs slices; alive as long as it beats."""

    id: str
    host: str
    pid: int
    beat_at: datetime = field(default_factory=now)
