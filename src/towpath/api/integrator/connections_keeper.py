"""Keeping connections: as documents outside, as settings of connectors inside."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from towpath.api.integrator.auth import Caller
from towpath.api.integrator.connection_types import TYPES, described
from towpath.api.integrator.connections_draft import COMPUTED, drafted, is_shown, masked_marks, refused
from towpath.api.integrator.documents import MASK, Document, iso, times
from towpath.api.integrator.ids import shown
from towpath.api.integrator.resources import Change
from towpath.core.errors import ConfigError, ConflictError, NotFoundError
from towpath.core.ids import new_id
from towpath.core.ports import AuthType
from towpath.core.records import Connection, ConnectionStatus
from towpath.core.repositories import UnitOfWork
from towpath.services.context import audit
from towpath.services.lending import credentials as lent
from towpath.services.pipelines.changes import changes
from towpath.services.pipelines.connecting import Connecting, document_of
from towpath.services.pipelines.waiting import waiting
from towpath.services.removal import remove

_MOVING = ("queues", *COMPUTED)


class ConnectionKeeper:
    """The organization's connections, wherever they were made."""

    def __init__(self, caller: Caller) -> None:
        self._caller, self._org = caller, caller.org
        self._cases = Connecting(*caller.use)

    def list(self, limit: int) -> Sequence[Document]:
        with self._caller.rooms.store.read() as work:
            sizes = waiting(work, self._org)
            rows = work.connections.list(self._org, customer=None, deleted_at=None)
            found = (document(row, sizes) for row in rows if is_shown(row))
            mine = (one for one in found if self._is_visible(one))
            return [one for one, _ in zip(mine, range(limit), strict=False)]

    def get(self, id: str) -> Document:
        with self._caller.rooms.store.read() as work:
            return document(self.find(work, id), waiting(work, self._org))

    def create(self, given: dict[str, Any]) -> Document:
        id = new_id("con")
        with self._cases.sealing() as work:
            draft, settings = drafted(self._caller.rooms, work, self._org, id, given, {})
            try:
                row = self._cases.create_in(work, self._org, id, draft)
            except ConfigError as error:
                raise refused(error, settings) from None
            return document(row, {})

    def change(self, id: str, how: Change) -> Document:
        with self._cases.sealing() as work:
            row = self.find(work, id)
            work.connections.update(self._org, id)
            sizes = waiting(work, self._org)
            before = document(row, sizes)
            known = self._cases.known(work, self._org, row)
            draft, settings = drafted(self._caller.rooms, work, self._org, id, how(before), known)
            try:
                changed = self._cases.update_in(work, self._org, row, draft)
            except ConfigError as error:
                raise refused(error, settings) from None
            after = document(changed, sizes)
            detail = [*changes(_still(before), _still(after)), *_secret_changes(known, draft.secrets)]
            audit(work, self._org, self._caller.actor, "connection.update", id, changes=detail)
            return after

    def delete(self, id: str) -> None:
        def choose(work: UnitOfWork) -> Connection:
            row = self.find(work, id)
            self._refuse_used(work, row)
            work.values.remove(self._org, id)
            work.debug_lines.remove(self._org, id)
            return row

        remove(self._cases, self._org, choose)

    def dependencies(self, id: str) -> Document:
        """What uses the connection, by kind of resource."""
        with self._caller.rooms.store.read() as work:
            self.find(work, id)
            users = self._users(work, id)
        at = {"connections": [shown(id)]}
        return {
            kind: [{"id": shown(row.id), "name": row.name, "dependencyIds": at} for row in rows]
            for kind, rows in users.items()
            if rows
        }

    def find(self, work: UnitOfWork, id: str) -> Connection:
        """Raises `NotFoundError`."""
        row = work.connections.find(self._org, id=id, deleted_at=None)
        if row is None or not is_shown(row):
            raise NotFoundError(
                "connection.not_found", "There is no such connection.", hint="List the connections.", id=id
            )
        return row

    def _users(self, work: UnitOfWork, id: str) -> dict[str, Sequence[Any]]:
        exports = work.exports.list(self._org, connection=id)
        imports = work.imports.list(self._org, connection=id)
        steps = {row.id for row in exports} | {row.id for row in imports}
        flows = work.flows.list(self._org) if steps else []
        return {
            "exports": exports,
            "imports": imports,
            "flows": [flow for flow in flows if steps & {*flow.exports, *flow.imports}],
            "connections": work.connections.list(self._org, lender=id, deleted_at=None),
        }

    def _refuse_used(self, work: UnitOfWork, row: Connection) -> None:
        for kind, rows in self._users(work, row.id).items():
            if rows:
                raise ConflictError(
                    "connection.in_use",
                    f"The connection {row.name!r} is used by {kind}: {rows[0].name!r}.",
                    hint="Look at its dependencies, and remove them first.",
                    connection=row.name,
                )

    def _is_visible(self, found: Document) -> bool:
        return self._caller.app is None or found.get("_connectorId") == shown(self._caller.app)


def document(row: Connection, sizes: Mapping[str, int]) -> dict[str, Any]:
    """The connection as it is shown; ``sizes`` are how many messages wait, by connection."""
    found = copy.deepcopy(document_of(row)) or _made_elsewhere(row)
    kind = TYPES.get(str(found.get("type")))
    part = found.get(kind.name) if kind else None
    if kind and isinstance(part, dict):
        for name in kind.lists:
            part.setdefault(name, [])
    if row.debug_until is not None:
        found["debugDate"] = iso(row.debug_until)
    if row.lender is not None:
        found["_borrowConcurrencyFromConnectionId"] = shown(row.lender)
    if row.auth is AuthType.OAUTH2:
        waits = (ConnectionStatus.PENDING, ConnectionStatus.EXPIRED)
        found["needsAuthorization"] = row.status in waits
    found["offline"] = row.status is not ConnectionStatus.ACTIVE
    if row.error:
        found["lastError"] = row.error
    found["queues"] = [{"name": shown(row.id), "size": sizes.get(row.id, 0)}]
    return {"_id": shown(row.id), **found, **times(row)}


def _made_elsewhere(row: Connection) -> dict[str, Any]:
    config = {} if lent.whole(row) else masked_marks(row.config)
    return {"name": row.name, **described(row.connector, config)}


def _still(found: Document) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in _MOVING}


def _secret_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """That secrets changed; not from what to what. # Invariant 8"""
    return [
        {
            "fieldPath": path,
            "oldValue": MASK if path in before else None,
            "newValue": MASK if path in after else None,
        }
        for path in sorted({*before, *after})
        if path in before and path in after and before[path] != after[path]
    ]
