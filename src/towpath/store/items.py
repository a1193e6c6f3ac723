"""Values, buckets and debug lines."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from towpath.core.records import DebugLine, Value, now
from towpath.store import tables
from towpath.store.upsert import insert_new

_VALUES, _BUCKETS, _LINES = tables.stored_values, tables.buckets, tables.debug_lines


class SqlValues:
    """Values that programs keep, by scope and key."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, org: str, scope: str, key: str, value: Any) -> bool:
        at = now()
        row = {
            "org": org,
            "scope": scope,
            "key": key,
            "value": value,
            "created_at": at,
            "updated_at": at,
        }
        new = insert_new(self._connection, _VALUES, row).returning(_VALUES.c.key)
        if self._connection.execute(new).first():
            return True
        change = update(_VALUES).where(_is(org, scope, key)).values(value=value, updated_at=at)
        return not self._connection.execute(change).rowcount and self.put(org, scope, key, value)

    def get(self, org: str, scope: str, key: str) -> Value | None:
        row = self._connection.execute(select(_VALUES).where(_is(org, scope, key))).mappings().first()
        return Value(**row) if row else None

    def find(self, org: str, scope: str, *, prefix: str = "", limit: int = 1000) -> Sequence[Value]:
        begins = func.substr(_VALUES.c.key, 1, len(prefix)) == prefix
        query = select(_VALUES).where(_is(org, scope), begins).order_by(_VALUES.c.key).limit(limit)
        return [Value(**row) for row in self._connection.execute(query).mappings()]

    def keys(self, org: str, scope: str) -> Sequence[str]:
        query = select(_VALUES.c.key).where(_is(org, scope)).order_by(_VALUES.c.key)
        return list(self._connection.scalars(query))

    def remove(self, org: str, scope: str, key: str | None = None) -> int:
        return self._connection.execute(delete(_VALUES).where(_is(org, scope, key))).rowcount


def _is(org: str, scope: str, key: str | None = None) -> ColumnElement[bool]:
    of_key = () if key is None else (_VALUES.c.key == key,)
    return and_(_VALUES.c.org == org, _VALUES.c.scope == scope, *of_key)


class SqlBuckets:
    """Leaky buckets; the row of one is held until its unit of work ends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(self, org: str, name: str, size: float, rate: float, at: datetime) -> float:
        empty = {"org": org, "name": name, "level": 0.0, "at": at}
        self._connection.execute(insert_new(self._connection, _BUCKETS, empty))
        mine = and_(_BUCKETS.c.org == org, _BUCKETS.c.name == name)
        row = self._connection.execute(select(_BUCKETS).where(mine).with_for_update()).one()
        at = max(at, row.at)  # a clock behind another machine's must not make time run backwards
        level: float = max(0.0, row.level - (at - row.at).total_seconds() * rate) + 1
        if level > size:
            return (level - size) / rate
        self._connection.execute(update(_BUCKETS).where(mine).values(level=level, at=at))
        return 0.0


class SqlDebugLines:
    """What is captured while somebody debugs a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, org: str, lines: Sequence[DebugLine]) -> None:
        if lines:
            self._connection.execute(insert(_LINES), [{"org": org, **asdict(line)} for line in lines])

    def read(
        self, org: str, connection: str, *, step: str | None = None, limit: int = 1000
    ) -> Sequence[DebugLine]:
        columns = [column for column in _LINES.c if column.name != "org"]
        query = select(*columns).where(_LINES.c.org == org, _LINES.c.connection == connection)
        if step is not None:
            query = query.where(_LINES.c.step == step)
        rows = self._connection.execute(query.order_by(_LINES.c.id.desc()).limit(limit)).mappings().all()
        return [DebugLine(**row) for row in reversed(rows)]

    def remove(self, org: str, connection: str) -> None:
        self._connection.execute(delete(_LINES).where(_LINES.c.org == org, _LINES.c.connection == connection))

    def sweep(self, before: datetime) -> None:
        self._connection.execute(delete(_LINES).where(_LINES.c.at < before))
