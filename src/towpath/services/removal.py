"""The end of a connection: grants taken back, secrets shredded, the provider told."""

from collections.abc import Callable
from typing import Any

from towpath.core.errors import ConflictError, NotFoundError, TowpathError
from towpath.core.ports import AuthType
from towpath.core.records import Connection, now
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases, audit
from towpath.services.lending import credentials
from towpath.services.naming import label
from towpath.services.projects import names


def remove(cases: UseCases, org: str, choose: Callable[[UnitOfWork], Connection]) -> Connection:
    """End the connection that is chosen in the unit of work that ends it.

    Raises `ConflictError` (``connection.in_use``) while a flow uses it. Its tokens are revoked at the
    provider afterwards, as well as that goes: how it went is in the audit trail.
    """
    with cases.sealing() as work:
        row = held(work, org, choose(work))
        _refuse_in_use(work, org, row)
        last = _tokens(cases, work, org, row)
        grants = work.grants.forget(org, row.id)
        work.secrets.shred(org, row.id)
        audit(work, org, cases.actor, "connection.delete", row.id, name=row.name, grants=grants)
        gone = work.connections.update(org, row.id, deleted_at=now())
    if last:
        from towpath.services.tokens.renewing import revoke_upstream

        revoke_upstream(cases.rooms, cases.actor, gone, last)
    return gone


def held(work: UnitOfWork, org: str, row: Connection) -> Connection:
    """The connection as it is now, and stays until the unit of work ends.

    Raises `NotFoundError` if it was deleted since it was looked up.
    """
    # A change of nothing: what all databases understand as holding the row.
    row = work.connections.update(org, row.id)
    if row.deleted_at is not None:
        raise NotFoundError(
            "connection.not_found",
            f"The connection {row.name!r} has just been deleted.",
            hint="Make a new one.",
            id=row.id,
        )
    return row


def _tokens(cases: UseCases, work: UnitOfWork, org: str, row: Connection) -> dict[str, Any]:
    """What the provider has to be told about; nothing if it cannot be opened any more."""
    if row.auth is not AuthType.OAUTH2 or not credentials.whole(row):
        return {}
    try:
        return credentials.reveal(cases.rooms, work, org, row)
    except TowpathError:
        return {}


def _refuse_in_use(work: UnitOfWork, org: str, row: Connection) -> None:
    users = flows_using(work, org, row.id)
    if users:
        raise ConflictError(
            "connection.in_use",
            f"The connection {row.name!r} is used by the flow {users[0]!r}.",
            hint=f"Delete the flow first: `towpath flows delete {users[0]}`.",
            connection=row.name,
            flow=users[0],
        )


def flows_using(work: UnitOfWork, org: str, connection: str) -> list[str]:
    """Names of the flows that read from or write to the connection, with those of their projects."""
    used = {row.id for row in work.exports.list(org, connection=connection)}
    used |= {row.id for row in work.imports.list(org, connection=connection)}
    homes = names(work, org)
    return [label(flow, homes) for flow in work.flows.list(org) if used & {*flow.exports, *flow.imports}]
