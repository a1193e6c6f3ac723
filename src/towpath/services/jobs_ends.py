"""The ends of jobs: connections that are there, and those that are made together with their job."""

from collections.abc import Iterator
from contextlib import contextmanager

from towpath.core.errors import ConfigError
from towpath.core.flows import Policy
from towpath.core.records import Connection, Project
from towpath.core.repositories import UnitOfWork
from towpath.services import sealing
from towpath.services.connections import Connections
from towpath.services.context import UseCases
from towpath.services.documents import DestinationSide, FlowSpec, SourceSide
from towpath.services.jobs_rows import End, Job, JobSpec
from towpath.services.projects import visible
from towpath.services.secretrefs import References, Spot
from towpath.services.workspace import Draft, Workspace
from towpath.services.workspace_uses import Role


class Ends(UseCases):
    """Finds and makes them, in the caller's unit of work, in which secrets are sealed."""

    def wanted(
        self, work: UnitOfWork, org: str, project: Project, spec: JobSpec, job: Job | None = None
    ) -> FlowSpec:
        """The flow that the job shall be; ``job`` is what it is now. New ends are made.

        Raises `ConfigError` naming the field, and as ``role`` which end's settings it is of; `ConflictError`
        (``connection.exists``) for a name that another connection has.
        """
        source = self._end(work, org, project, Role.SOURCE, spec.source)
        destination = self._end(work, org, project, Role.DESTINATION, spec.destination)
        return FlowSpec(
            source=SourceSide(connection=source.id),
            destination=DestinationSide(connection=destination.id, namespace=spec.namespace),
            streams=spec.streams,
            schedule=spec.schedule,
            policy=job.flow.policy if job else Policy(),
            enabled=spec.enabled,
        )

    def _end(self, work: UnitOfWork, org: str, project: Project, role: Role, end: End) -> Connection:
        if isinstance(end, Connection):
            return end
        with _told(role):
            # Clients that know no ids say a connection that is there as they would say a new one.
            named = work.connections.list(
                org, name=end.name, project=visible(project), customer=None, deleted_at=None
            )
            for row in named:
                if row.role in (role, None) and self._is(work, project, role, row, end):
                    return row
            return Workspace(self.rooms, self.actor).create_in(work, org, project, role, end)

    def _is(self, work: UnitOfWork, project: Project, role: Role, row: Connection, draft: Draft) -> bool:
        """Whether the connection has the very settings, secrets included."""
        if row.connector != draft.connector:
            return False
        spot = Spot(project=project.id, role=role, connector=row.connector, purpose="compare", own=row)
        config, given = References(self.rooms, self.actor).resolve(work, row.org, draft.config, spot)
        stored = sealing.reveal(self.rooms, work, row.org, row.id)
        known = {**stored, **given}
        plain, secrets = Connections(self.rooms, self.actor).parse(row.connector, config, known)
        return (plain, secrets) == (row.config, stored)


@contextmanager
def _told(role: Role) -> Iterator[None]:
    """Errors say as ``role`` whose settings their field is of."""
    try:
        yield
    except ConfigError as error:
        raise error.with_context(role=role.value) from None
