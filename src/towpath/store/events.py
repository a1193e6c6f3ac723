"""Events on their way."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from towpath.core.records import Event, now
from towpath.store import tables
from towpath.store.repository import SqlRepository

_EVENTS = tables.events


class SqlEvents(SqlRepository[Event]):
    """Events on their way."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, _EVENTS, Event)

    def due(self, at: datetime, limit: int = 100) -> Sequence[Event]:
        event = _EVENTS.c
        waiting = select(*self._columns).where(event.ended_at.is_(None), event.due_at <= at)
        rows = self._connection.execute(waiting.order_by(event.due_at, event.id).limit(limit)).all()
        return self._load(rows)

    def postpone(self, org: str, id: str, seen: int, due_at: datetime, error: str | None = None) -> bool:
        change = update(_EVENTS).where(self._is(org, id=id, attempts=seen, ended_at=None))
        values = {"attempts": seen + 1, "due_at": due_at, "error": error, "updated_at": now()}
        return self._connection.execute(change.values(values)).rowcount > 0
