"""Looking at and changing where flows go on."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.core.records import SavedState
from towpath.services import flows
from towpath.services.context import UseCases, audit


class States(UseCases):
    """The use cases of saved states."""

    def list(self, org: str, flow: str) -> Sequence[SavedState]:
        with self.rooms.store.read() as work:
            return work.states.list(org, flows.find(work, org, flow).id)

    def get(self, org: str, flow: str, stream: str) -> SavedState:
        with self.rooms.store.read() as work:
            return work.states.get(org, flows.find(work, org, flow).id, stream)

    def set(self, org: str, flow: str, stream: str, state: Mapping[str, Any]) -> SavedState:
        """Begin a new generation that goes on from ``state``."""
        with self.rooms.store.begin() as work:
            row = flows.find(work, org, flow)
            audit(work, org, self.actor, "state.set", row.id, stream=stream)
            return work.states.reset(org, row.id, stream, state)

    def reset(self, org: str, flow: str, stream: str | None = None) -> Sequence[SavedState]:
        """Make the next run of the stream, or of all streams, read everything again."""
        with self.rooms.store.begin() as work:
            row = flows.find(work, org, flow)
            streams = [stream] if stream else [saved.stream for saved in work.states.list(org, row.id)]
            audit(work, org, self.actor, "state.reset", row.id, streams=streams)
            return [work.states.reset(org, row.id, name) for name in streams]
