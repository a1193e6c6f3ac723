"""The ends of jobs: connections that are there, and those that are made together with their job."""

from towpath.core.errors import ConfigError
from towpath.core.flows import Policy
from towpath.core.records import Connection, Project
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases
from towpath.services.documents import DestinationSide, FlowSpec, SourceSide
from towpath.services.jobs_rows import End, Job, JobSpec
from towpath.services.projects import visible


class Ends(UseCases):
    """Finds and makes them, in the caller's unit of work."""

    def wanted(
        self, work: UnitOfWork, org: str, project: Project, spec: JobSpec, job: Job | None = None
    ) -> FlowSpec:
        """The flow that the job shall be; ``job`` is what it is now. New ends are made."""
        source = self._end(work, org, project, "source", spec.source)
        destination = self._end(work, org, project, "destination", spec.destination)
        return FlowSpec(
            source=SourceSide(connection=source.id),
            destination=DestinationSide(connection=destination.id, namespace=spec.namespace),
            streams=spec.streams,
            schedule=spec.schedule,
            policy=job.flow.policy if job else Policy(),
            enabled=spec.enabled,
        )

    def _end(self, work: UnitOfWork, org: str, project: Project, role: str, end: End) -> Connection:
        if isinstance(end, str):
            return _known(work, org, project, role, end)
        raise NotImplementedError


def _known(work: UnitOfWork, org: str, project: Project, role: str, id: str) -> Connection:
    row = work.connections.find(
        org, id=id, project=visible(project), role=[role, None], customer=None, deleted_at=None
    )
    if row is None:
        raise ConfigError(
            "connection.unknown",
            f"There is no such {role}.",
            hint=f"List the {role}s of the project, or leave the id out to make a new one.",
            field=f"{role}.id",
        )
    return row
