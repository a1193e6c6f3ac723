"""Requests that may be repeated, and the numbers that some API families call things by."""

from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection, delete, func, insert, select

from towpath.core.records import now
from towpath.core.repositories import Remembered
from towpath.store import tables
from towpath.store.organizations import hold
from towpath.store.references import guarded
from towpath.store.upsert import insert_new

_REQUESTS, _NUMBERS = tables.requests, tables.numbers

#: Rows asked for in one query; SQLite takes 32,766 values.
_CHUNK = 1000


class SqlRequests:
    """Requests by the key that their senders gave."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def remember(self, org: str, key: str, fingerprint: str, object: str) -> Remembered | None:
        row = {"org": org, "key": key, "created_at": now(), "fingerprint": fingerprint, "object": object}
        new = insert_new(self._connection, _REQUESTS, row).returning(_REQUESTS.c.key)
        while True:
            with guarded(self._connection, _REQUESTS, row):
                if self._connection.execute(new).first():
                    return None
            if earlier := self.find(org, key):
                return earlier  # otherwise it was swept just now

    def find(self, org: str, key: str) -> Remembered | None:
        request = _REQUESTS.c
        query = select(request.fingerprint, request.object).where(request.org == org, request.key == key)
        row = self._connection.execute(query).first()
        return Remembered(*row) if row else None

    def sweep(self, before: datetime) -> None:
        self._connection.execute(delete(_REQUESTS).where(_REQUESTS.c.created_at < before))


class SqlNumbers:
    """Numbers are given one caller at a time in each organization, and their rows stay for ever."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def assign(self, org: str, kind: str, ids: Collection[str]) -> Mapping[str, int]:
        known = self._known(org, kind, ids)
        if len(known) < len(set(ids)):
            hold(self._connection, org)
            known = self._known(org, kind, ids)
            new = [id for id in dict.fromkeys(ids) if id not in known]
            known |= self._give(org, kind, new)
        return {id: known[id] for id in ids}

    def find(self, org: str, kind: str, number: int) -> str | None:
        row = _NUMBERS.c
        query = select(row.id).where(row.org == org, row.kind == kind, row.number == number)
        return self._connection.execute(query).scalar()

    def _known(self, org: str, kind: str, ids: Collection[str]) -> dict[str, int]:
        number, rest, known = _NUMBERS.c, iter(ids), dict[str, int]()
        while chunk := list(islice(rest, _CHUNK)):
            query = select(number.id, number.number)
            query = query.where(number.org == org, number.kind == kind, number.id.in_(chunk))
            known |= {row.id: row.number for row in self._connection.execute(query)}
        return known

    def _give(self, org: str, kind: str, ids: Collection[str]) -> dict[str, int]:
        row = _NUMBERS.c
        query = select(func.max(row.number)).where(row.org == org, row.kind == kind)
        last = self._connection.execute(query).scalar() or 0
        given = {id: number for number, id in enumerate(ids, last + 1)}
        rows = [{"org": org, "kind": kind, "number": number, "id": id} for id, number in given.items()]
        if rows:
            self._connection.execute(insert(_NUMBERS), rows)
        return given
