"""The audit trail: one chain of hashes per organization, and where it ends."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, select, text, update

from towpath.core.errors import InternalError
from towpath.core.records import AuditBreak, AuditEntry, AuditHead
from towpath.store import tables
from towpath.store.audit_digest import digest_of, is_plain
from towpath.store.bulk import Bulk
from towpath.store.lists import among
from towpath.store.organizations import hold
from towpath.store.types import from_json, to_json
from towpath.store.upsert import insert_new

_AUDIT, _HEADS = tables.audit, tables.audit_heads
_ENTRY = [column for column in _AUDIT.c if column.name != "seq"]
_FIELDS = tuple(AuditEntry.__dataclass_fields__)
_values_of = attrgetter(*_FIELDS)

# Written once: every lent credential is a row of the trail.
_HEAD = select(_HEADS.c.seq, _HEADS.c.digest).where(_HEADS.c.org == bindparam("of"))
_HELD_HEAD = _HEAD.with_for_update()
_MOVE_HEAD = (
    update(_HEADS)
    .where(_HEADS.c.org == bindparam("of"))
    .values(seq=bindparam("seq"), digest=bindparam("digest"))
)
_ROWS = Bulk(_AUDIT)
# As the index has it, word by word: a parameter would keep the database from using it.
_NOT_LENT = text("action <> 'credential.fetch'")

#: How many rows `SqlAudit.verify` holds in memory.
_CHUNK = 1000


class SqlAudit:
    """The audit trail. The chain shows any row changed, moved or taken out of the middle, and its head any
    row taken off the end. Who can write the database can also move the head: a head that was kept elsewhere
    shows that too.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, org: str, entry: AuditEntry) -> AuditEntry:
        """Appending an entry again changes nothing and returns what is stored."""
        head = self._hold(org)
        stored = self._connection.execute(select(*_ENTRY).where(_AUDIT.c.org == org, _AUDIT.c.id == entry.id))
        if row := stored.mappings().first():
            return AuditEntry(**row)
        (values,) = self._chain(org, head, [entry])
        return _entry(values)

    def extend(self, org: str, entries: Sequence[AuditEntry]) -> None:
        if entries:
            self._chain(org, self._hold(org), entries)

    def list(self, org: str, *, after: str | None = None, limit: int = 1000) -> Sequence[AuditEntry]:
        query = select(*_ENTRY).where(_AUDIT.c.org == org).order_by(_AUDIT.c.seq).limit(limit)
        if after is not None:
            place = select(_AUDIT.c.seq).where(_AUDIT.c.org == org, _AUDIT.c.id == after)
            query = query.where(_AUDIT.c.seq > place.scalar_subquery())
        return [AuditEntry(**row) for row in self._connection.execute(query).mappings()]

    def of(self, org: str, object: str, limit: int = 1000) -> Sequence[AuditEntry]:
        mine = (_AUDIT.c.org == org) & (_AUDIT.c.object == object)
        query = select(*_ENTRY).where(mine, _NOT_LENT).order_by(_AUDIT.c.seq.desc()).limit(limit)
        return [AuditEntry(**row) for row in self._connection.execute(query).mappings()]

    def actors(self, org: str, action: str, objects: Collection[str]) -> Mapping[str, str]:
        query = (
            select(_AUDIT.c.object, _AUDIT.c.actor)
            .where(_AUDIT.c.org == org, among(_AUDIT.c.object, "objects"), _NOT_LENT)
            .where(_AUDIT.c.action == action)
            .order_by(_AUDIT.c.seq)
        )
        rows = self._connection.execute(query, {"objects": list(objects)})
        return {object: actor for object, actor in rows}  # noqa: C416 - rows are no pairs for mypy

    def head(self, org: str) -> AuditHead:
        row = self._connection.execute(_HEAD, {"of": org}).first()
        return AuditHead(*row) if row else AuditHead()

    def verify(self, org: str, known: Sequence[AuditHead] = ()) -> AuditBreak | None:
        end = self._connection.execute(_HEAD, {"of": org}).first()
        marks = defaultdict[int, set[str]](set)
        for mark in (*known, *([AuditHead(*end)] if end else [])):
            marks[mark.seq].add(mark.digest)
        seq, previous = 0, ""
        for row in self._rows(org):
            seq += 1
            if row["seq"] > seq:
                return AuditBreak(seq, "missing")
            belongs = row["seq"] == seq and not (end and seq > end.seq) and row["previous"] == previous
            previous = digest_of(row)
            if not belongs or {row["digest"], *marks.get(seq, ())} != {previous}:
                return AuditBreak(row["seq"], "changed", _entry(row))
        # Rows without a head: nobody can say that these are all.
        shorter = (seq and not end) or any(mark > seq for mark in marks)
        return AuditBreak(seq + 1, "cut off") if shorter else None

    def _chain(self, org: str, head: AuditHead, entries: Sequence[AuditEntry]) -> Sequence[Mapping[str, Any]]:
        """Put the entries behind the head, which is held, and move it to the last of them."""
        rows, previous = [], head.digest
        for seq, entry in enumerate(entries, head.seq + 1):
            rows.append(_row(org, seq, previous, entry))
            previous = rows[-1]["digest"]
        _ROWS.insert(self._connection, rows)
        self._connection.execute(_MOVE_HEAD, {"of": org, "seq": rows[-1]["seq"], "digest": previous})
        return rows

    def _hold(self, org: str) -> AuditHead:
        """The head, which only this unit of work moves until it ends; other organizations do not wait."""
        row = self._connection.execute(_HELD_HEAD, {"of": org}).first()
        return AuditHead(*row) if row else self._begin(org)

    def _begin(self, org: str) -> AuditHead:
        """Write the head of a chain that has none: nearly always a chain without rows."""
        hold(self._connection, org)
        query = select(_AUDIT.c.seq, _AUDIT.c.digest).where(_AUDIT.c.org == org)
        row = self._connection.execute(query.order_by(_AUDIT.c.seq.desc()).limit(1)).first()
        head = AuditHead(*row) if row else AuditHead()
        values = {"org": org, "seq": head.seq, "digest": head.digest}
        self._connection.execute(insert_new(self._connection, _HEADS, values))
        return AuditHead(*self._connection.execute(_HELD_HEAD, {"of": org}).one())

    def _rows(self, org: str) -> Iterator[Mapping[str, Any]]:
        """All rows in chain order, whatever their numbers are."""
        rows = self._after(org, None)
        while rows:
            yield from rows
            rows = self._after(org, rows[-1]["seq"])

    def _after(self, org: str, seq: int | None) -> Sequence[Mapping[str, Any]]:
        query = select(_AUDIT).where(_AUDIT.c.org == org).order_by(_AUDIT.c.seq).limit(_CHUNK)
        if seq is not None:
            query = query.where(_AUDIT.c.seq > seq)
        return [dict(row) for row in self._connection.execute(query).mappings()]


def _row(org: str, seq: int, previous: str, entry: AuditEntry) -> dict[str, Any]:
    if entry.org != org:
        raise InternalError(
            "store.wrong_organization",
            "The audit entry is of another organization.",
            hint="Please report this.",
        )
    row = dict(zip(_FIELDS, _values_of(entry), strict=True))
    row["seq"], row["previous"] = seq, previous
    if not is_plain(entry.detail):
        row["detail"] = from_json(to_json(entry.detail))
    row["digest"] = digest_of(row)
    return row


def _entry(row: Mapping[str, Any]) -> AuditEntry:
    return AuditEntry(**{name: row[name] for name in _FIELDS})
