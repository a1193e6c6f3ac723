"""What a family makes of a resource that it was sent, before it is checked and stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from towpath.core.flows import ExportSpec, ImportSpec, Schedule
from towpath.core.pipelines import Pipeline

S = TypeVar("S", ExportSpec, ImportSpec)


@dataclass(frozen=True, kw_only=True)
class Mention:
    """An id in a document."""

    field: str
    """Its place: ``_connectionId``, ``pageProcessors[1]._importId``."""
    kind: str
    """``connection``, ``stack``, ``integration``, ``export``, ``import`` or ``flow``."""
    id: str
    """Ours; of what is perhaps not there."""


@dataclass(frozen=True, kw_only=True)
class StepDraft(Generic[S]):
    """An export or import that shall be."""

    name: str | None
    """None: it has none of its own, and gets one."""
    connection: Mention | None
    """None for what is only posted to."""
    spec: S
    document: Mapping[str, Any]
    """As the client wrote it, without secrets and without what is computed."""
    systems: frozenset[str] = frozenset()
    """Names of the connectors that its settings are for; empty for any."""
    root: str = ""
    """The part of the document that the settings for the system come from: ``rest``."""
    places: Mapping[str, str] = field(default_factory=dict)
    """The document's names for those settings, by ours."""
    listener: Mapping[str, Any] | None = None
    """Of what is posted to: the settings of its listener, with its secrets or with masks."""
    mentions: tuple[Mention, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FlowDraft:
    """A flow that shall be."""

    name: str
    exports: tuple[str, ...]
    imports: tuple[str, ...]
    pipeline: Pipeline | None
    """None: the one export's streams are copied to the one import's."""
    schedule: Schedule | None
    enabled: bool
    integration: str | None
    document: Mapping[str, Any]
    mentions: tuple[Mention, ...] = ()
