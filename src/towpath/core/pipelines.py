"""What a user says about a flow of the records lane: which steps, in which order."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from towpath.core.steps import Hook


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Generator(_Document):
    """A step that begins the flow: an export whose pages it is fed with."""

    step: str
    """Id of the export."""
    skip_retries: bool = False


class Processor(_Document):
    """A step that every record passes."""

    step: str
    """Id of an export that is read for each record, or of an import."""
    kind: Literal["lookup", "import"]
    response: Mapping[str, Any] | None = None
    """Response mapping: what of the step's answer becomes part of the record."""
    proceed_on_failure: bool = False
    """Whether a record that failed here goes on to the next step."""
    hook: Hook | None = None
    """Called after the response mapping."""


class Branch(_Document):
    """One way that records may take."""

    name: str = ""
    filter: Mapping[str, Any] | None = None
    """The records that take it; None for all."""
    processors: tuple[Processor, ...] = ()
    """None at all: the records end here."""
    router: str | None = None
    """Id of the router that they come to next."""


class Router(_Document):
    """A fork in the way."""

    id: str
    name: str = ""
    all_branches: bool = False
    """Whether a record takes every branch that fits, and not only the first."""
    hook: Hook | None = None
    """Says for each record which branches it takes, instead of their filters."""
    branches: Annotated[tuple[Branch, ...], Field(min_length=1)]


class Pipeline(_Document):
    """The steps of a flow."""

    generators: tuple[Generator, ...] = ()
    processors: tuple[Processor, ...] = ()
    routers: tuple[Router, ...] = ()
    """The first is where the records begin; none beside processors."""
    parallel_generators: bool = False
    skip_retries: bool = False
    """Whether failed records are told without being kept."""
    auto_resolve: bool = True
    """Whether a record that passes resolves the earlier errors of its trace key."""
    run_next: tuple[str, ...] = ()
    """Ids of the flows that start when this one has succeeded."""
    settings: Mapping[str, Any] = Field(default_factory=dict)

    @property
    def all_processors(self) -> tuple[Processor, ...]:
        """Those of the branches too, in the order of the document."""
        branched = (one for router in self.routers for branch in router.branches for one in branch.processors)
        return (*self.processors, *branched)


#: What a run is given from outside stands among the values (`UnitOfWork.values`) whose scope is the run's id,
#: written before the run begins and gone with it. Keys that begin so hold, in key order, what was posted to
#: webhooks: ``{"step": <id of the export>, "records": […]}``; that generator then reads nothing else.
GIVEN = "given/"
#: Of a run that was asked for by hand: ``{"since": iso or null, "until": iso or null}``, instead of the saved
#: cutoff and of the present.
WINDOW = "window"
