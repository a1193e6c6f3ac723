"""Jobs of a console's project with a past, written straight into the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from support.api import Api
from towpath.core.flows import ExportSpec, ImportSpec
from towpath.core.records import (
    Connection,
    Counters,
    Export,
    Flow,
    Import,
    Level,
    LogLine,
    Project,
    Run,
    RunStatus,
    RunStream,
    StreamStatus,
)
from towpath.core.repositories import UnitOfWork


@dataclass
class Job:
    """A flow and its number."""

    api: Api
    org: str
    project: str
    flow: str
    number: int

    @property
    def path(self) -> str:
        return f"/api/v1/project/{self.project}/jobs/{self.number}"

    def run(self, status: RunStatus = RunStatus.QUEUED, error: Any = None, **fields: Any) -> str:
        """Id of a new run that has come so far."""
        with self.api.container.store.begin() as work:
            run = work.runs.add(self.org, Run(org=self.org, flow=self.flow, **fields))
            if status is not RunStatus.QUEUED:
                work.runs.claim(self.org, run.id)
            if status.final:
                work.runs.finish(self.org, run.id, status, error)
        return run.id

    def stream(self, run: str, name: str = "orders", **fields: Any) -> None:
        """A stream of the run, running unless told otherwise."""
        row = RunStream(
            **{
                "org": self.org,
                "run": run,
                "stream": name,
                "status": StreamStatus.RUNNING,
                "selection": {},
                "target": {},
                **fields,
            }
        )
        with self.api.container.store.begin() as work:
            work.streams.save_plan(self.org, row, [])

    def progress(self, run: str, name: str = "orders", rate: float = 1.0, **counters: int) -> None:
        with self.api.container.store.begin() as work:
            work.streams.update(self.org, run, name, counters=Counters(**counters), rows_per_second=rate)

    def log(self, run: str, *messages: str, level: Level = Level.INFO) -> None:
        lines = [LogLine(message=text, level=level, event="test", stream="orders") for text in messages]
        with self.api.container.store.begin() as work:
            work.log.append(self.org, run, lines)

    def finish(self, run: str, status: RunStatus, error: Any = None) -> None:
        with self.api.container.store.begin() as work:
            work.runs.finish(self.org, run, status, error)


def make_job(api: Api, org: str, project: str | None = "main", name: str = "nightly") -> Job:
    """A new job in the project, which is made if need be; without one the whole organization's."""
    with api.container.store.begin() as work:
        row = _project(work, org, project) if project else None
        shop, lake = (
            _connection(work, org, row, f"{name} {role}", role) for role in ("source", "destination")
        )
        export = work.exports.add(
            org, Export(org=org, name=name, connection=shop, spec=ExportSpec(), project=row)
        )
        into = work.imports.add(
            org, Import(org=org, name=name, connection=lake, spec=ImportSpec(), project=row)
        )
        flow = Flow(org=org, name=name, exports=(export.id,), imports=(into.id,), project=row)
        work.flows.add(org, flow)
        number = work.numbers.assign(org, "flow", [flow.id])[flow.id]
    return Job(api, org, project or "main", flow.id, number)


def _project(work: UnitOfWork, org: str, name: str) -> str:
    row = work.projects.find(org, name=name) or work.projects.add(org, Project(org=org, name=name))
    return row.id


def _connection(work: UnitOfWork, org: str, project: str | None, name: str, role: str) -> str:
    row = Connection(
        org=org, name=name, connector="sqlite", config={"path": "x.db"}, project=project, role=role
    )
    return work.connections.add(org, row).id


def messages(lines: Sequence[dict[str, Any]]) -> list[str]:
    return [line["message"] for line in lines]
