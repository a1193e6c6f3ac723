"""Integrations of the records lane: groups of flows that were made one by one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from towpath.core.errors import ConflictError
from towpath.core.ids import new_id
from towpath.core.records import Integration
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases, audit
from towpath.services.pipelines import mentions
from towpath.services.pipelines.changes import changes
from towpath.services.pipelines.drafts import Mention
from towpath.services.pipelines.ends import DOCUMENT
from towpath.services.pipelines.faults import Faults
from towpath.services.pipelines.steps import free_name

#: Where an integration keeps the ids of the connections that are registered with it.
_REGISTERED = "connections"

Revise = Callable[[Integration], tuple[str, Mapping[str, Any]]]


class Groups(UseCases):
    """The use cases of integrations as names for groups of flows."""

    def create(self, org: str, name: str, document: Mapping[str, Any]) -> Integration:
        with self.rooms.store.begin() as work:
            id = new_id("int")
            unique = free_name(work.integrations, org, id, name)
            row = Integration(id=id, org=org, name=unique, metadata={DOCUMENT: dict(document)})
            work.integrations.add(org, row)
            audit(work, org, self.actor, "integration.create", id, name=unique)
            return row

    def update(self, org: str, id: str, revise: Revise) -> Integration:
        """What ``revise`` raises changes nothing."""
        with self.rooms.store.begin() as work:
            before = work.integrations.update(org, id)
            name, document = revise(before)
            metadata = {**before.metadata, DOCUMENT: dict(document)}
            found = changes(before.metadata.get(DOCUMENT, {}), document)
            audit(work, org, self.actor, "integration.update", id, changes=found)
            return work.integrations.update(
                org, id, name=free_name(work.integrations, org, id, name), metadata=metadata
            )

    def delete(self, org: str, id: str) -> Integration:
        """Raises `ConflictError` (``integration.in_use``) while it has flows, or a source of its own."""
        with self.rooms.store.begin() as work:
            row = work.integrations.get(org, id)
            flows = work.flows.list(org, integration=id, limit=1)
            if flows or row.connection is not None:
                why = f"it has the flow {flows[0].name!r}" if flows else "it has a source of its own"
                raise ConflictError(
                    "integration.in_use",
                    f"The integration {row.name!r} is in use: {why}.",
                    hint="Delete its flows first.",
                    integration=row.name,
                )
            work.integrations.delete(org, id)
            audit(work, org, self.actor, "integration.delete", id, name=row.name)
            return row

    def get(self, org: str, id: str) -> Integration:
        with self.rooms.store.read() as work:
            return work.integrations.get(org, id)

    def list(self, org: str) -> Sequence[Integration]:
        with self.rooms.store.read() as work:
            return work.integrations.list(org)

    def register(self, org: str, id: str, connections: Sequence[str]) -> None:
        """Raises `ConfigError` (``request.invalid``) for one that is not there."""
        with self.rooms.store.begin() as work:
            faults = Faults()
            wanted = [Mention(field=str(n), kind="connection", id=key) for n, key in enumerate(connections)]
            mentions.check(work, org, wanted, faults)
            faults.raise_any()
            self._registered(work, org, id, lambda known: [*known, *connections])

    def unregister(self, org: str, id: str, connection: str) -> None:
        with self.rooms.store.begin() as work:
            self._registered(work, org, id, lambda known: [one for one in known if one != connection])

    def _registered(
        self, work: UnitOfWork, org: str, id: str, change: Callable[[Sequence[str]], Sequence[str]]
    ) -> None:
        row = work.integrations.update(org, id)
        known = list(dict.fromkeys(change(row.metadata.get(_REGISTERED, []))))
        work.integrations.update(org, id, metadata={**row.metadata, _REGISTERED: known})
        audit(work, org, self.actor, "integration.update", id, fields=["connections"])


def steps_of(work: UnitOfWork, org: str, id: str, shown: str, kind: str) -> Sequence[Any]:
    """The exports or imports that name the integration, which is called ``shown`` in documents, and those of
    its flows.
    """
    used = {step for flow in work.flows.list(org, integration=id) for step in getattr(flow, kind)}
    rows: Any = getattr(work, kind)
    return [
        row
        for row in rows.list(org)
        if row.id in used or row.metadata.get(DOCUMENT, {}).get("_integrationId") == shown
    ]


def connections_of(work: UnitOfWork, org: str, id: str, shown: str) -> Sequence[str]:
    """Ids of the connections that are registered with it, and of those that its steps use."""
    known = list(work.integrations.get(org, id).metadata.get(_REGISTERED, []))
    for kind in ("exports", "imports"):
        known += [row.connection for row in steps_of(work, org, id, shown, kind)]
    return [key for key in dict.fromkeys(known) if mentions.connection(work, org, key) is not None]
