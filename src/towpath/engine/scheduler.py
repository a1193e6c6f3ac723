"""Starting flows when they are due."""

import hashlib
from datetime import datetime

from towpath.core.ids import of_object_id
from towpath.core.records import Flow, Run, RunStatus
from towpath.core.repositories import UnitOfWork
from towpath.engine.books import Books
from towpath.engine.schedule import next_due

#: What follows the time in the part of an id that is not its checksum.
_RANDOM_BYTES = 6


def start_due(books: Books, at: datetime, minimum_interval: float) -> list[Run]:
    """Make a run of every flow that is due, and set when it is due next. Safe on many workers at once."""
    runs = []
    for flow in books.read(lambda work: work.flows.due(at)):
        run = books.write(lambda work, flow=flow: _start(work, flow, at, minimum_interval))  # type: ignore[misc]  # mypy does not see the default's type
        if run is not None:
            runs.append(run)
    return runs


def _start(work: UnitOfWork, flow: Flow, at: datetime, minimum_interval: float) -> Run | None:
    """None if another worker was faster, or a run of the flow is still waiting: one is enough."""
    due = flow.next_due
    if due is None:
        return None
    then = None if flow.schedule is None else next_due(flow.schedule, due, at, minimum_interval)
    if not work.flows.advance(flow.org, flow.id, due, then) or flow.schedule is None:
        return None
    if work.runs.list(flow.org, flow=flow.id, status=RunStatus.QUEUED, clear=False, limit=1):
        return None
    id = scheduled_id(flow.id, due)
    if work.runs.list(flow.org, id=id):
        return None
    return work.runs.add(flow.org, Run(org=flow.org, id=id, flow=flow.id, cause="schedule"))


def scheduled_id(flow: str, due: datetime) -> str:
    """The id of the run that is due then: always the same, and it sorts by time as all ids do."""
    digest = hashlib.sha256(f"{flow}@{due.timestamp()}".encode()).digest()
    return of_object_id("run", f"{int(due.timestamp() * 1000):012x}{digest[:_RANDOM_BYTES].hex()}")
