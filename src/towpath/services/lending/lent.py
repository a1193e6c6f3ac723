"""Customers' connections: credentials that are kept to be lent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from towpath.core.errors import BusyError, NotFoundError
from towpath.core.ids import new_id
from towpath.core.ports import AuthType
from towpath.core.records import Connection, ConnectionStatus, Grant, now
from towpath.core.repositories import UnitOfWork
from towpath.services.connections import Connections
from towpath.services.context import UseCases, audit
from towpath.services.lending import credentials
from towpath.services.removal import held, remove
from towpath.services.repeats import Repeat, made_before
from towpath.services.secrets import sealing
from towpath.services.tokens.renewing import expiry_of


@dataclass(frozen=True)
class Lent:
    """A connection, and who may borrow it."""

    connection: Connection
    grants: Sequence[Grant] = ()


@dataclass(frozen=True)
class Page:
    """A part of a list, and how long the whole is."""

    rows: Sequence[Lent]
    total: int


@dataclass(frozen=True, kw_only=True)
class NewConnection:
    """What a customer's connection is made of."""

    name: str
    provider: str
    credentials: Mapping[str, Any]
    auth: AuthType = AuthType.OAUTH2
    scopes: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Change:
    """What becomes of a connection; None leaves a part as it is."""

    name: str | None = None
    credentials: Mapping[str, Any] | None = None
    """In place of the old ones, as a whole."""
    scopes: tuple[str, ...] | None = None
    metadata: Mapping[str, Any] | None = None
    on: bool | None = None
    """False switches it off: nothing is lent or renewed until it is switched on again."""


class CustomerConnections(UseCases):
    """The use cases of one customer's connections. Credentials leave by a granted fetch only."""

    def list(
        self, org: str, customer: str, *, limit: int | None = None, offset: int = 0, **equals: Any
    ) -> Page:
        """Oldest first. ``equals``: connector, status. Raises `NotFoundError` for an unknown customer."""
        with self.rooms.store.read() as work:
            work.customers.get(org, customer)
            rows = work.connections.list(org, customer=customer, deleted_at=None, **equals)
            shown = rows[offset:] if limit is None else rows[offset : offset + limit]
            return Page(_with_grants(work, org, shown), len(rows))

    def get(self, org: str, customer: str, id: str) -> Lent:
        with self.rooms.store.read() as work:
            return _with_grants(work, org, [find(work, org, customer, id)])[0]

    def create(self, org: str, customer: str, new: NewConnection, repeat: Repeat | None = None) -> Lent:
        """The connection; the one that the same request made before, if it is a repeated one.

        Raises `ConflictError` if the customer has one of this name at the provider already.
        """
        with self.sealing() as work:
            work.customers.get(org, customer)
            row = self._row(org, customer, new)
            earlier = made_before(self.rooms, work, org, repeat, row.id)
            if earlier is not None:
                return _with_grants(work, org, [find(work, org, customer, earlier)])[0]
            work.connections.add(org, row)
            sealing.keep(self.rooms, work, org, row.id, credentials.to_secrets(new.credentials))
            detail = {"name": row.name, "connector": row.connector, "customer": customer}
            audit(work, org, self.actor, "connection.create", row.id, **detail)
            return Lent(row)

    def _row(self, org: str, customer: str, new: NewConnection) -> Connection:
        provider = credentials.provider_name(new.provider)
        connector = credentials.known_provider(self.rooms.registry, provider)
        return Connection(
            org=org,
            customer=customer,
            name=new.name,
            connector=provider,
            config=credentials.stored_config(),
            auth=new.auth,
            scopes=new.scopes,
            metadata=new.metadata,
            status=credentials.status_of(connector, new.auth, new.credentials),
            expires_at=expiry_of(new.credentials, now(), new.auth),
        )

    def update(self, org: str, customer: str, id: str, change: Change) -> Lent:
        """Raises `BusyError` (``connection.renewing``) for new credentials while the old ones are renewed."""
        with self.sealing() as work:
            row = held(work, org, find(work, org, customer, id))
            if change.credentials is not None:
                row = self._replace(work, org, row, change.credentials)
            columns = {"name": change.name, "scopes": change.scopes, "metadata": change.metadata}
            columns["status"] = None if change.on is None else self._switched(work, org, row, on=change.on)
            columns = {name: value for name, value in columns.items() if value is not None}
            row = work.connections.update(org, id, **columns)
            fields = [*columns, *(["credentials"] if change.credentials is not None else [])]
            audit(work, org, self.actor, "connection.update", id, fields=fields, status=str(row.status))
            return _with_grants(work, org, [row])[0]

    def _replace(self, work: UnitOfWork, org: str, row: Connection, given: Mapping[str, Any]) -> Connection:
        if not credentials.whole(row):
            return Connections(self.rooms, self.actor).update_in(work, org, row, given)
        _end_renewals(work, org, row.id)
        sealing.keep(self.rooms, work, org, row.id, credentials.to_secrets(given))
        off = row.status is ConnectionStatus.REVOKED
        status = row.status if off else self._status(row, given)
        return work.connections.update(
            org, row.id, status=status, error=None, expires_at=expiry_of(given, now(), row.auth)
        )

    def _switched(self, work: UnitOfWork, org: str, row: Connection, *, on: bool) -> ConnectionStatus:
        if not on:
            return ConnectionStatus.REVOKED
        if row.status is not ConnectionStatus.REVOKED:
            return row.status
        if not credentials.whole(row):
            return ConnectionStatus.ACTIVE
        return self._status(row, credentials.reveal(self.rooms, work, org, row))

    def _status(self, row: Connection, given: Mapping[str, Any]) -> ConnectionStatus:
        connector = credentials.known_provider(self.rooms.registry, row.connector)
        return credentials.status_of(connector, row.auth or AuthType.BASIC, given)

    def delete(self, org: str, customer: str, id: str) -> None:
        """As `remove` does."""
        remove(self, org, lambda work: find(work, org, customer, id))


def find(work: UnitOfWork, org: str, customer: str, id: str) -> Connection:
    """The customer's connection. Raises `NotFoundError` for any other, all alike. # Invariant 9"""
    row = work.connections.find(org, id=id, customer=customer, deleted_at=None)
    if row is None:
        raise NotFoundError(
            "connection.not_found",
            f"The customer has no connection {id}.",
            hint="Check the id; the connection may have been deleted.",
            id=id,
        )
    return row


def _with_grants(work: UnitOfWork, org: str, rows: Sequence[Connection]) -> list[Lent]:
    grants = work.grants.list(org, connection=[row.id for row in rows]) if rows else []
    return [Lent(row, [grant for grant in grants if grant.connection == row.id]) for row in rows]


def _end_renewals(work: UnitOfWork, org: str, connection: str) -> None:
    """Make sure that no renewal of the old credentials is stored over new ones."""
    owner, at = new_id("own"), now()
    if not work.renewals.claim(org, connection, owner, at, at):
        raise BusyError(
            "connection.renewing",
            "The credentials are being renewed at this moment.",
            hint="Try again in a few seconds.",
            connection=connection,
        )
    work.renewals.end(org, connection, owner)
