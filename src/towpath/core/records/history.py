"""What happened: logs, failed records, the audit trail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from towpath.core.ids import new_id
from towpath.core.records.base import Owned, now


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
    detail: Mapping[str, Any] = field(default_factory=dict)
    """What more is known: ``source``, ``stage`` (where a retry begins), ``trace_key``, ``data_uri`` …"""


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


@dataclass(frozen=True)
class AuditHead:
    """How long an organization's audit chain is, and the digest of its last row."""

    seq: int = 0
    digest: str = ""


@dataclass(frozen=True)
class AuditBreak:
    """The first place where an audit chain does not hold."""

    seq: int
    """Place in the chain, from 1."""
    reason: str
    """``changed``, ``missing`` or ``cut off``."""
    entry: AuditEntry | None = None
    """What stands there now; None if nothing does."""
