"""What moves, where to, when, and where it goes on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from towpath.core.flows import ExportSpec, ImportSpec, Policy, Schedule
from towpath.core.ids import new_id
from towpath.core.pipelines import Pipeline
from towpath.core.records.base import Owned


@dataclass(frozen=True, kw_only=True)
class Export(Owned):
    """What to read of a connection."""

    id: str = field(default_factory=lambda: new_id("exp"))
    name: str
    """Unique in its project, or among the exports of the organization that have none."""
    connection: str
    spec: ExportSpec
    project: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What an API family needs to show it as its clients wrote it; never a secret."""


@dataclass(frozen=True, kw_only=True)
class Import(Owned):
    """What and how to write to a connection."""

    id: str = field(default_factory=lambda: new_id("imp"))
    name: str
    """Unique in its project, or among the imports of the organization that have none."""
    connection: str
    spec: ImportSpec
    project: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """As an export's."""


@dataclass(frozen=True, kw_only=True)
class Flow(Owned):
    """Exports into imports, and when."""

    id: str = field(default_factory=lambda: new_id("flw"))
    name: str
    """Unique in its project, or among the flows of the organization that have none."""
    exports: tuple[str, ...]
    imports: tuple[str, ...]
    pipeline: Pipeline | None = None
    """For the records lane: the order of its steps, which are all of ``exports`` and ``imports``. None: the
    one export's streams are copied to the one import's."""
    schedule: Schedule | None = None
    policy: Policy = field(default_factory=Policy)
    enabled: bool = True
    next_due: datetime | None = None
    """When the schedule starts it next; None without a schedule or while disabled."""
    integration: str | None = None
    project: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What an API family needs to show the flow as its clients wrote it; never a secret."""
    created_by: str = ""
    """Name of the user; empty for what programs and the command line made."""
    updated_by: str = ""


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
