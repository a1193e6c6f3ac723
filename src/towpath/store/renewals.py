"""The leases under which tokens are renewed, and sign-ins that go on."""

from datetime import datetime

from sqlalchemy import Connection, and_, delete, or_, select, update

from towpath.core.records import Authorization, Renewal, now
from towpath.store import tables
from towpath.store.references import guarded
from towpath.store.repository import SqlRepository, columns_of
from towpath.store.upsert import upsert

_RENEWALS, _AUTHORIZATIONS = tables.renewals, tables.authorizations


class SqlRenewals:
    """The leases. One row per connection that was ever renewed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, org: str, connection: str) -> Renewal:
        query = select(*columns_of(_RENEWALS, Renewal)).where(
            _RENEWALS.c.org == org, _RENEWALS.c.connection == connection
        )
        row = self._connection.execute(query).mappings().one_or_none()
        return Renewal(**row) if row else Renewal(org=org, connection=connection)

    def claim(self, org: str, connection: str, owner: str, at: datetime, until: datetime) -> bool:
        written = now()
        row = {"org": org, "connection": connection, "created_at": written, "updated_at": written}
        row |= {"owner": owner, "until": until, "failures": 0, "retry_at": None}
        lease = _RENEWALS.c
        put = upsert(
            self._connection,
            _RENEWALS,
            row,
            keep=("created_at", "failures", "retry_at"),
            where=or_(lease.owner.is_(None), lease.owner == owner, lease.until <= at),
        )
        with guarded(self._connection, _RENEWALS, row):
            return self._connection.execute(put.returning(lease.owner)).first() is not None

    def end(self, org: str, connection: str, owner: str, retry_at: datetime | None = None) -> bool:
        lease = _RENEWALS.c
        mine = and_(lease.org == org, lease.connection == connection, lease.owner == owner)
        failures = 0 if retry_at is None else lease.failures + 1
        change = update(_RENEWALS).where(mine)
        change = change.values(owner=None, until=None, failures=failures, retry_at=retry_at, updated_at=now())
        return self._connection.execute(change).rowcount > 0


class SqlAuthorizations(SqlRepository[Authorization]):
    """Sign-ins that go on."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, _AUTHORIZATIONS, Authorization)

    def open(self, org: str, id: str, browser: str) -> bool:
        mine = self._is(org, id=id, browser=[None, browser])
        change = update(_AUTHORIZATIONS).where(mine).values(browser=browser, updated_at=now())
        return self._connection.execute(change).rowcount > 0

    def use(self, org: str, id: str, at: datetime) -> bool:
        valid = and_(self._is(org, id=id, used_at=None), _AUTHORIZATIONS.c.expires_at > at)
        change = update(_AUTHORIZATIONS).where(valid).values(used_at=at, updated_at=now())
        return self._connection.execute(change).rowcount > 0

    def sweep(self, before: datetime) -> None:
        self._connection.execute(delete(_AUTHORIZATIONS).where(_AUTHORIZATIONS.c.expires_at < before))
