"""What a job is made of, and how it is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from towpath.core.errors import NotFoundError
from towpath.core.flows import FlowStream, Schedule
from towpath.core.records import Connection, Export, Flow, Import, Project, Run, RunStatus
from towpath.core.repositories import UnitOfWork
from towpath.services.flows import joined
from towpath.services.projects import visible
from towpath.services.workspace.workspace import Draft


@dataclass(frozen=True)
class Job:
    """A flow with one export and one import, and what they lie between."""

    flow: Flow
    export: Export
    import_: Import
    source: Connection
    destination: Connection
    last: Run | None = None
    """Its newest run; None if it never ran."""

    @property
    def streams(self) -> tuple[FlowStream, ...]:
        """As the flow's document says them; none means every stream of the source."""
        return joined(self.export.spec, self.import_.spec)

    @property
    def namespace(self) -> str | None:
        """Where it writes; None for the destination's own default."""
        return self.import_.spec.namespace


End = Connection | Draft
"""A connection that is there and stays as it is; or what one shall be, made together with the job unless the
project has the very same already.
"""


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """What a job shall be."""

    name: str
    source: End
    destination: End
    streams: tuple[FlowStream, ...] = ()
    namespace: str | None = None
    schedule: Schedule | None = None
    enabled: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Of an API family, under its name; what other families keep there stays."""


def jobs(work: UnitOfWork, org: str, project: Project, flows: Sequence[Flow]) -> list[Job]:
    """Those of the flows that are jobs which the project shows: as many queries for many as for one."""
    pairs = [flow for flow in flows if len(flow.exports) == len(flow.imports) == 1]
    exports = _by_id(work.exports, org, [flow.exports[0] for flow in pairs])
    imports = _by_id(work.imports, org, [flow.imports[0] for flow in pairs])
    # What belongs to a customer, or is another project's, takes its flows out of sight.
    used = {row.connection for row in (*exports.values(), *imports.values())}
    ends = _by_id(work.connections, org, used, customer=None, project=visible(project))
    last = work.runs.latest(org, [flow.id for flow in pairs])
    found = []
    for flow in pairs:
        export, import_ = exports[flow.exports[0]], imports[flow.imports[0]]
        source, destination = ends.get(export.connection), ends.get(import_.connection)
        if source is not None and destination is not None:
            found.append(Job(flow, export, import_, source, destination, last.get(flow.id)))
    return found


def one(work: UnitOfWork, org: str, project: Project, id: str) -> Job:
    """The job with this id. Raises `NotFoundError`, for what the project does not show, too."""
    flow = work.flows.find(org, id=id, project=visible(project))
    found = jobs(work, org, project, [flow] if flow else [])
    if not found:
        raise NotFoundError("flow.not_found", f"There is no job {id}.", hint="List the jobs.", id=id)
    return found[0]


def unfinished(work: UnitOfWork, org: str, flow: str) -> Sequence[Run]:
    """Its queued and running runs, the newest first."""
    return work.runs.list(org, flow=flow, status=[RunStatus.QUEUED, RunStatus.RUNNING], newest_first=True)


def _by_id(repository: Any, org: str, ids: Any, **equals: Any) -> dict[str, Any]:
    rows = repository.list(org, id=list(ids), **equals) if ids else []
    return {row.id: row for row in rows}
