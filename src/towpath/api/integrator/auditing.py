"""What was done to a resource, as its log tells it."""

from typing import Any

from towpath.api.integrator.auth import Caller
from towpath.api.integrator.documents import iso
from towpath.api.integrator.ids import shown
from towpath.core.records import AuditEntry

#: How many entries a log shows, the newest first.
_MOST = 1000


def entries(caller: Caller, noun: str, id: str) -> list[dict[str, Any]]:
    """The newest first; a change of a document has an entry for each field that changed."""
    with caller.rooms.store.read() as work:
        rows = work.audit.of(caller.org, id, limit=_MOST)
    return [shown_one for row in rows for shown_one in _shown(noun, row)]


def _shown(noun: str, row: AuditEntry) -> list[dict[str, Any]]:
    name = row.actor.partition(":")[2] or row.actor
    entry = {
        "_id": shown(row.id),
        "resourceType": noun,
        "_resourceId": shown(row.object),
        "event": row.action.rpartition(".")[2],
        "source": "ui" if row.actor.startswith("user:") else "system" if row.actor == "system" else "api",
        "time": iso(row.created_at),
        "byUser": {"name": name},
    }
    changes = row.detail.get("changes")
    if not isinstance(changes, list) or not changes:
        return [entry]
    return [{**entry, "fieldChange": change} for change in changes]
