"""Executions of flows, down to single tries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from towpath.core.ids import new_id
from towpath.core.records.base import Owned, now


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
    """``manual``, ``schedule``, ``retry`` or ``clear``."""
    parent: str | None = None
    """For a retry: the run that rejected the records which this one sends again. None for all others."""
    streams: tuple[str, ...] | None = None
    """Keys of the only streams to run; None for all of the flow."""
    full: bool = False
    """Read everything again, whatever the state."""
    clear: bool = False
    """Move nothing: empty the targets of the streams and forget their states."""
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
    """One stream of a run, or one step of its pipeline: its plan and its progress. Keyed by (run, stream)."""

    run: str
    stream: str
    id: str = field(default_factory=lambda: new_id("stp"))
    """For API families in which the parts of runs have ids."""
    status: StreamStatus = StreamStatus.PLANNED
    epoch: int = 0
    """How often the stream was planned again because its snapshot was lost."""
    selection: Mapping[str, Any]
    """`Selection.to_json`; of a step ``{"kind": "export" | "lookup" | "import", "position": 0 …}``."""
    target: Mapping[str, Any]
    """`Target.to_json`, and the id of its ``connection``; empty for a stream whose planning failed."""
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
class Worker:
    """A process that runs slices; alive as long as it beats."""

    id: str
    host: str
    pid: int
    beat_at: datetime = field(default_factory=now)
