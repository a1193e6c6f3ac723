"""Connections and machine keys: repositories with one more question than the others."""

from typing import Any

from sqlalchemy import Connection as Database
from sqlalchemy import select

from towpath.core.records import Connection, Key
from towpath.store import tables
from towpath.store.references import refuse_in_use
from towpath.store.repository import SqlRepository


class SqlConnections(SqlRepository[Connection]):
    """Connections. Setting ``deleted_at`` is refused like a deletion while something uses the connection;
    deleted ones are still returned to who does not ask for ``deleted_at=None``.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database, tables.connections, Connection)

    def update(self, org: str, id: str, **changes: Any) -> Connection:
        if changes.get("deleted_at"):
            refuse_in_use(self._connection, self._table, org, id)
        return super().update(org, id, **changes)


class SqlKeys(SqlRepository[Key]):
    """Machine keys."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, tables.keys, Key)

    def by_digest(self, digest: str) -> Key | None:
        row = self._connection.execute(select(*self._columns).where(tables.keys.c.digest == digest)).first()
        return self._load([row])[0] if row else None
