"""The YAML documents ``apiVersion: towpath/v1``: what `apply` reads and `export` writes.

Their JSON Schemas are published in ``docs/reference/schema``; see `towpath.services.documents.schemas`.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from towpath.core.flows import Document, FlowStream, Policy, Schedule
from towpath.services.projects import NAME

API_VERSION = "towpath/v1"

#: The field of ``metadata`` with what consoles know, and where rows keep it.
NOTES = "console"

#: Whatever can be seen, without blanks at its ends.
Name = Annotated[str, Field(max_length=255, pattern=r"^[^\s\x00]([^\x00]*[^\s\x00])?$")]
ProjectName = Annotated[str, Field(pattern=f"^{NAME}$")]


class ConnectionNotes(Document):
    """What consoles know of a connection beside its settings."""

    type: str
    version: str | None = None
    extra: dict[str, Any] = Field(default_factory=dict)
    """Fields of the type that mean nothing to the connector; never a secret."""


class FlowNotes(Document):
    """What consoles know of a flow beside its ``spec``."""

    frequency: str | None = None
    """The schedule in the words in which it was sent; shown as long as it says the same as the schedule."""
    advanced_settings: dict[str, Any] = Field(default_factory=dict)


class FlowMetadata(Document):
    """What a flow is called; its identity are project and name."""

    name: Name
    project: ProjectName | None = None
    """Made at its first use; without it the flow is the whole organization's, and seen in every project."""
    console: FlowNotes | None = None
    """Left out: what is there stays."""


class ConnectionMetadata(Document):
    """What a connection is called; its identity are project, role and name."""

    model_config = ConfigDict(json_schema_extra={"dependentRequired": {"project": ["role"]}})

    name: Name
    project: ProjectName | None = None
    """Made at its first use; without it the connection is the whole organization's, seen in every project."""
    role: Literal["source", "destination"] | None = None
    """What it is for; required in a project. Without it: whatever its connector can."""
    console: ConnectionNotes | None = None
    """Left out: what is there stays."""

    @model_validator(mode="after")
    def _role_in_project(self) -> Self:
        if self.project is not None and self.role is None:
            raise ValueError("a connection of a project needs a `role`: source or destination")
        return self


class ConnectionSpec(Document):
    """A configured link to another system."""

    connector: str
    config: dict[str, Any] = Field(default_factory=dict)
    """The connector's own settings; secrets only as ``${env:NAME}`` or ``${file:path}``."""
    max_parallel: int = Field(default=4, ge=1, le=64)
    """How many slices may use the connection at once, over all flows and workers.

    Rounded down to 1, 2, 4, 8 or 16.
    """


class SourceSide(Document):
    """Where a flow reads."""

    connection: str
    """Its name in the flow's project, or among those without one; ``project/name`` of any other."""


class DestinationSide(Document):
    """Where a flow writes."""

    connection: str
    """Its name in the flow's project, or among those without one; ``project/name`` of any other."""
    namespace: str | None = None
    """Schema or database to write into; without it the destination's own default."""


class FlowSpec(Document):
    """What a flow moves, and when."""

    source: SourceSide
    destination: DestinationSide
    streams: tuple[FlowStream, ...] = ()
    """Left out: every stream of the source, with a full refresh."""
    schedule: Schedule | None = None
    policy: Policy = Policy()
    enabled: bool = True


class ConnectionDocument(Document):
    """``kind: Connection``."""

    apiVersion: Literal["towpath/v1"]  # noqa: N815 - the word that users know from other systems
    kind: Literal["Connection"]
    metadata: ConnectionMetadata
    spec: ConnectionSpec


class FlowDocument(Document):
    """``kind: Flow``."""

    apiVersion: Literal["towpath/v1"]  # noqa: N815 - the word that users know from other systems
    kind: Literal["Flow"]
    metadata: FlowMetadata
    spec: FlowSpec
