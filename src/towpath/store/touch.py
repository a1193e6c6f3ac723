"""When rows were last used."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Connection, Table, Update, bindparam, or_, select, update


def touch(
    connection: Connection, table: Table, org: str, ids: Collection[str], at: datetime, every: timedelta
) -> None:
    """Set ``last_used_at`` of these rows to ``at`` where it is not younger than ``every``."""
    if ids:
        values = {"of": org, "ids": list(ids), "at": at, "before": at - every}
        connection.execute(_statement(table), values)


@cache
def _statement(table: Table) -> Update:
    """Rows are locked in one order: two that touch the same ones wait for each other, never in a circle."""
    row = table.c
    stale = (
        select(row.id)
        .where(row.org == bindparam("of"), row.id.in_(bindparam("ids", expanding=True)))
        .where(or_(row.last_used_at.is_(None), row.last_used_at <= bindparam("before")))
        .order_by(row.id)
        .with_for_update(key_share=True)
    )
    return (
        update(table)
        .where(row.org == bindparam("of"), row.id.in_(stale.scalar_subquery()))
        .values(last_used_at=bindparam("at"))
    )
