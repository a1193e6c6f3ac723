"""Connections, opened for the steps that a request runs: with their secrets, their tokens fresh."""

from collections.abc import Collection, Mapping
from typing import Any

from towpath.core.errors import ConfigError, NotFoundError
from towpath.core.ids import as_object_id
from towpath.core.records import Connection, now
from towpath.core.repositories import UnitOfWork
from towpath.engine.records import End
from towpath.sdk.registry import parse_config
from towpath.services.connections import plain_config
from towpath.services.context import Rooms
from towpath.services.tokens.renewing import make_fresh

#: Where a row keeps the document that its clients wrote.
DOCUMENT = "integrator"


def ends(rooms: Rooms, org: str, connections: Collection[str]) -> dict[str, End]:
    """The connections with these ids, opened. Raises `NotFoundError` for one that is not there, `ConfigError`
    (``connector.unsupported``) for one of a kind of system that is only stored, and whatever renewing its
    token raises.
    """
    _ = rooms.vault
    found = {}
    for id in dict.fromkeys(connections):
        make_fresh(rooms, org, id)
        with rooms.store.read() as work:
            found[id] = _end(rooms, work, org, _known(work, org, id))
    return found


def _known(work: UnitOfWork, org: str, id: str) -> Connection:
    row = work.connections.find(org, id=id, deleted_at=None)
    if row is None:
        raise NotFoundError(
            "connection.not_found", "There is no such connection.", hint="List the connections.", id=id
        )
    return row


def _end(rooms: Rooms, work: UnitOfWork, org: str, row: Connection) -> End:
    try:
        connector = rooms.registry.get(row.connector)
    except NotFoundError:
        raise unsupported(row.connector) from None
    lender = work.connections.find(org, id=row.lender, deleted_at=None) if row.lender else None
    return End(
        id=row.id,
        connector=connector,
        config=parse_config(connector, plain_config(rooms, work, org, row)),
        level=(lender or row).max_parallel,
        lane=(lender or row).id,
        words=words(row),
        debugging=row.debug_until is not None and now() < row.debug_until,
    )


def words(row: Connection) -> dict[str, Any]:
    """What templates see as ``connection``."""
    document: Mapping[str, Any] = row.metadata.get(DOCUMENT, {})
    return {**document, "_id": as_object_id(row.id), "name": row.name}


def unsupported(system: str) -> ConfigError:
    """The error for what is stored for a kind of system, and cannot be done with it."""
    return ConfigError(
        "connector.unsupported",
        f"Connections to {system} are kept here, and cannot be used yet.",
        hint="Use a connection of another type: rest, http, ftp, s3, a database or a wrapper.",
        connector=system,
    )
