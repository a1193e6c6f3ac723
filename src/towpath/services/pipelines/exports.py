"""Keeping exports of the records lane."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from towpath.core.flows import ExportSpec
from towpath.core.ids import as_object_id
from towpath.core.records import Export, now
from towpath.core.repositories import Repository, UnitOfWork
from towpath.services.connections import Connections
from towpath.services.pipelines.drafts import StepDraft
from towpath.services.pipelines.faults import Faults
from towpath.services.pipelines.steps import Steps
from towpath.services.secrets import sealing
from towpath.services.secrets.fields import MASK

#: The role of connections that are a listener's: its export's own, and nobody else's.
LISTENER = "listener"


class Exports(Steps[Export, ExportSpec]):
    """The use cases of exports."""

    kind = "export"

    def rows(self, work: UnitOfWork) -> Repository[Export]:
        return work.exports

    def new(self, **values: Any) -> Export:
        return Export(**values)

    def linked(
        self, work: UnitOfWork, org: str, id: str, draft: StepDraft[ExportSpec], before: Export | None
    ) -> str:
        own = before and work.connections.find(org, id=before.connection, role=LISTENER)
        if draft.listener is None:
            if own:
                self._forget(work, org, own.id)
            return super().linked(work, org, id, draft, before)
        keeping = Connections(self.rooms, self.actor)
        if own:
            return keeping.update_in(work, org, own, draft.listener).id
        _refuse_masks(draft.listener)
        name = f"listener {as_object_id(id)}"
        return keeping.create_in(work, org, name, LISTENER, draft.listener, role=LISTENER).id

    def filled(
        self, work: UnitOfWork, org: str, draft: StepDraft[ExportSpec], like: str | None
    ) -> StepDraft[ExportSpec]:
        if draft.listener is None or like is None:
            return draft
        known = sealing.reveal(self.rooms, work, org, work.exports.get(org, like).connection)
        own = {
            name: known[name].get_secret_value() if value == MASK and name in known else value
            for name, value in draft.listener.items()
        }
        return replace(draft, listener=own)

    def unlinked(self, work: UnitOfWork, org: str, row: Export) -> None:
        own = work.connections.find(org, id=row.connection, role=LISTENER)
        if own:
            self._forget(work, org, own.id)

    def _forget(self, work: UnitOfWork, org: str, connection: str) -> None:
        work.secrets.shred(org, connection)
        work.connections.update(org, connection, deleted_at=now())


def _refuse_masks(listener: Mapping[str, Any]) -> None:
    """Of a listener that is new, nothing is stored that a mask could stand for."""
    faults = Faults()
    for name, value in listener.items():
        if value == MASK:
            faults.required(f"webhook.{name}")
    faults.raise_any()
