"""Jobs as clients send and see them."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from towpath.api.console.sources_schemas import Name, Settings, TypeName, Version

#: Streams come as an object or as its JSON text, and always go out as text.
Streams = str | dict[str, Any]
Frequency = Annotated[str, Field(max_length=200)]


class EndBody(BaseModel):
    """The source or destination of a job: with ``id`` the stored one, otherwise one that is said in full. If
    the project has none of this name, it is made together with the job.
    """

    id: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    name: Name | None = None
    type: TypeName | None = None
    version: Version = ""
    config: Settings | None = None


class JobBody(BaseModel):
    """A job to make."""

    name: Name
    source: EndBody
    destination: EndBody
    frequency: Frequency | None = ""
    """``30-minutes``, ``1-hours``, five cron fields, or empty: by hand only."""
    streams_config: Streams | None = None
    """What the source's streams were answered with, with the choices made in it."""
    advanced_settings: dict[str, Any] | None = None
    activate: bool = True


class JobChange(BaseModel):
    """What becomes of a job; what is left out stays."""

    name: Name | None = None
    source: EndBody | None = None
    destination: EndBody | None = None
    frequency: Frequency | None = None
    streams_config: Streams | None = None
    advanced_settings: dict[str, Any] | None = None
    activate: bool | None = None
    difference_streams: Streams | None = None
    """Streams whose data is cleared and read again: what ``stream-difference`` answered."""


class End(BaseModel):
    """A source or destination; secrets are references."""

    id: int
    name: str
    type: str
    version: str
    config: str


class JobView(BaseModel):
    """A job."""

    id: int
    name: str
    source: End
    destination: End
    frequency: str
    streams_config: str
    advanced_settings: dict[str, Any]
    activate: bool
    last_run_time: str
    """When it began; empty if it never ran."""
    last_run_state: str
    """``running``, ``completed``, ``failed`` or ``canceled``."""
    last_run_type: str
    """``sync`` or ``clear``."""
    created_at: str
    updated_at: str
    created_by: str
    updated_by: str


class Named(BaseModel):
    """What was removed."""

    name: str


class Activation(BaseModel):
    """Whether the job runs."""

    activate: bool


class Note(BaseModel):
    """What was begun."""

    message: str


class Clearing(BaseModel):
    """Whether the job's data is being cleared."""

    running: bool
