"""Keeping stacks: extension servers with functions of users' own."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from towpath.core.errors import ConflictError, NotFoundError
from towpath.core.ids import as_object_id, new_id
from towpath.core.records import Connection, now
from towpath.core.repositories import UnitOfWork
from towpath.services.connections import STACK, Connections, plain_config
from towpath.services.context import UseCases, audit
from towpath.services.pipelines.changes import changes
from towpath.services.pipelines.ends import DOCUMENT

_CONNECTOR = "extension"
_TOKEN_BYTES = 32


@dataclass(frozen=True)
class StackDraft:
    """A stack that shall be."""

    name: str
    config: Mapping[str, Any]
    """Of the connector. A server without a token keeps the one it has, or gets a new one."""
    document: Mapping[str, Any]
    """As the client wrote it, without secrets."""


class Stacks(UseCases):
    """The use cases of stacks."""

    def list(self, org: str, limit: int) -> Sequence[Connection]:
        """The first ones, the oldest first."""
        with self.rooms.store.read() as work:
            return work.connections.list(org, role=STACK, deleted_at=None, limit=limit)

    def get(self, org: str, id: str) -> Connection:
        with self.rooms.store.read() as work:
            return find(work, org, id)

    def create(self, org: str, draft: StackDraft) -> Connection:
        id = new_id("con")
        config = dict(draft.config)
        if config.get("server"):
            config["server"] = {"system_token": _new_token(), **config["server"]}
        with self.sealing() as work:
            return Connections(self.rooms, self.actor).create_in(
                work,
                org,
                _free_name(work, org, id, draft.name),
                _CONNECTOR,
                config,
                id=id,
                role=STACK,
                metadata={DOCUMENT: dict(draft.document)},
            )

    def update(self, org: str, id: str, revise: Callable[[Connection], StackDraft]) -> Connection:
        """Replace it as a whole; what ``revise`` raises changes nothing."""
        with self.sealing() as work:
            find(work, org, id)
            before = work.connections.update(org, id)
            draft = revise(before)
            config = dict(draft.config)
            if config.get("server") and not before.config.get("server"):
                config["server"] = {"system_token": _new_token(), **config["server"]}
            name = _free_name(work, org, id, draft.name)
            metadata = {**before.metadata, DOCUMENT: dict(draft.document)}
            found = changes(before.metadata.get(DOCUMENT, {}), draft.document)
            row = Connections(self.rooms, self.actor).update_in(
                work, org, before, config, name=name, metadata=metadata
            )
            audit(work, org, self.actor, "stack.update", id, changes=found)
            return row

    def delete(self, org: str, id: str) -> None:
        """Raises `ConflictError` (``stack.in_use``) while something calls functions on it."""
        with self.sealing() as work:
            row = find(work, org, id)
            work.connections.update(org, id)
            for user in _users(work, org, id):
                raise _in_use(row, user)
            work.secrets.shred(org, id)
            work.connections.update(org, id, deleted_at=now())
            audit(work, org, self.actor, "stack.delete", id, name=row.name)

    def token(self, org: str, id: str) -> str | None:
        """The token that its server must be started with; None for a stack that is no server. Asking for it
        is in the audit trail.
        """
        with self.sealing() as work:
            row = find(work, org, id)
            audit(work, org, self.actor, "stack.token", id)
            server = plain_config(self.rooms, work, org, row).get("server")
        return server["system_token"] if server else None

    def rotate(self, org: str, id: str) -> str | None:
        """A new token; the one before is not sent from now on. None for a stack that is no server."""
        with self.sealing() as work:
            find(work, org, id)
            row = work.connections.update(org, id)
            if not row.config.get("server"):
                return None
            token = _new_token()
            config = {**row.config, "server": {**row.config["server"], "system_token": token}}
            Connections(self.rooms, self.actor).update_in(work, org, row, config)
            audit(work, org, self.actor, "stack.rotate", id)
        return token


def find(work: UnitOfWork, org: str, id: str) -> Connection:
    """The stack. Raises `NotFoundError`."""
    row = work.connections.find(org, id=id, role=STACK, deleted_at=None)
    if row is None:
        raise NotFoundError("connection.not_found", "There is no such stack.", hint="List the stacks.", id=id)
    return row


def _new_token() -> str:
    return secrets.token_urlsafe(_TOKEN_BYTES)


def _free_name(work: UnitOfWork, org: str, id: str, name: str) -> str:
    """Rows' names are unique, those of stacks need not be."""
    other = work.connections.find(org, name=name, project=None, customer=None, deleted_at=None)
    return name if other is None or other.id == id else f"{name} ({as_object_id(id)})"


def _users(work: UnitOfWork, org: str, id: str) -> Iterator[str]:
    """What calls functions on the stack, by kind and name."""
    for wrapper in work.connections.list(org, deleted_at=None):
        if wrapper.config.get("stack") == id:
            yield f"connection {wrapper.name!r}"
    for kind, rows in (("export", work.exports), ("import", work.imports)):
        yield from (f"{kind} {row.name!r}" for row in rows.list(org) if _names(row.spec, id))
    yield from (f"flow {row.name!r}" for row in work.flows.list(org) if _names(row.pipeline, id))
    for app in work.items.list(org, kind="app"):
        if app.document.get("_stackId") == as_object_id(id):
            yield f"connector {app.name!r}"


def _names(value: Any, id: str) -> bool:
    """Whether the id stands anywhere in it; in languages kept as published in its published form."""
    if isinstance(value, BaseModel):
        text = value.model_dump_json()
        return f'"{id}"' in text or f'"{as_object_id(id)}"' in text
    return False


def _in_use(row: Connection, user: str) -> ConflictError:
    return ConflictError(
        "stack.in_use",
        f"The stack {row.name!r} is used by the {user}.",
        hint="Point it to another stack, or delete it first.",
        stack=row.name,
        user=user,
    )
