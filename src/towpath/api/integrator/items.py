"""Resources that are kept as they were sent, and nothing more: templates, scripts, lookup caches …"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.api.integrator.auth import Caller
from towpath.api.integrator.documents import Document, own, times
from towpath.api.integrator.errors import Refused, required
from towpath.api.integrator.ids import shown
from towpath.api.integrator.resources import Change
from towpath.core.errors import ConflictError, NotFoundError
from towpath.core.records import Item
from towpath.core.repositories import UnitOfWork
from towpath.services.context import audit
from towpath.services.pipelines.changes import changes
from towpath.services.pipelines.ends import DOCUMENT
from towpath.services.pipelines.masking import masked


@dataclass(frozen=True)
class Kind:
    """One kind of them."""

    name: str
    """Of the row: ``lookup_cache``."""
    required: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    """Fields that only the answer about one of them has."""


class Items:
    """All of one kind."""

    def __init__(self, caller: Caller, kind: Kind) -> None:
        self._caller, self._org, self._kind = caller, caller.org, kind

    def list(self, limit: int) -> Sequence[Document]:
        with self._caller.rooms.store.read() as work:
            rows = work.items.list(self._org, kind=self._kind.name, limit=limit)
        hidden = self._kind.single
        return [{name: value for name, value in _shown(row).items() if name not in hidden} for row in rows]

    def get(self, id: str) -> Document:
        with self._caller.rooms.store.read() as work:
            return _shown(self.find(work, id))

    def create(self, document: dict[str, Any]) -> Document:
        kept = self._checked(document)
        row = Item(org=self._org, kind=self._kind.name, name=str(kept.get("name") or ""), document=kept)
        with self._caller.rooms.store.begin() as work:
            work.items.add(self._org, row)
            self._tell(work, "create", row, name=row.name)
        return _shown(row)

    def change(self, id: str, how: Change) -> Document:
        with self._caller.rooms.store.begin() as work:
            before = work.items.update(self._org, self.find(work, id).id)
            kept = self._checked(how(_shown(before)))
            row = work.items.update(self._org, id, name=str(kept.get("name") or ""), document=kept)
            self._tell(work, "update", row, changes=changes(_shown(before), _shown(row)))
        return _shown(row)

    def delete(self, id: str) -> None:
        with self._caller.rooms.store.begin() as work:
            row = self.find(work, id)
            for kind, users in _users(work, self._org, id).items():
                raise ConflictError(
                    "item.in_use",
                    f"It is used by {kind}: {users[0].name!r}.",
                    hint="Look at its dependencies, and remove them first.",
                )
            work.items.delete(self._org, id)
            work.values.remove(self._org, id)
            self._tell(work, "delete", row, name=row.name)

    def dependencies(self, id: str) -> Document:
        """What names it, by kind of resource."""
        with self._caller.rooms.store.read() as work:
            self.find(work, id)
            users = _users(work, self._org, id)
        return {
            kind: [{"id": shown(row.id), "name": row.name} for row in rows] for kind, rows in users.items()
        }

    def find(self, work: UnitOfWork, id: str) -> Item:
        """Raises `NotFoundError`."""
        row = work.items.find(self._org, id=id, kind=self._kind.name)
        if row is None:
            raise NotFoundError("resource.not_found", "There is no such resource.", hint="Check the _id.")
        return row

    def _checked(self, document: Document) -> dict[str, Any]:
        kept = own(document)
        faults = [required(name) for name in self._kind.required if kept.get(name) in (None, "")]
        if faults:
            raise Refused(*faults)
        # Nothing of these is for anybody's eyes alone; what looks like a secret does not stay. # Invariant 8
        return masked(kept)

    def _tell(self, work: UnitOfWork, what: str, row: Item, **detail: Any) -> None:
        audit(work, self._org, self._caller.actor, f"{self._kind.name}.{what}", row.id, **detail)


def _users(work: UnitOfWork, org: str, id: str) -> dict[str, list[Any]]:
    """Whose documents name it; only kinds that have any."""
    kinds = {"exports": work.exports, "imports": work.imports, "flows": work.flows}
    digits = shown(id)
    found = {
        kind: [row for row in rows.list(org) if digits in json.dumps(row.metadata.get(DOCUMENT))]  # type: ignore[attr-defined] # of several kinds
        for kind, rows in kinds.items()
    }
    return {kind: rows for kind, rows in found.items() if rows}


def _shown(row: Item) -> dict[str, Any]:
    return {"_id": shown(row.id), **row.document, **times(row)}


def items(kind: Kind) -> Callable[[Caller], Items]:
    """The keeper of the kind."""
    return lambda caller: Items(caller, kind)
