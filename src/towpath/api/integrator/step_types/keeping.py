"""The keeper of exports and imports: what both have in common."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from towpath.api.integrator.auth import Caller
from towpath.api.integrator.documents import Document, times
from towpath.api.integrator.errors import Refused, invalid
from towpath.api.integrator.ids import Reference, referred
from towpath.api.integrator.ids import shown as shown_id
from towpath.api.integrator.resources import Change
from towpath.core.flows import ExportSpec, ImportSpec
from towpath.core.records import Export, Import
from towpath.services.pipelines.drafts import StepDraft
from towpath.services.pipelines.identifiers import identifiers
from towpath.services.pipelines.steps import Steps
from towpath.services.pipelines.using import flows_with

R = TypeVar("R", Export, Import)
S = TypeVar("S", ExportSpec, ImportSpec)

#: What stands beside the document: the part of a step that lies within its system.
DISTRIBUTED = "distributed"


class StepKeeper(Generic[R, S]):
    """All exports, or all imports, of one caller."""

    def __init__(
        self,
        caller: Caller,
        steps: Steps[R, S],
        draft: Callable[[Mapping[str, Any]], StepDraft[S]],
        document: Callable[[R, str], dict[str, Any]],
    ) -> None:
        self.caller = caller
        self.org = caller.org
        self.steps: Steps[R, S] = steps
        self.draft: Callable[[Mapping[str, Any]], StepDraft[S]] = draft
        self._document: Callable[[R, str], dict[str, Any]] = document

    def list(self, limit: int) -> Sequence[Document]:
        rows = self.steps.list(self.org) if self.caller.app else self.steps.list(self.org, limit=limit)
        return self.shown([row for row in rows if self.sees(row)][:limit])

    def sees(self, row: R) -> bool:
        """Whether the row is one of those that the caller's app has, if it is an app's."""
        app = self.caller.app
        document: Mapping[str, Any] = row.metadata.get("integrator", {})
        return app is None or document.get("_connectorId") == shown_id(app)

    def get(self, id: str) -> Document:
        return self.shown([self.steps.get(self.org, id)])[0]

    def create(self, document: dict[str, Any], like: str | None = None) -> Document:
        """``like``: the one that it is a copy of."""
        return self.shown([self.steps.create(self.org, self.draft(document), like)])[0]

    def change(self, id: str, how: Change) -> Document:
        self.steps.get(self.org, id)
        identifier = self._identifiers([id])[id]

        def revise(row: R) -> StepDraft[S]:
            now = self._whole(row, identifier)
            made: StepDraft[S] = self.draft(still_owned(now, how(now)))
            return made

        return self.shown([self.steps.update(self.org, id, revise)])[0]

    def delete(self, id: str) -> None:
        self.steps.delete(self.org, id)

    def dependencies(self, id: str) -> Document:
        """What uses it."""
        self.steps.get(self.org, id)
        with self.caller.rooms.store.read() as work:
            flows = flows_with(work, self.org, [id])
        return {"flows": [{"_id": shown_id(flow.id), "name": flow.name} for flow in flows]} if flows else {}

    def clone(self, id: str, asked: dict[str, Any]) -> Document:
        """A copy: ``name``, and ``connectionMap`` from the connections of now to those of the copy."""
        now = self.get(id)
        name = asked.get("name") or f"Clone - {now.get('name', '')}".rstrip(" -")
        mapped = {**now, "name": name, **_mapped(now, connection_map(asked))}
        return self.create({key: value for key, value in mapped.items() if key != "_connectorId"}, id)

    def replace_connection(self, id: str, given: Document) -> Document:
        """Use another connection: ``_newConnectionId``."""
        digits = given.get("_newConnectionId")
        referred(Reference("_newConnectionId", "connections"), digits)
        return self.change(id, lambda now: {**now, "_connectionId": digits})

    def distributed(self, id: str) -> Document:
        found: Document = self.steps.get(self.org, id).metadata.get(DISTRIBUTED, {})
        return found

    def distribute(self, id: str, given: Document) -> Document:
        self.steps.annotate(self.org, id, DISTRIBUTED, dict(given))
        return given

    def shown(self, rows: Sequence[R]) -> Sequence[Document]:
        known = self._identifiers([row.id for row in rows])
        return [self._whole(row, known[row.id]) for row in rows]

    def _whole(self, row: R, identifier: str) -> dict[str, Any]:
        return {**self._document(row, identifier), **times(row)}

    def _identifiers(self, ids: Sequence[str]) -> dict[str, str]:
        return identifiers(self.caller.rooms, self.org, self.steps.kind, ids)


def connection_map(asked: Mapping[str, Any]) -> Mapping[str, str]:
    """``connectionMap`` of a request to clone, checked as far as that goes without a look."""
    found = asked.get("connectionMap") or {}
    if not isinstance(found, Mapping):
        raise Refused(invalid("connectionMap", "It is an object: ids of connections by ids of connections."))
    for old, new in found.items():
        for digits in (old, new):
            referred(Reference("connectionMap", "connections"), digits)
    return {str(old): str(new) for old, new in found.items()}


def _mapped(document: Mapping[str, Any], connections: Mapping[str, str]) -> dict[str, str]:
    new = connections.get(str(document.get("_connectionId")))
    return {"_connectionId": new} if new else {}


def still_owned(before: Mapping[str, Any], after: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an app has made stays the app's."""
    owner = before.get("_connectorId")
    return {**after, "_connectorId": owner} if owner else after
