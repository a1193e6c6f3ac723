"""Grants, and what they let an instance borrow."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection as Database
from sqlalchemy import and_, bindparam, delete, select

from towpath.core.records import Connection, Grant
from towpath.core.repositories import Lendable
from towpath.core.sealed import SealedSecrets
from towpath.store import tables
from towpath.store.lists import among
from towpath.store.memo import Memo
from towpath.store.repository import SqlRepository, columns_of

_GRANTS, _CONNECTIONS, _SECRETS = tables.grants, tables.connections, tables.secrets

_GRANT = columns_of(_GRANTS, Grant)
_CONNECTION = columns_of(_CONNECTIONS, Connection)
_SEALED = columns_of(_SECRETS, SealedSecrets)

# Where the columns of each begin in a row of the query below.
_SECOND, _THIRD = len(_GRANT), len(_GRANT) + len(_CONNECTION)


def _lendable(row: Sequence[Any]) -> Lendable:
    sealed = row[_THIRD:]
    return Lendable(
        connection=Connection(**_named(_CONNECTION, row[_SECOND:_THIRD])),
        grant=Grant(**_named(_GRANT, row[:_SECOND])),
        sealed=None if sealed[0] is None else SealedSecrets(**_named(_SEALED, sealed)),
    )


def _named(columns: Sequence[Any], values: Sequence[Any]) -> dict[str, Any]:
    return {column.name: value for column, value in zip(columns, values, strict=True)}


_MEMO = Memo((*_GRANT, *_CONNECTION, *_SEALED), _lendable)

# Written once: asked for with every batch of fetches.
_LENDABLE = (
    select(*_MEMO.columns)
    .select_from(_GRANTS)
    .join(_CONNECTIONS, and_(_CONNECTIONS.c.org == _GRANTS.c.org, _CONNECTIONS.c.id == _GRANTS.c.connection))
    .outerjoin(_SECRETS, and_(_SECRETS.c.org == _GRANTS.c.org, _SECRETS.c.connection == _GRANTS.c.connection))
    .where(_GRANTS.c.org == bindparam("of"), _CONNECTIONS.c.deleted_at.is_(None))
    .where(among(_GRANTS.c.instance, "instances"), among(_CONNECTIONS.c.connector, "connectors"))
    .order_by(_CONNECTIONS.c.id, _GRANTS.c.id)
)


class SqlGrants(SqlRepository[Grant]):
    """Grants."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, _GRANTS, Grant)

    def lendable(self, org: str, wanted: Collection[tuple[str, str]]) -> Sequence[Lendable]:
        if not wanted:
            return []
        pairs = set(wanted)
        values = {
            "of": org,
            "instances": {instance for instance, _ in pairs},
            "connectors": {connector for _, connector in pairs},
        }
        found = _MEMO.records(self._connection.dialect, self._connection.execute(_LENDABLE, values))
        # Two lists are asked for with one text; what one instance wants of another's is left out here.
        return [one for one in found if (one.grant.instance, one.connection.connector) in pairs]

    def forget(self, org: str, connection: str) -> int:
        gone = delete(_GRANTS).where(self._is(org, connection=connection))
        return self._connection.execute(gone).rowcount
