"""Which jobs use which sources and destinations."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from towpath.core.errors import ConflictError
from towpath.core.records import Connection, Flow, Project, Run, RunStatus
from towpath.core.repositories import UnitOfWork
from towpath.services.projects import visible


class Role(StrEnum):
    """What a connection of a project is for."""

    SOURCE = "source"
    DESTINATION = "destination"

    @property
    def other(self) -> "Role":
        return Role.DESTINATION if self is Role.SOURCE else Role.SOURCE


@dataclass(frozen=True)
class Use:
    """A job that uses a connection."""

    flow: Flow
    other: Connection
    """The other side of the job."""
    run: Run | None
    """Its newest run."""


def uses_of(
    work: UnitOfWork, org: str, project: Project, rows: Sequence[Connection], role: Role
) -> Mapping[str, Sequence[Use]]:
    """The jobs that the project sees, by the id of the connection that they use in this role: as many queries
    for a hundred connections as for one.
    """
    flows = work.flows.list(org, project=visible(project)) if rows else []
    here, there = (_ends(work, org, flows, side) for side in (role, role.other))
    wanted = {row.id for row in rows}
    using = [flow for flow in flows if wanted & here[flow.id].keys() and there[flow.id]]
    others = {next(iter(there[flow.id])) for flow in using}
    # What belongs to a customer, or is another project's, takes its flows out of sight.
    shown = work.connections.list(org, id=others, customer=None, project=visible(project)) if others else []
    known = {row.id: row for row in shown}
    used = [flow for flow in using if next(iter(there[flow.id])) in known]
    runs = work.runs.latest(org, [flow.id for flow in used])
    found: dict[str, list[Use]] = defaultdict(list)
    for flow in used:
        for id in here[flow.id]:
            found[id].append(Use(flow, known[next(iter(there[flow.id]))], runs.get(flow.id)))
    return found


def _ends(work: UnitOfWork, org: str, flows: Sequence[Flow], side: Role) -> Mapping[str, dict[str, None]]:
    """The connections at this end of each flow, in order."""
    repository = work.exports if side is Role.SOURCE else work.imports
    ids = {flow.id: flow.exports if side is Role.SOURCE else flow.imports for flow in flows}
    wanted = [id for some in ids.values() for id in some]
    rows = {row.id: row.connection for row in repository.list(org, id=wanted)} if wanted else {}
    # A flow that somebody deletes meanwhile has none any more.
    return {flow: dict.fromkeys(rows[id] for id in some if id in rows) for flow, some in ids.items()}


def running(work: UnitOfWork, org: str, connection: str) -> Sequence[Run]:
    """The runs that have begun with what the connection is now."""
    flows = [flow.id for flow in _users(work, org, connection)]
    return work.runs.list(org, flow=flows, status=RunStatus.RUNNING) if flows else []


def refuse_in_use(work: UnitOfWork, org: str, project: Project, row: Connection, role: Role) -> None:
    """Raise `ConflictError` (``connection.in_use``) while a job uses the connection; it names one that the
    project shows.
    """
    users = _users(work, org, row.id)
    if not users:
        return
    shown = [flow.name for flow in users if flow.project in visible(project)]
    by = f"the job {shown[0]!r}" if shown else "a job of another project"
    raise ConflictError(
        "connection.in_use",
        f"The {role} {row.name!r} is used by {by}.",
        hint=f"Delete the job first, or give it another {role}.",
        connection=row.name,
    )


def _users(work: UnitOfWork, org: str, connection: str) -> list[Flow]:
    """All flows that use the connection, in whatever project."""
    used = {item.id for item in work.exports.list(org, connection=connection)}
    used |= {item.id for item in work.imports.list(org, connection=connection)}
    return [flow for flow in work.flows.list(org) if used & {*flow.exports, *flow.imports}] if used else []
