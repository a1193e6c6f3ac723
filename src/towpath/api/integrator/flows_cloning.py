"""Copies of flows, with copies of their steps."""

from collections.abc import Mapping
from typing import Any

from towpath.api.integrator import flows_document
from towpath.api.integrator.auth import Caller
from towpath.api.integrator.documents import times
from towpath.api.integrator.errors import Fault, Refused
from towpath.api.integrator.exports import exports
from towpath.api.integrator.ids import ours
from towpath.api.integrator.ids import shown as shown_id
from towpath.api.integrator.imports import imports
from towpath.core.errors import NotFoundError
from towpath.core.records import Flow
from towpath.services.pipelines.flows import PipelineFlows
from towpath.services.pipelines.mentions import connection

#: Fields of a document that name one step, several at once, or one of what stands around.
_IDS = ("_exportId", "_importId", "_integrationId")


class Cloning:
    """Makes copies, and remembers of what: a step that several flows have is copied once."""

    def __init__(self, caller: Caller, connections: Mapping[str, str]) -> None:
        self._caller = caller
        self._connections = connections
        self._copies: dict[str, str] = {}
        """Ids of copies, by those of what they are copies of; as they are shown."""
        self._made: list[dict[str, str]] = []
        self._check()

    def flow(self, row: Flow, name: Any = None, integration: str | None = None) -> list[dict[str, str]]:
        """Copy the flow; all that was copied so far."""
        for keeper, model, steps in (
            (exports(self._caller), "Export", row.exports),
            (imports(self._caller), "Import", row.imports),
        ):
            for step in steps:
                self._step(keeper, model, step)
        now = {**flows_document.shown(row), **times(row)}
        copy = {**self._renamed(now), "name": name or f"Clone - {row.name}", "disabled": True}
        if integration:
            copy["_integrationId"] = integration
        copy.pop("_connectorId", None)
        made = PipelineFlows(*self._caller.use).create(self._caller.org, flows_document.draft(copy))
        self._tell("Flow", shown_id(made.id))
        return self._made

    def integration(self, old: str, new: str) -> None:
        """The copies belong to another integration from now on."""
        self._copies[old] = new
        self._tell("Integration", new)

    def _step(self, keeper: Any, model: str, step: str) -> None:
        old = shown_id(step)
        if old in self._copies:
            return
        copy = keeper.clone(step, {"connectionMap": self._connections})
        new = str(copy["_id"])
        integration = self._copies.get(str(copy.get("_integrationId")))
        if integration:
            keeper.change(ours(f"{model.lower()}s", new), lambda now: {**now, "_integrationId": integration})
        self._copies[old] = new
        self._tell(model, new)

    def _tell(self, model: str, id: str) -> None:
        self._made.append({"model": model, "_id": id})

    def _renamed(self, value: Any) -> Any:
        """The document with the ids of copies."""
        if isinstance(value, Mapping):
            return {
                key: self._copies.get(str(item), item) if key in _IDS else self._renamed(item)
                for key, item in value.items()
            }
        return [self._renamed(item) for item in value] if isinstance(value, list) else value

    def _check(self) -> None:
        """Raises `Refused` (``invalid_connectionMap``) for a connection that is not there."""
        with self._caller.rooms.store.read() as work:
            for digits in self._connections.values():
                try:
                    found = connection(work, self._caller.org, ours("connections", digits))
                except NotFoundError:
                    found = None
                if found is None:
                    told = f"There is no connection {digits}."
                    raise Refused(Fault("invalid_connectionMap", told, "connectionMap"))
