"""What every piece of work of one worker has at hand."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from towpath.core.errors import ConfigError
from towpath.core.records import Export, Flow, Import, Run
from towpath.core.repositories import UnitOfWork
from towpath.engine.board import Board
from towpath.engine.books import Books
from towpath.engine.children import Nursery
from towpath.engine.diary import Diary
from towpath.engine.ends import Ended, unheard
from towpath.engine.holds import Holds
from towpath.engine.settings import EngineSettings, Resolve


@dataclass(frozen=True)
class Context:
    """The worker, as the work sees it."""

    worker: str
    books: Books
    resolve: Resolve
    settings: EngineSettings
    nursery: Nursery
    stopping: threading.Event
    diary: Diary
    board: Board
    slots: threading.BoundedSemaphore
    ended: Ended = unheard
    holds: Holds = field(default_factory=Holds)
    attempts: set[str] = field(default_factory=set)
    """Ids of the attempts that threads of this worker watch over."""

    def ends(self, org: str, connections: Mapping[str, str]) -> dict[str, Any]:
        """The part of a task that says which connectors to open for which role, with their secrets.
        # Invariant 8
        """
        opened = {role: self._end(org, connection) for role, connection in connections.items()}
        return {"registry": self.settings.registry, **opened}

    def _end(self, org: str, connection: str) -> Mapping[str, Any]:
        connector, config = self.resolve(org, connection)
        return {"connector": connector, "config": config}


@dataclass(frozen=True)
class Outline:
    """A run with what it is a run of."""

    run: Run
    flow: Flow
    exports: Sequence[Export]
    imports: Sequence[Import]

    @property
    def export(self) -> Export:
        """The only one, of a flow that copies streams."""
        return self.exports[0]

    @property
    def imported(self) -> Import:
        return self.imports[0]

    def connections(self, *, reads: bool) -> dict[str, str]:
        """Ids of the connections by role; without the source's for what reads nothing."""
        source = {"source": self.export.connection} if reads else {}
        return {**source, "destination": self.imported.connection}

    @property
    def unwanted(self) -> bool:
        """Nothing more of the run should be started."""
        return self.run.cancel_requested or self.run.status.final


def outline(work: UnitOfWork, org: str, run: str) -> Outline:
    """Raises `NotFoundError` if a part of the flow is missing, `ConfigError` if its shape is a wrong one."""
    found = work.runs.get(org, run)
    flow = work.flows.get(org, found.flow)
    if flow.pipeline is None and (len(flow.exports) != 1 or len(flow.imports) != 1):
        raise ConfigError(
            "flow.shape",
            f"The flow {flow.name!r} has {len(flow.exports)} exports and {len(flow.imports)} imports.",
            hint="A flow that copies streams has exactly one of each: make one flow per pair.",
        )
    exports = [work.exports.get(org, id) for id in flow.exports]
    return Outline(found, flow, exports, [work.imports.get(org, id) for id in flow.imports])
