"""The rows that Towpath keeps about itself: who owns what, and what happened.

Immutable dataclasses, one per table of the store; times are aware UTC datetimes. Every one but
`Organization` and `Worker` belongs to exactly one organization, and no read ever leaves it out.
"""

from towpath.core.records.base import Integration, Organization, Owned, Project, now
from towpath.core.records.connections import (
    Authorization,
    Connection,
    ConnectionStatus,
    Event,
    Grant,
    Renewal,
)
from towpath.core.records.flows import Export, Flow, Import, SavedState
from towpath.core.records.history import (
    AuditBreak,
    AuditEntry,
    AuditHead,
    ErrorStatus,
    Level,
    LogLine,
    RecordError,
)
from towpath.core.records.items import DebugLine, Item, Value
from towpath.core.records.people import Customer, Instance, Key, KeyKind, Role, User
from towpath.core.records.runs import (
    Attempt,
    Counters,
    Run,
    RunSlice,
    RunStatus,
    RunStream,
    SliceStatus,
    StreamStatus,
    Worker,
)

__all__ = [
    "Attempt",
    "AuditBreak",
    "AuditEntry",
    "AuditHead",
    "Authorization",
    "Connection",
    "ConnectionStatus",
    "Counters",
    "Customer",
    "DebugLine",
    "ErrorStatus",
    "Event",
    "Export",
    "Flow",
    "Grant",
    "Import",
    "Instance",
    "Integration",
    "Item",
    "Key",
    "KeyKind",
    "Level",
    "LogLine",
    "Organization",
    "Owned",
    "Project",
    "RecordError",
    "Renewal",
    "Role",
    "Run",
    "RunSlice",
    "RunStatus",
    "RunStream",
    "SavedState",
    "SliceStatus",
    "StreamStatus",
    "User",
    "Value",
    "Worker",
    "now",
]
