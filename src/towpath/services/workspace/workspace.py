"""Sources and destinations of a project: connections with a role, and the jobs that use them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from towpath.core.errors import ConfigError, ConflictError, NotFoundError, TowpathError
from towpath.core.ports import Connector, Source
from towpath.core.records import Connection, Project, Run
from towpath.core.repositories import UnitOfWork
from towpath.sdk.registry import parse_config
from towpath.services.connections import Connections, known_connector
from towpath.services.context import Actor, Rooms, UseCases
from towpath.services.numbering import Kind, Numbering
from towpath.services.projects import visible
from towpath.services.removal import held, remove
from towpath.services.runs import Runs
from towpath.services.secrets.references import References, Spot
from towpath.services.workspace.tryout import Outcome, tried
from towpath.services.workspace.uses import Role, Use, refuse_in_use, running, uses_of
from towpath.vault import join_secrets

#: Clients may send any number; no store holds more.
_HIGHEST = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What somebody wants a source or destination to be."""

    name: str
    connector: str
    config: Mapping[str, Any]
    """In our words; secrets as plain texts, references or masks."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Added to what is there, by name."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job that uses a source or destination."""

    number: int
    use: Use


@dataclass(frozen=True, kw_only=True)
class Member:
    """A source or destination as its project sees it."""

    number: int
    connection: Connection
    jobs: tuple[Job, ...] = ()


