"""iClients: how the organization is registered with systems where people sign in."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.api.integrator.auth import Caller
from towpath.api.integrator.documents import Document, own, times
from towpath.api.integrator.errors import Fault, Refused, required
from towpath.api.integrator.ids import shown
from towpath.api.integrator.resources import Change, Resource, add_resource
from towpath.api.kit.routing import Router
from towpath.core.errors import ConflictError, NotFoundError
from towpath.core.ids import new_id
from towpath.core.records import Connection
from towpath.core.repositories import UnitOfWork
from towpath.services.context import audit
from towpath.services.pipelines.changes import changes
from towpath.services.pipelines.connecting import Connecting, Draft, document_of
from towpath.services.pipelines.masking import cut, filled, refuse_left
from towpath.services.removal import remove
from towpath.services.tokens.clients import CONNECTOR

router = Router(prefix="/v1", tags=["iClients"])

ROLE = "client"

#: Where a document has the two halves of a registration: as of 2017 by kind of system, as of 2016 at the top.
_HALVES: Mapping[str, tuple[str, str]] = {
    "oauth2": ("clientId", "clientSecret"),
    "salesforce": ("clientId", "clientSecret"),
    "netsuite": ("consumerKey", "consumerSecret"),
    "amazonmws": ("accessKeyId", "secretKey"),
    "ebay": ("appId", "certId"),
}


class Clients:
    """The registrations."""

    def __init__(self, caller: Caller) -> None:
        self._caller, self._org = caller, caller.org
        self._cases = Connecting(*caller.use)

    def list(self, limit: int) -> Sequence[Document]:
        with self._caller.rooms.store.read() as work:
            rows = work.connections.list(self._org, role=ROLE, deleted_at=None, limit=limit)
        return [_shown(row) for row in rows]

    def get(self, id: str) -> Document:
        with self._caller.rooms.store.read() as work:
            return _shown(self._find(work, id))

    def create(self, document: dict[str, Any]) -> Document:
        id = new_id("con")
        with self._cases.sealing() as work:
            return _shown(self._cases.create_in(work, self._org, id, _draft(document, {})))

    def change(self, id: str, how: Change) -> Document:
        with self._cases.sealing() as work:
            row = self._find(work, id)
            work.connections.update(self._org, id)
            before, known = _shown(row), self._cases.known(work, self._org, row)
            after = _shown(self._cases.update_in(work, self._org, row, _draft(how(before), known)))
            detail = changes(before, after)
            audit(work, self._org, self._caller.actor, "connection.update", id, changes=detail)
            return after

    def delete(self, id: str) -> None:
        def choose(work: UnitOfWork) -> Connection:
            row = self._find(work, id)
            for user in _users(work, row):
                raise ConflictError(
                    "connection.in_use",
                    f"The connection {user.name!r} belongs to this iClient.",
                    hint="Delete the connection first, or have it name another one.",
                )
            return row

        remove(self._cases, self._org, choose)

    def dependencies(self, id: str) -> Document:
        with self._caller.rooms.store.read() as work:
            users = _users(work, self._find(work, id))
        at = {"iclients": [shown(id)]}
        found = [{"id": shown(row.id), "name": row.name, "dependencyIds": at} for row in users]
        return {"connections": found} if found else {}

    def _find(self, work: UnitOfWork, id: str) -> Connection:
        row = work.connections.find(self._org, id=id, role=ROLE, deleted_at=None)
        if row is None:
            raise NotFoundError("connection.not_found", "There is no such iClient.", hint="Check the _id.")
        return row


def _users(work: UnitOfWork, client: Connection) -> list[Connection]:
    """The connections whose documents name the client."""
    rows = work.connections.list(client.org, customer=None, deleted_at=None)
    return [row for row in rows if _client_of(row) == shown(client.id)]


def _client_of(row: Connection) -> str | None:
    document = document_of(row) or {}
    part = document.get(str(document.get("type")))
    inner = part.get("_iClientId") if isinstance(part, dict) else None
    found: str | None = document.get("_iClientId") or inner
    return found


def _draft(document: Document, known: Mapping[str, Any]) -> Draft:
    given = filled(own(document), known)
    refuse_left(given)
    faults = [] if given.get("provider") else [required("provider")]
    field, part = _part(given)
    names = _HALVES.get(field, ("clientId", "clientSecret"))
    id, secret = (part.get(name) for name in names)
    prefix = f"{field}." if field else ""
    halves = zip(names, (id, secret), strict=True)
    faults += [required(f"{prefix}{name}") for name, value in halves if not value]
    faults += _odd_texts(prefix, names, (id, secret))
    if not isinstance(part.get("scope") or "", str | list):
        faults.append(Fault("invalid_field", "It is a list of texts.", f"{prefix}scope"))
    if faults:
        raise Refused(*faults)
    shown_document, secrets = cut(given)
    scopes = _scopes(part)
    config = {"provider": str(given["provider"])[:50], "client_id": id, "client_secret": secret}
    return Draft(
        connector=CONNECTOR,
        name=str(given.get("name") or f"{given['provider']} iClient"),
        document=shown_document,
        secrets=secrets,
        config={**config, **({"scopes": scopes} if scopes else {})},
        columns={"role": ROLE},
    )


def _part(given: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    for field in _HALVES:
        if isinstance(given.get(field), dict):
            return field, given[field]
    return "", given


def _scopes(part: Mapping[str, Any]) -> list[str]:
    """Of a list, or of one text."""
    given = part.get("scope") or []
    found = given.split() if isinstance(given, str) else given
    return [str(scope) for scope in found if scope]


def _odd_texts(prefix: str, names: tuple[str, str], values: tuple[Any, Any]) -> list[Fault]:
    return [
        Fault("invalid_field", "It is a text.", f"{prefix}{name}")
        for name, value in zip(names, values, strict=True)
        if value and not isinstance(value, str)
    ]


def _shown(row: Connection) -> dict[str, Any]:
    made_elsewhere = {
        "name": row.name,
        "provider": row.config.get("provider"),
        "oauth2": {"clientId": row.config.get("client_id")},
    }
    return {"_id": shown(row.id), **(document_of(row) or made_elsewhere), **times(row)}


add_resource(router, Resource("iclients", "iClient", Clients, dependencies=True))
