"""How integrations stand: what they are made of, and what their latest runs say."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from towpath.core.flows import Every
from towpath.core.records import Connection, Counters, Flow, Integration, Run, RunStatus
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases
from towpath.services.partners import integrations
from towpath.services.partners.flows import key_of

_OVER = [status for status in RunStatus if status.final]
#: Of these tell how an integration does: to cancel a run is somebody's decision.
_TELLING = [RunStatus.SUCCEEDED, RunStatus.FAILED]


class Lifecycle(StrEnum):
    """Where an integration is in its life; worked out from its runs, never stored."""

    CREATION_STARTED = "CREATION_STARTED"
    """No run of any of its flows has come to its end yet."""
    ACTIVE = "ACTIVE"
    """The latest run of each of its flows went well."""
    FAILING = "FAILING"
    """The latest run of one of its flows failed."""


@dataclass(frozen=True)
class Standing:
    """An integration, its source, and how it does."""

    integration: Integration
    source: Connection
    lifecycle: Lifecycle


@dataclass(frozen=True)
class Part:
    """One flow of an integration."""

    flow: Flow
    destination: str
    """Id of the connection."""
    stream: str
    """Empty for everything."""
    every: int
    """Seconds between two starts."""
    table: str
    """What it writes; empty where every stream has its own name."""
    namespace: str | None
    run: Run | None
    """The newest of its runs that are over."""
    counters: Counters
    """Of that run."""


class Standings(UseCases):
    """Looking at integrations that own their source."""

    def list(self, org: str) -> list[Standing]:
        with self.rooms.store.read() as work:
            rows = [row for row in work.integrations.list(org) if row.connection]
            return [_standing(work, org, row) for row in rows]

    def get(self, org: str, id: str) -> tuple[Standing, Sequence[Part]]:
        """With its flows, in the order in which they were made."""
        with self.rooms.store.read() as work:
            row, _ = integrations.owned(work, org, id)
            flows = work.flows.list(org, integration=row.id)
            return _standing(work, org, row), [_part(work, org, flow) for flow in flows]


def _standing(work: UnitOfWork, org: str, row: Integration) -> Standing:
    latest = [
        run.status
        for flow in work.flows.list(org, integration=row.id)
        for run in work.runs.list(org, flow=flow.id, status=_TELLING, newest_first=True, limit=1)
    ]
    lifecycle = Lifecycle.CREATION_STARTED
    if latest:
        lifecycle = Lifecycle.FAILING if RunStatus.FAILED in latest else Lifecycle.ACTIVE
    return Standing(row, work.connections.get(org, row.connection or ""), lifecycle)


def _part(work: UnitOfWork, org: str, flow: Flow) -> Part:
    destination, stream = key_of(work, org, flow)
    spec = work.imports.get(org, flow.imports[0]).spec
    over = work.runs.list(org, flow=flow.id, status=_OVER, newest_first=True, limit=1)
    run = over[0] if over else None
    counted = [item.counters for item in work.streams.list(org, run.id)] if run else []
    return Part(
        flow=flow,
        destination=destination,
        stream=stream,
        every=int(flow.schedule.every) if isinstance(flow.schedule, Every) else 0,
        table=(spec.streams[0].target or stream) if spec.streams else "",
        namespace=spec.namespace,
        run=run,
        counters=sum(counted, Counters()),
    )
