"""Alerts: the owners of a project are told, by webhook, which of its runs failed."""

from collections.abc import Mapping
from html import escape
from typing import Any

from towpath.core.records import Connection, Event, Flow, Run, RunStatus
from towpath.core.repositories import UnitOfWork
from towpath.services import events
from towpath.services.numbering import Kind

#: The connection that says where a project's alerts go; its role keeps it out of all lists of sources and
#: destinations.
NAME = ROLE = "alerts"
CONNECTOR = events.CONNECTOR

#: What may become of a run: ``run.failed``.
FAILED = "failed"
#: Chats show one line.
_LONGEST_TEXT = 500


def receiver(work: UnitOfWork, org: str, project: str) -> Connection | None:
    """Where alerts of the project are sent; None while nobody wants them."""
    return work.connections.find(org, project=project, role=ROLE, name=NAME, deleted_at=None)


def run_ended(work: UnitOfWork, run: Run) -> None:
    """Store the event of a run that failed, in the unit of work that makes it final.

    There is exactly one for each: it has the run's own number for its id. Runs of flows without a project go
    to the organization's receiver.
    """
    if run.status is not RunStatus.FAILED:
        return
    flow = work.flows.find(run.org, id=run.flow)
    if flow is None:
        return
    told = receiver(work, run.org, flow.project) if flow.project else events.receiver(work, run.org)
    id = f"evt_{run.id.partition('_')[2]}"
    if told is None or work.events.find(run.org, id=id):
        return
    target = told.id if flow.project else None
    body = _body(work, flow, run)
    work.events.add(run.org, Event(org=run.org, id=id, type=body["type"], body=body, connection=target))


def _body(work: UnitOfWork, flow: Flow, run: Run) -> dict[str, Any]:
    org, error = run.org, run.error or {}
    project = work.projects.get(org, flow.project).name if flow.project else None
    job = work.numbers.assign(org, Kind.FLOW, [flow.id])[flow.id]
    task = work.numbers.assign(org, Kind.RUN, [run.id])[run.id]
    ended = run.ended_at or run.updated_at
    return {
        "type": f"run.{FAILED}",
        "timestamp": ended.isoformat(),
        "text": text(flow.name, project, task, error),
        "data": {
            "project": project,
            "job": {"id": job, "name": flow.name},
            "task": {"id": str(task), "type": "clear" if run.clear else "sync"},
            "error": {name: str(error.get(name, "")) for name in ("code", "message", "hint")},
            "started_at": run.started_at.isoformat() if run.started_at else None,
            "ended_at": ended.isoformat(),
        },
    }


def text(job: str, project: str | None, task: int, error: Mapping[str, Any]) -> str:
    """What a chat shows: one line, in which nothing of what others wrote can mention people or make links."""
    where = f" of the project {project}" if project else ""
    line = f"The job {job!r}{where} failed (task {task}): {error.get('message') or 'nobody knows why.'}"
    return escape(" ".join(line.split())[:_LONGEST_TEXT], quote=False)
