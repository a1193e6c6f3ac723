"""Which app a resource belongs to: what managed resources carry as their ``_connectorId``."""

from collections.abc import Mapping
from typing import Any

from towpath.core.ids import of_object_id
from towpath.core.repositories import UnitOfWork
from towpath.services.context import Rooms

#: Where a row keeps its published document.
DOCUMENT = "integrator"
#: What may belong to an app.
KINDS = ("connections", "exports", "imports", "flows", "integrations")


def app_of(rooms: Rooms, org: str, kind: str, id: str) -> str | None:
    """Id of the app; None for what is nobody's, and for what is not there."""
    with rooms.store.read() as work:
        document = _document(work, org, kind, id)
    digits = str(document.get("_connectorId") or "")
    try:
        return of_object_id("itm", digits)
    except ValueError:
        return None


def _document(work: UnitOfWork, org: str, kind: str, id: str) -> Mapping[str, Any]:
    if kind not in KINDS:
        return {}
    # They are called in the store as they are here.
    row = getattr(work, kind).find(org, id=id)
    found: Mapping[str, Any] = row.metadata.get(DOCUMENT, {}) if row else {}
    return found
