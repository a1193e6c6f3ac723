"""Access tokens: keys for programs, for everything or for what they name."""

from collections.abc import Mapping, MutableSequence, Sequence
from datetime import datetime, timedelta
from typing import Any

from towpath.api.integrator.auth import Caller
from towpath.api.integrator.documents import MASK, Document, iso, own, times
from towpath.api.integrator.errors import Fault, Refused, dangling, invalid, required
from towpath.api.integrator.ids import Reference, referred, shown
from towpath.api.integrator.moments import moment
from towpath.api.integrator.resources import Change
from towpath.core.errors import ConflictError, NotFoundError
from towpath.core.ids import new_id
from towpath.core.records import Key, KeyKind, now
from towpath.core.repositories import UnitOfWork
from towpath.services.context import audit
from towpath.services.people.keys import Keys
from towpath.services.pipelines.changes import changes

#: The lists of what a limited token opens.
_LISTS: Mapping[str, str] = {
    "_connectionIds": "connections",
    "_exportIds": "exports",
    "_importIds": "imports",
}
_UNKNOWN_LISTS = ("_apiIds", "_mcpServerIds")
_DECIDED = ("token", "revoked", "_id", "createdAt", "lastModified")
_NOTES = "document"


class AccessTokens:
    """The organization's tokens, those of the command line too. One that has ended is not shown any more."""

    def __init__(self, caller: Caller) -> None:
        self._caller, self._org = caller, caller.org
        self._keys = Keys(*caller.use)

    def list(self, limit: int) -> Sequence[Document]:
        with self._caller.rooms.store.read() as work:
            rows = [row for row in work.keys.list(self._org, kind=KeyKind.INTEGRATOR) if not _has_ended(row)]
            return [self._shown(work, row) for row in rows[:limit]]

    def get(self, id: str) -> Document:
        with self._caller.rooms.store.read() as work:
            return self._shown(work, self._find(work, id))

    def create(self, document: dict[str, Any]) -> Document:
        """The token is in the answer this once."""
        with self._keys.sealing() as work:
            scopes, ends = self._checked(work, document)
            name = str(document.get("name") or "API token")
            made = self._keys.create_in(work, self._org, _free(work, self._org, name), KeyKind.INTEGRATOR)
            row = work.keys.update(self._org, made.key.id, scopes=scopes, expires_at=ends)
            self._note(work, row, document)
            return {**self._shown(work, row), "token": made.text.get_secret_value()}

    def change(self, id: str, how: Change) -> Document:
        with self._caller.rooms.store.begin() as work:
            row = self._find(work, id)
            before = self._shown(work, row)
            document = dict(how(before))
            scopes, ends = self._checked(work, document)
            revoked = self._revoked(row, document)
            row = work.keys.update(self._org, id, scopes=scopes, expires_at=ends, revoked_at=revoked)
            self._note(work, row, document)
            after = self._shown(work, row)
            detail = changes(before, after)
            audit(work, self._org, self._caller.actor, "key.update", id, changes=detail)
            return after

    def delete(self, id: str) -> None:
        with self._caller.rooms.store.begin() as work:
            row = self._find(work, id)
            if row.revoked_at is None:
                raise ConflictError(
                    "key.in_use",
                    "The access token still opens something.",
                    hint="Revoke it first: set `revoked` to true.",
                )
            work.values.remove(self._org, _scope(id))
            work.keys.delete(self._org, id)
            audit(work, self._org, self._caller.actor, "key.delete", id, name=row.name)

    def _find(self, work: UnitOfWork, id: str) -> Key:
        row = work.keys.find(self._org, id=id, kind=KeyKind.INTEGRATOR)
        if row is None or _has_ended(row):
            raise NotFoundError("key.not_found", "There is no such access token.", hint="Check the _id.")
        return row

    def _shown(self, work: UnitOfWork, row: Key) -> dict[str, Any]:
        notes = work.values.get(self._org, _scope(row.id), _NOTES)
        document: dict[str, Any] = dict(notes.value) if notes else {"name": row.name}
        document["token"], document["revoked"] = MASK, row.revoked_at is not None
        document["fullAccess"] = not row.scopes
        document |= {} if row.expires_at is None else {"autoPurgeAt": iso(row.expires_at)}
        for field, kind in _LISTS.items():
            found = [shown(scope.partition(":")[2]) for scope in row.scopes if scope.startswith(f"{kind}:")]
            document |= {field: found} if found else {}
        return {"_id": shown(row.id), **document, **times(row)}

    def _note(self, work: UnitOfWork, row: Key, document: Document) -> None:
        notes = {name: value for name, value in own(document).items() if name not in _DECIDED}
        work.values.put(self._org, _scope(row.id), _NOTES, notes)

    def _checked(self, work: UnitOfWork, document: Document) -> tuple[tuple[str, ...], datetime | None]:
        """Scopes and end. Raises `Refused` with all that is wrong."""
        faults = [
            invalid(name, "Tokens for these are not known here.")
            for name in _UNKNOWN_LISTS
            if document.get(name)
        ]
        scopes: list[str] = []
        for field, kind in _LISTS.items():
            faults += self._read(work, document.get(field), Reference(field, kind), scopes)
        full = document.get("fullAccess") is True
        if full and scopes:
            faults.append(invalid("fullAccess", "A token has either full access or lists of what it opens."))
        if not full and not scopes and not faults:
            faults.append(required("fullAccess"))
        ends = moment(document.get("autoPurgeAt"), "autoPurgeAt", faults)
        if ends is not None and ends <= now() - timedelta(seconds=1):
            faults.append(invalid("autoPurgeAt", "It lies in the past."))
        if faults:
            raise Refused(*faults)
        return tuple(scopes), ends

    def _read(
        self, work: UnitOfWork, given: Any, reference: Reference, scopes: MutableSequence[str]
    ) -> Sequence[Fault]:
        if given in (None, []):
            return []
        if not isinstance(given, list):
            return [invalid(reference.field, "It is a list of _ids.")]
        for digits in given:
            id = referred(reference, digits)
            if getattr(work, reference.kind).find(self._org, id=id) is None:
                return [dangling(reference.field, reference.kind.removesuffix("s"))]
            scopes.append(f"{reference.kind}:{id}")
        return []

    def _revoked(self, row: Key, document: Document) -> datetime | None:
        wanted = document.get("revoked") is True
        if row.revoked_at is not None and not wanted:
            raise Refused(invalid("revoked", "What was revoked stays so: make a new token."))
        return row.revoked_at or (now() if wanted else None)


def _has_ended(row: Key) -> bool:
    return row.expires_at is not None and row.expires_at <= now()


def _scope(id: str) -> str:
    return f"accesstoken:{id}"


def _free(work: UnitOfWork, org: str, name: str) -> str:
    """A name that no other key has: those of this family need not be unique."""
    taken = work.keys.find(org, name=name, revoked_at=None) is not None
    return f"{name} ({shown(new_id('key'))})" if taken else name
