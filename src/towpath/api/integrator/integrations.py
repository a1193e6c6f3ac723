"""``/integrations``: named groups of flows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import Depends
from starlette.responses import Response

from towpath.api.integrator.auth import Caller, reads, writes
from towpath.api.integrator.connections_keeper import ConnectionKeeper
from towpath.api.integrator.documents import BODY_LIST, Document, GivenList, own, times
from towpath.api.integrator.errors import Refused, invalid, required
from towpath.api.integrator.exports import exports
from towpath.api.integrator.flows import FlowKeeper
from towpath.api.integrator.flows_cloning import Cloning
from towpath.api.integrator.ids import Reference, ours, referred
from towpath.api.integrator.ids import shown as shown_id
from towpath.api.integrator.imports import imports
from towpath.api.integrator.listing import Asked
from towpath.api.integrator.resources import Change, Resource, add_resource
from towpath.api.integrator.step_types.keeping import connection_map, still_owned
from towpath.api.kit.routing import Router
from towpath.core.records import Integration
from towpath.services.pipelines.groups import Groups, connections_of, steps_of

router = Router(prefix="/v1", tags=["Integrations"])

PATCHABLE = ("/name", "/description", "/readme", "/settings", "/tag", "/version", "/mode", "/flowGroupings",
             "/install", "/updateInProgress", "/aliases")  # fmt: skip


class IntegrationKeeper:
    """All integrations of one caller."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.org = caller.org
        self.groups = Groups(*caller.use)

    def list(self, limit: int) -> Sequence[Document]:
        rows = self.groups.list(self.org)
        return [_shown(row) for row in rows if self._sees(row)][:limit]

    def get(self, id: str) -> Document:
        return _shown(self.groups.get(self.org, id))

    def create(self, document: dict[str, Any]) -> Document:
        kept = _checked(document)
        return _shown(self.groups.create(self.org, str(kept["name"]), kept))

    def change(self, id: str, how: Change) -> Document:
        def revise(row: Integration) -> tuple[str, Mapping[str, Any]]:
            now = _shown(row)
            kept = _checked(still_owned(now, how(now)))
            return str(kept["name"]), kept

        return _shown(self.groups.update(self.org, id, revise))

    def delete(self, id: str) -> None:
        self.groups.delete(self.org, id)

    def dependencies(self, id: str) -> Document:
        self.groups.get(self.org, id)
        found = FlowKeeper(self.caller).flows.list(self.org, integration=id)
        return {"flows": [{"_id": shown_id(flow.id), "name": flow.name} for flow in found]} if found else {}

    def clone(self, id: str, asked: dict[str, Any]) -> Any:
        """All that was copied: ``[{"model", "_id"}]``, the integration first."""
        row = self.groups.get(self.org, id)
        copying = Cloning(self.caller, connection_map(asked))
        name = asked.get("name") or f"Clone - {row.name}"
        kept = {key: item for key, item in _shown(row).items() if key != "_connectorId"}
        copy = self.create({**kept, "name": name})
        copying.integration(shown_id(id), str(copy["_id"]))
        made: list[dict[str, str]] = [{"model": "Integration", "_id": str(copy["_id"])}]
        for flow in FlowKeeper(self.caller).flows.list(self.org, integration=id):
            made = copying.flow(flow, flow.name, str(copy["_id"]))
        return made

    def _sees(self, row: Integration) -> bool:
        app = self.caller.app
        document: Mapping[str, Any] = row.metadata.get("integrator", {})
        return app is None or document.get("_connectorId") == shown_id(app)


def _shown(row: Integration) -> dict[str, Any]:
    kept: Mapping[str, Any] = row.metadata.get("integrator", {})
    found = {"description": row.summary, **kept} if row.summary else dict(kept)
    return {"_id": shown_id(row.id), **found, "name": kept.get("name") or row.name, **times(row)}


def _checked(document: Document) -> dict[str, Any]:
    kept = own(document)
    if not isinstance(kept.get("name"), str) or not kept["name"]:
        raise Refused(required("name") if not kept.get("name") else invalid("name", "It is a text."))
    return kept


add_resource(
    router,
    Resource(
        "integrations", "integration", IntegrationKeeper, patchable=PATCHABLE, dependencies=True, clones=True
    ),
)

Reading = Annotated[Caller, Depends(reads("integrations"))]
Writing = Annotated[Caller, Depends(writes("integrations"))]


@router.get("/integrations/{id}/flows", summary="Flows of the integration")
def flows_of_integration(caller: Reading, id: str, asked: Asked) -> Response:
    """The oldest first."""
    key = _known(caller, id)
    keeper = FlowKeeper(caller)
    return asked.answer(keeper.shown(keeper.flows.list(caller.org, integration=key, limit=asked.needed)))


@router.get("/integrations/{id}/exports", summary="Exports of the integration")
def exports_of_integration(caller: Reading, id: str, asked: Asked) -> Response:
    """Those that name it, and those of its flows."""
    return asked.answer(_steps(caller, id, "exports", exports))


@router.get("/integrations/{id}/imports", summary="Imports of the integration")
def imports_of_integration(caller: Reading, id: str, asked: Asked) -> Response:
    """Those that name it, and those of its flows."""
    return asked.answer(_steps(caller, id, "imports", imports))


def _steps(caller: Caller, digits: str, kind: str, keeper: Callable[[Caller], Any]) -> Sequence[Document]:
    id = _known(caller, digits)
    keeping = keeper(caller)
    with caller.rooms.store.read() as work:
        wanted = steps_of(work, caller.org, id, shown_id(id), kind)
    found: Sequence[Document] = keeping.shown(wanted)
    return found


@router.get("/integrations/{id}/connections", summary="Connections of the integration")
def connections_of_integration(caller: Reading, id: str, asked: Asked) -> Response:
    """Those that are registered with it, and those that its steps use."""
    key = _known(caller, id)
    with caller.rooms.store.read() as work:
        wanted = connections_of(work, caller.org, key, shown_id(key))
    keeper = ConnectionKeeper(caller)
    return asked.answer([keeper.get(connection) for connection in wanted])


@router.put(
    "/integrations/{id}/connections/register", summary="Register connections", openapi_extra=BODY_LIST
)
def register_connections(caller: Writing, id: str, given: GivenList) -> Response:
    """The body is a list of the `_id`s of connections."""
    key = _known(caller, id)
    ids = [referred(Reference(str(number), "connections"), digits) for number, digits in enumerate(given)]
    Groups(*caller.use).register(caller.org, key, ids)
    return Response(status_code=204)


@router.delete(
    "/integrations/{id}/connections/{connection}/register", status_code=204, summary="Unregister a connection"
)
def unregister_connection(caller: Writing, id: str, connection: str) -> None:
    Groups(*caller.use).unregister(caller.org, _known(caller, id), ours("connections", connection))


def _known(caller: Caller, digits: str) -> str:
    id = ours("integrations", digits)
    Groups(*caller.use).get(caller.org, id)
    return id
