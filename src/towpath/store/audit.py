"""The audit trail: one chain of hashes per organization."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from sqlalchemy import Connection, insert, select

from towpath.core.errors import InternalError
from towpath.core.records import AuditEntry
from towpath.store import tables
from towpath.store.references import missing
from towpath.store.types import from_json, to_json

_AUDIT, _ORGANIZATIONS = tables.audit, tables.organizations
_ENTRY = [column for column in _AUDIT.c if column.name != "seq"]

#: How many rows `SqlAudit.verify` holds in memory.
_CHUNK = 1000


class SqlAudit:
    """The audit trail. The chain shows any row changed, moved or taken out of the middle; who can write the
    database can still cut off its end: keep the last digest elsewhere to see that too.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, org: str, entry: AuditEntry) -> AuditEntry:
        """Appending an entry again changes nothing and returns what is stored."""
        if entry.org != org:
            raise InternalError(
                "store.wrong_organization",
                "The audit entry is of another organization.",
                hint="Please report this.",
            )
        self._lock(org)
        stored = self._connection.execute(select(*_ENTRY).where(_AUDIT.c.org == org, _AUDIT.c.id == entry.id))
        if row := stored.mappings().first():
            return AuditEntry(**row)
        seq, previous = self._last(org)
        values = {name: getattr(entry, name) for name in entry.__dataclass_fields__}
        values |= {"seq": seq + 1, "previous": previous, "detail": from_json(to_json(entry.detail))}
        values["digest"] = digest_of(values)
        self._connection.execute(insert(_AUDIT).values(values))
        return AuditEntry(**{name: value for name, value in values.items() if name != "seq"})

    def list(self, org: str, *, after: str | None = None, limit: int = 1000) -> Sequence[AuditEntry]:
        query = select(*_ENTRY).where(_AUDIT.c.org == org).order_by(_AUDIT.c.seq).limit(limit)
        if after is not None:
            place = select(_AUDIT.c.seq).where(_AUDIT.c.org == org, _AUDIT.c.id == after)
            query = query.where(_AUDIT.c.seq > place.scalar_subquery())
        return [AuditEntry(**row) for row in self._connection.execute(query).mappings()]

    def verify(self, org: str) -> AuditEntry | None:
        seq, previous = 0, ""
        while rows := self._after(org, seq):
            for row in rows:
                seq += 1
                fits = row["seq"] == seq and row["previous"] == previous
                if not fits or row["digest"] != digest_of(row):
                    return AuditEntry(**{name: value for name, value in row.items() if name != "seq"})
                previous = row["digest"]
        return None

    def _lock(self, org: str) -> None:
        """Appends of one organization go one by one; those of others do not wait."""
        row = select(_ORGANIZATIONS.c.id).where(_ORGANIZATIONS.c.id == org)
        if not self._connection.execute(row.with_for_update(key_share=True)).first():
            raise missing(_ORGANIZATIONS, org)

    def _last(self, org: str) -> tuple[int, str]:
        query = select(_AUDIT.c.seq, _AUDIT.c.digest).where(_AUDIT.c.org == org)
        row = self._connection.execute(query.order_by(_AUDIT.c.seq.desc()).limit(1)).first()
        return (row.seq, row.digest) if row else (0, "")

    def _after(self, org: str, seq: int) -> Sequence[Mapping[str, Any]]:
        query = select(_AUDIT).where(_AUDIT.c.org == org, _AUDIT.c.seq > seq)
        rows = self._connection.execute(query.order_by(_AUDIT.c.seq).limit(_CHUNK)).mappings()
        return [dict(row) for row in rows]


def digest_of(row: Mapping[str, Any]) -> str:
    """SHA-256, hex, over the canonical JSON of all columns but the digest itself: keys sorted, ASCII, no
    spaces, times in UTC with microseconds. The predecessor's digest is one of the columns.
    """
    content = {name: value for name, value in row.items() if name != "digest"}
    for name in ("created_at", "updated_at"):
        content[name] = content[name].astimezone(UTC).isoformat(timespec="microseconds")
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
