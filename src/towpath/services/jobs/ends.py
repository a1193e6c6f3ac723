"""The ends of jobs: connections that are there, and those that are made together with their job."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from towpath.core.errors import ConfigError, NotFoundError
from towpath.core.flows import Policy
from towpath.core.records import Connection, Project
from towpath.core.repositories import UnitOfWork
from towpath.services.connections import Connections
from towpath.services.context import UseCases
from towpath.services.documents.models import DestinationSide, FlowSpec, SourceSide
from towpath.services.jobs.rows import End, Job, JobSpec
from towpath.services.projects import visible
from towpath.services.removal import held
from towpath.services.secrets import sealing
from towpath.services.secrets.references import References, Spot
from towpath.services.workspace.uses import Role
from towpath.services.workspace.workspace import Draft, Workspace


class Ends(UseCases):
    """Finds and makes them, in the caller's unit of work, in which secrets are sealed."""

    def wanted(
        self, work: UnitOfWork, org: str, project: Project, spec: JobSpec, job: Job | None = None
    ) -> FlowSpec:
        """The flow that the job shall be; ``job`` is what it is now. New ends are made.

        Raises `ConfigError` naming the field, and as ``role`` which end's settings it is of; `ConflictError`
        (``connection.exists``) for a name that another connection has.
        """
        ends = {Role.SOURCE: spec.source, Role.DESTINATION: spec.destination}
        known = self._held(
            work, org, {role: self._known(work, org, project, role, ends[role]) for role in ends}
        )
        source, destination = (
            known[role] or self._made(work, org, project, role, ends[role]) for role in ends
        )
        return FlowSpec(
            source=SourceSide(connection=source.id),
            destination=DestinationSide(connection=destination.id, namespace=spec.namespace),
            streams=spec.streams,
            schedule=spec.schedule,
            policy=job.flow.policy if job else Policy(),
            enabled=spec.enabled,
        )

    def _known(self, work: UnitOfWork, org: str, project: Project, role: Role, end: End) -> Connection | None:
        """The connection that the end is; None if it is to be made."""
        if isinstance(end, Connection):
            return end
        with _told(role):
            # Clients that know no ids say a connection that is there as they would say a new one.
            named = work.connections.list(
                org, name=end.name, project=visible(project), customer=None, deleted_at=None
            )
            found = (
                row for row in named if row.role in (role, None) and self._is(work, project, role, row, end)
            )
            return next(found, None)

    def _held(
        self, work: UnitOfWork, org: str, known: Mapping[Role, Connection | None]
    ) -> Mapping[Role, Connection | None]:
        """The connections as they are now, and stay. Before anything is written, and always in one order: who
        deletes one of them at the same moment waits, or is waited for, and never both.
        """
        fresh: dict[Role, Connection | None] = dict.fromkeys(known)
        for role, row in sorted(known.items(), key=lambda item: item[1].id if item[1] else ""):
            if row is not None:
                try:
                    fresh[role] = held(work, org, row)
                except NotFoundError as error:
                    raise ConfigError(
                        "connection.unknown", error.message, hint=error.hint, field=f"{role}.id"
                    ) from None
        return fresh

    def _made(self, work: UnitOfWork, org: str, project: Project, role: Role, end: End) -> Connection:
        assert isinstance(end, Draft)  # noqa: S101 - all others are known
        with _told(role):
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