class Workspace(UseCases):
    """The use cases of a project's sources and destinations.

    A project shows its own, and those that have no project: whatever is made without one is the whole
    organization's. All else reads as missing. # Invariant 9
    """

    def list(self, org: str, project: Project, role: Role) -> Sequence[Member]:
        """Oldest first, with the jobs of the project that use them."""
        with self.rooms.store.read() as work:
            found = work.connections.list(
                org, project=visible(project), role=[role.value, None], customer=None, deleted_at=None
            )
            rows = [row for row in found if self._plays(row, role)]
            uses = uses_of(work, org, project, rows, role)
        return self._numbered(org, rows, uses)

    def get(self, org: str, project: Project, role: Role, number: int) -> Member:
        """Raises `NotFoundError`."""
        with self.rooms.store.read() as work:
            row = self.find_in(work, org, project, role, number)
            uses = uses_of(work, org, project, [row], role)
        return self._numbered(org, [row], uses)[0]

    def find_in(self, work: UnitOfWork, org: str, project: Project, role: Role, number: int) -> Connection:
        """The connection with this number, if the project sees it in this role. Raises `NotFoundError`."""
        id = work.numbers.find(org, Kind.CONNECTION, number) if 0 < number <= _HIGHEST else None
        row = work.connections.find(org, id=id, deleted_at=None, customer=None) if id else None
        if row is None or row.project not in visible(project) or not self._plays(row, role):
            raise NotFoundError(
                "connection.not_found",
                f"The project has no {role} {number}.",
                hint=f"List the {role}s: it may have been deleted.",
                number=number,
            )
        return row

    def create(self, org: str, project: Project, role: Role, draft: Draft) -> Member:
        """Raises `ConflictError` (``connection.exists``) for a name that the project has in this role."""
        with self.sealing() as work:
            row = self.create_in(work, org, project, role, draft)
        return self._numbered(org, [row], {})[0]

    def create_in(self, work: UnitOfWork, org: str, project: Project, role: Role, draft: Draft) -> Connection:
        """The same in a unit of work of the caller's, made by `sealing`."""
        self._capable(draft.connector, role)
        spot = Spot(project=project.id, role=role, connector=draft.connector, purpose="create")
        config, known = References(*self._both).resolve(work, org, draft.config, spot)
        user = self.actor.user
        columns = {"project": project.id, "role": role.value, "metadata": draft.metadata}
        with _naming(role, draft.name):
            return Connections(*self._both).create_in(
                work,
                org,
                draft.name,
                draft.connector,
                config,
                known=known,
                created_by=user,
                updated_by=user,
                **columns,
            )

    def update(self, org: str, project: Project, role: Role, number: int, draft: Draft) -> Member:
        """Replace all of it; secrets that are left out, masked or referred to stay as they are.

        Runs that go on with other settings than they began with are cancelled. Raises `ConflictError` for a
        name that is taken, and for another connector while a job uses it (``connection.in_use``).
        """
        with self.sealing() as work:
            before = held(work, org, self.find_in(work, org, project, role, number))
            seal = work.secrets.get(org, before.id)
            row = self._replace(work, org, project, role, before, draft)
            same = (row.connector, row.config) == (before.connector, before.config)
            stale = [] if same and work.secrets.get(org, row.id) == seal else running(work, org, row.id)
            uses = uses_of(work, org, project, [row], role)
        for run in stale:
            self._cancel(org, run)
        return self._numbered(org, [row], uses)[0]

    def _replace(
        self, work: UnitOfWork, org: str, project: Project, role: Role, row: Connection, draft: Draft
    ) -> Connection:
        self._capable(draft.connector, role)
        if draft.connector != row.connector:
            refuse_in_use(work, org, project, row, role)
            # Nothing of the old settings means anything to the new connector.
            row = replace(row, connector=draft.connector, config={})
        spot = Spot(project=project.id, role=role, connector=draft.connector, purpose="update", own=row)
        config, known = References(*self._both).resolve(work, org, draft.config, spot)
        columns = {"connector": draft.connector, "metadata": {**row.metadata, **draft.metadata}}
        with _naming(role, draft.name):
            return Connections(*self._both).update_in(
                work,
                org,
                row,
                config,
                known=known,
                name=draft.name,
                updated_by=self.actor.user,
                **columns,
            )

    def _cancel(self, org: str, run: Run) -> None:
        # It may have ended by itself.
        with suppress(ConflictError):
            Runs(*self._both).cancel(org, run.id)

    def delete(self, org: str, project: Project, role: Role, number: int) -> Connection:
        """Mark it as deleted, and forget its secrets for good. Raises `ConflictError` (``connection.in_use``)
        while a job uses it.
        """

        def choose(work: UnitOfWork) -> Connection:
            row = held(work, org, self.find_in(work, org, project, role, number))
            refuse_in_use(work, org, project, row, role)
            return row

        return remove(self, org, choose)

    def refuse_taken(self, org: str, project: Project, kind: str, name: str) -> None:
        """Raise `ConflictError` if a ``job``, ``source`` or ``destination`` of the project is called so."""
        with self.rooms.store.read() as work:
            if kind == "job":
                found: object = work.flows.find(org, project=project.id, name=name)
            else:
                mine = {"project": project.id, "role": kind, "customer": None, "deleted_at": None}
                found = work.connections.find(org, name=name, **mine)
        if found is not None:
            raise _taken("flow.exists" if kind == "job" else "connection.exists", kind, name)

    def check(
        self, org: str, project: Project, role: Role, connector: str, config: Mapping[str, Any]
    ) -> Outcome:
        """Try a configuration that is not stored. What its system says is part of the outcome, within some
        seconds whatever happens. Raises `ConfigError` for a wrong configuration.
        """
        plugin, parsed = self._parsed(org, project, role, connector, config, "test")
        return tried(plugin, parsed, role)

    @contextmanager
    def opened(
        self,
        org: str,
        project: Project,
        connector: str,
        config: Mapping[str, Any],
        purpose: str = "streams",
    ) -> Iterator[Source]:
        """A source of a configuration that is not stored, open to be read."""
        plugin, parsed = self._parsed(org, project, Role.SOURCE, connector, config, purpose)
        assert plugin.source is not None  # noqa: S101 - `_capable` has made sure
        with plugin.source(parsed) as source:
            yield source

    def _parsed(
        self,
        org: str,
        project: Project,
        role: Role,
        connector: str,
        config: Mapping[str, Any],
        purpose: str,
    ) -> tuple[Connector[Any], Any]:
        plugin = self._capable(connector, role)
        spot = Spot(project=project.id, role=role, connector=connector, purpose=purpose)
        with self.sealing() as work:
            marked, known = References(*self._both).resolve(work, org, config, spot)
            public, secrets = Connections(*self._both).parse(connector, marked, known)
        for secret in secrets.values():
            self.rooms.conceal(secret.get_secret_value())
        return plugin, parse_config(plugin, join_secrets(public, secrets))

    @property
    def _both(self) -> tuple[Rooms, Actor]:
        return self.rooms, self.actor

    def _capable(self, connector: str, role: Role) -> Connector[Any]:
        plugin = known_connector(self.rooms, connector)
        if getattr(plugin, role) is None:
            raise ConfigError(
                f"connector.no_{role}",
                f"{plugin.title} cannot be a {role}.",
                hint="Choose another type.",
                field="type",
            )
        return plugin

    def _plays(self, row: Connection, role: Role) -> bool:
        """Whether the connection is for this role, or for whatever its connector can."""
        if row.role is not None:
            return row.role == role
        try:
            return getattr(self.rooms.registry.get(row.connector), role) is not None
        except TowpathError:
            return False

    def _numbered(
        self, org: str, rows: Sequence[Connection], uses: Mapping[str, Sequence[Use]]
    ) -> Sequence[Member]:
        numbering = Numbering(*self._both)
        numbers = numbering.of(org, Kind.CONNECTION, [row.id for row in rows])
        flows = numbering.of(org, Kind.FLOW, sorted({use.flow.id for some in uses.values() for use in some}))
        return [
            Member(
                connection=row,
                number=numbers[row.id],
                jobs=tuple(Job(number=flows[use.flow.id], use=use) for use in uses.get(row.id, ())),
            )
            for row in rows
        ]


@contextmanager
def _naming(role: Role, name: str) -> Iterator[None]:
    """Tell in the words of projects that the name is taken."""
    try:
        yield
    except ConflictError as error:
        if error.code != "connection.exists":
            raise
        raise _taken(error.code, role, name) from None


def _taken(code: str, kind: str, name: str) -> ConflictError:
    return ConflictError(code, f"There is a {kind} {name!r} already.", hint="Choose another name.", name=name)
