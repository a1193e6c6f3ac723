"""Connections, who uses them, and machine keys: repositories that do a little more than the others."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection as Database
from sqlalchemy import Select, bindparam, delete, or_, select, text, update

from towpath.core.records import Connection, Export, Import, Key
from towpath.store import tables
from towpath.store.lists import among
from towpath.store.memo import Memo
from towpath.store.references import missing, refuse_in_use
from towpath.store.repository import SqlRepository, columns_of
from towpath.store.tables.people import PASSING
from towpath.store.touch import touch

_KEYS = tables.keys

_KEY = columns_of(_KEYS, Key)
_MEMO = Memo(_KEY, lambda row: Key(**{column.name: value for column, value in zip(_KEY, row, strict=True)}))

# Written once: who calls is asked with every request.
_BY_DIGESTS = select(*_MEMO.columns).where(among(_KEYS.c.digest, "digests"))

# In the words of the partial index: a parameter would not find it.
_EXPIRED = delete(_KEYS).where(text(f"kind IN ({PASSING})"), _KEYS.c.expires_at < bindparam("before"))


class SqlConnections(SqlRepository[Connection]):
    """Connections. Setting ``deleted_at`` is refused like a deletion while something uses the connection;
    deleted ones are still returned to who does not ask for ``deleted_at=None``.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database, tables.connections, Connection)

    def update(self, org: str, id: str, **changes: Any) -> Connection:
        if changes.get("deleted_at"):
            # First nobody else can begin to use it, then nobody does.
            self._connection.execute(_held(org, id).with_for_update(key_share=True))
            refuse_in_use(self._connection, self._table, org, id)
        return super().update(org, id, **changes)

    def touch(self, org: str, ids: Collection[str], at: datetime, every: timedelta) -> None:
        touch(self._connection, self._table, org, ids, at, every)


S = TypeVar("S", bound=Export | Import)


class SqlSides(SqlRepository[S]):
    """Exports or imports: none ever uses a connection that is deleted, or is being deleted."""

    def add(self, org: str, item: S) -> S:
        self._hold(org, item.connection)
        return super().add(org, item)

    def update(self, org: str, id: str, **changes: Any) -> S:
        if "connection" in changes:
            self._hold(org, changes["connection"])
        return super().update(org, id, **changes)

    def _hold(self, org: str, connection: str) -> None:
        """Keep the connection from being deleted until the unit of work ends."""
        row = self._connection.execute(_held(org, connection).with_for_update(read=True)).first()
        if row is None or row.deleted_at is not None:
            raise missing(tables.connections, connection)


def _held(org: str, connection: str) -> Select[Any]:
    row = tables.connections.c
    return select(row.deleted_at).where(row.org == org, row.id == connection)


class SqlKeys(SqlRepository[Key]):
    """Machine keys."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, _KEYS, Key)

    def by_digest(self, digest: str) -> Key | None:
        return self.by_digests([digest]).get(digest)

    def by_digests(self, digests: Collection[str]) -> Mapping[str, Key]:
        rows = self._connection.execute(_BY_DIGESTS, {"digests": digests})
        return {key.digest: key for key in _MEMO.records(self._connection.dialect, rows)}

    def used(self, org: str, ids: Collection[str], at: datetime, every: timedelta) -> None:
        touch(self._connection, self._table, org, ids, at, every)

    def spend(self, org: str, id: str, at: datetime) -> bool:
        fresh = self._is(org, id=id, revoked_at=None)
        opens = or_(_KEYS.c.expires_at.is_(None), _KEYS.c.expires_at > at)
        change = update(_KEYS).where(fresh, opens).values(revoked_at=at, updated_at=at)
        return self._connection.execute(change).rowcount == 1

    def sweep(self, before: datetime) -> None:
        self._connection.execute(_EXPIRED, {"before": before})
