"""The YAML documents ``apiVersion: towpath/v1``: what `apply` reads and `export` writes.

Their JSON Schemas are published in ``docs/reference/schema``; see `towpath.services.schemas`.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from towpath.core.flows import Document, FlowStream, Policy, Schedule

API_VERSION = "towpath/v1"

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")]


class Metadata(Document):
    """What a document is called; the name is its identity."""

    name: Name


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


class DestinationSide(Document):
    """Where a flow writes."""

    connection: str
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
    metadata: Metadata
    spec: ConnectionSpec


class FlowDocument(Document):
    """``kind: Flow``."""

    apiVersion: Literal["towpath/v1"]  # noqa: N815 - the word that users know from other systems
    kind: Literal["Flow"]
    metadata: Metadata
    spec: FlowSpec
