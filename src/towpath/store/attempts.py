"""Tries of pieces of work, and the processes that make them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select, update

from towpath.core.records import Attempt, Worker, now
from towpath.store import tables
from towpath.store.repository import SqlRepository
from towpath.store.upsert import upsert


class SqlAttempts:
    """Tries of pieces of work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = SqlRepository(connection, tables.attempts, Attempt)

    def begin(self, org: str, run: str, task: str, worker: str) -> Attempt:
        return self._rows.add(org, Attempt(org=org, run=run, task=task, worker=worker))

    def end(self, org: str, id: str, outcome: str, error: Mapping[str, Any] | None = None) -> None:
        attempts, at = tables.attempts.c, now()
        going_on = update(tables.attempts).where(
            attempts.org == org, attempts.id == id, attempts.ended_at.is_(None)
        )
        values = {"outcome": outcome, "error": error, "ended_at": at, "updated_at": at}
        if not self._connection.execute(going_on.values(values)).rowcount:
            self._rows.get(org, id)

    def list(self, org: str, run: str, task: str | None = None) -> Sequence[Attempt]:
        chosen: dict[str, Any] = {} if task is None else {"task": task}
        return self._rows.list(org, run=run, **chosen)

    def live(self, org: str, run: str, within: timedelta) -> Sequence[Attempt]:
        beating = {worker.id for worker in SqlWorkers(self._connection).alive(within)}
        return self._rows.list(org, run=run, ended_at=None, worker=beating)


class SqlWorkers:
    """Processes that run slices. Their clocks are compared: machines of a cluster keep theirs in step."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def beat(self, worker: Worker) -> None:
        values = {"id": worker.id, "host": worker.host, "pid": worker.pid, "beat_at": worker.beat_at}
        self._connection.execute(upsert(self._connection, tables.workers, values))

    def alive(self, within: timedelta) -> Sequence[Worker]:
        workers = tables.workers
        query = select(workers).where(workers.c.beat_at >= now() - within).order_by(workers.c.id)
        return [Worker(**row) for row in self._connection.execute(query).mappings()]

    def forget(self, before: datetime) -> None:
        self._connection.execute(delete(tables.workers).where(tables.workers.c.beat_at < before))
