"""Flows, and where they go on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from towpath.core.records import Flow, SavedState
from towpath.core.repositories.base import Repository


class Flows(Repository[Flow], Protocol):
    """Flows and their due times."""

    def due(self, at: datetime, limit: int = 100) -> Sequence[Flow]:
        """Enabled flows of *all* organizations with ``next_due`` at or before ``at``, earliest first:
        for the scheduler, which acts for each flow's own organization.
        """
        ...

    def advance(self, org: str, id: str, seen: datetime, then: datetime | None) -> bool:
        """Set ``next_due`` to ``then`` if it still is ``seen``; False if another worker was faster."""
        ...


class States(Protocol):
    """Where flows go on. One row per (flow, stream)."""

    def get(self, org: str, flow: str, stream: str) -> SavedState:
        """The saved state; generation 0 and no state if there is none yet."""
        ...

    def list(self, org: str, flow: str) -> Sequence[SavedState]: ...

    def save(
        self,
        org: str,
        flow: str,
        stream: str,
        generation: int,
        state: Mapping[str, Any] | None,
        run: str,
    ) -> bool:
        """Remember a committed state; False, and no change, if the state was reset meanwhile."""
        ...

    def reset(self, org: str, flow: str, stream: str, state: Mapping[str, Any] | None = None) -> SavedState:
        """Begin a new generation that goes on from ``state`` (None: from the beginning)."""
        ...
