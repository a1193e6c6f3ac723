"""Flows, their ends, and their due times."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, exists, insert, select, update

from towpath.core.errors import ConflictError
from towpath.core.records import Flow, RunStatus, now
from towpath.store import tables
from towpath.store.references import guarded
from towpath.store.repository import SqlRepository

#: Field of a flow → the table of its items, and the column there.
_ENDS = {"exports": (tables.flow_exports, "export"), "imports": (tables.flow_imports, "import")}

#: How many flows one query asks the ends of; SQLite takes 32,766 values.
_CHUNK = 1000

Ends = Mapping[tuple[str, str], list[str]]


class SqlFlows(SqlRepository[Flow]):
    """Flows. Deleting one deletes its states and its runs with all that belongs to them."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.flows, Flow)

    def add(self, org: str, item: Flow) -> Flow:
        super().add(org, item)
        for name in _ENDS:
            self._set_ends(org, item.id, name, getattr(item, name))
        return item

    def update(self, org: str, id: str, **changes: Any) -> Flow:
        ends = {name: changes.pop(name) for name in _ENDS if name in changes}
        flow = super().update(org, id, **changes)
        for name, ids in ends.items():
            self._set_ends(org, id, name, ids)
        return self.get(org, id) if ends else flow

    def delete(self, org: str, id: str) -> None:
        """Refused (``flow.in_use``) while a run of it is queued or running."""
        live = select(tables.runs.c.id).where(
            tables.runs.c.org == org,
            tables.runs.c.flow == id,
            tables.runs.c.status.in_([RunStatus.QUEUED, RunStatus.RUNNING]),
        )
        if run := self._connection.execute(live.limit(1)).scalar():
            raise ConflictError(
                "flow.in_use",
                f"The flow {id} has a run that is not finished: {run}.",
                hint="Cancel the run and wait for its end.",
                id=id,
            )
        super().delete(org, id)

    def due(self, at: datetime, limit: int = 100) -> Sequence[Flow]:
        flows, group = tables.flows.c, tables.integrations.c
        off = exists().where(group.org == flows.org, group.id == flows.integration, ~group.enabled)
        query = select(*self._columns).where(flows.next_due <= at, flows.enabled, ~off)
        return self._load(
            self._connection.execute(query.order_by(flows.next_due, flows.id).limit(limit)).all()
        )

    def advance(self, org: str, id: str, seen: datetime, then: datetime | None) -> bool:
        change = update(tables.flows).where(self._is(org, id=id, next_due=seen))
        values = {"next_due": then, "updated_at": now()}
        return self._connection.execute(change.values(values)).rowcount > 0

    def _set_ends(self, org: str, flow: str, name: str, ids: Sequence[str]) -> None:
        table, column = _ENDS[name]
        self._connection.execute(delete(table).where(table.c.org == org, table.c.flow == flow))
        for position, id in enumerate(ids):
            row = {"org": org, "flow": flow, "position": position, column: id}
            with guarded(self._connection, table, row):
                self._connection.execute(insert(table).values(row))

    def _load(self, rows: Sequence[Row[Any]]) -> Sequence[Flow]:
        flows = []
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            ends = {name: self._ends_of(chunk, *place) for name, place in _ENDS.items()}
            for row in chunk:
                own: dict[str, Any] = {name: tuple(found[row.org, row.id]) for name, found in ends.items()}
                flows.append(Flow(**row._mapping, **own))  # noqa: SLF001 - SQLAlchemy's public name
        return flows

    def _ends_of(self, rows: Sequence[Row[Any]], table: Table, column: str) -> Ends:
        query = (
            select(table.c.org, table.c.flow, table.c[column])
            .where(table.c.org.in_({row.org for row in rows}), table.c.flow.in_([row.id for row in rows]))
            .order_by(table.c.org, table.c.flow, table.c.position)
        )
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for org, flow, id in self._connection.execute(query):
            found[org, flow].append(id)
        return found
