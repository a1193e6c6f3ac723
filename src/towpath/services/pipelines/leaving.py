"""The end of an integration that is an app: what the app made for it goes with it."""

from collections.abc import Iterable
from typing import Any

from towpath.core.ids import as_object_id
from towpath.core.records import Integration
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases, audit
from towpath.services.pipelines.ends import DOCUMENT
from towpath.services.pipelines.exports import Exports
from towpath.services.pipelines.flows import PipelineFlows
from towpath.services.pipelines.imports import Imports
from towpath.services.removal import remove


def leave(cases: UseCases, org: str, id: str) -> None:
    """Remove the integration, and what carries its id and the app's. What else refers to one of these keeps
    it, and all that is left: raises `ConflictError`.
    """
    with cases.rooms.store.read() as work:
        row = work.integrations.get(org, id)
        flows = _own(work.flows.list(org, integration=id), row)
        exports, imports = _own(work.exports.list(org), row), _own(work.imports.list(org), row)
        connections = _own(work.connections.list(org, deleted_at=None), row)
    for flow in flows:
        PipelineFlows(cases.rooms, cases.actor).delete(org, flow)
    for export in exports:
        Exports(cases.rooms, cases.actor).delete(org, export)
    for one in imports:
        Imports(cases.rooms, cases.actor).delete(org, one)
    for connection in connections:
        _remove(cases, org, connection)
    with cases.rooms.store.begin() as work:
        work.integrations.delete(org, id)
        work.values.remove(org, id)
        audit(work, org, cases.actor, "integration.uninstall", id, name=row.name)


def _remove(cases: UseCases, org: str, connection: str) -> None:
    def choose(work: UnitOfWork) -> Any:
        return work.connections.get(org, connection)

    remove(cases, org, choose)


def _own(rows: Iterable[Any], integration: Integration) -> list[str]:
    """Ids of those that the app made for the integration."""
    app = integration.metadata.get(DOCUMENT, {}).get("_connectorId")
    documents = ((row.id, row.metadata.get(DOCUMENT, {})) for row in rows)
    return [
        id
        for id, document in documents
        if document.get("_integrationId") == as_object_id(integration.id)
        and document.get("_connectorId") == app
    ]
