"""The tenants."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from towpath.core.records import Organization
from towpath.store import tables
from towpath.store.references import guarded, missing

_ORGANIZATIONS = tables.organizations


class SqlOrganizations:
    """The tenants: the only rows that are read without naming one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, item: Organization) -> Organization:
        values = {"id": item.id, "name": item.name, "created_at": item.created_at}
        with guarded(self._connection, _ORGANIZATIONS, values):
            self._connection.execute(insert(_ORGANIZATIONS).values(values))
        return item

    def get(self, id: str) -> Organization:
        row = (
            self._connection.execute(select(_ORGANIZATIONS).where(_ORGANIZATIONS.c.id == id))
            .mappings()
            .first()
        )
        if row is None:
            raise missing(_ORGANIZATIONS, id)
        return Organization(**row)

    def list(self) -> Sequence[Organization]:
        rows = self._connection.execute(select(_ORGANIZATIONS).order_by(_ORGANIZATIONS.c.id)).mappings()
        return [Organization(**row) for row in rows]

    def hold(self, id: str) -> None:
        hold(self._connection, id)


def hold(connection: Connection, org: str) -> None:
    """Wait until no other unit of work holds the organization, and hold it until this one ends: for what is
    counted in it. Rows may be added to it meanwhile. Raises `NotFoundError`.
    """
    row = select(_ORGANIZATIONS.c.id).where(_ORGANIZATIONS.c.id == org)
    if not connection.execute(row.with_for_update(key_share=True)).first():
        raise missing(_ORGANIZATIONS, org)
