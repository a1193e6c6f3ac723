"""The audit trail, for who runs the organization."""

from typing import Annotated

from fastapi import Query

from towpath.api.broker import schemas, translate
from towpath.api.broker.auth import Broker
from towpath.api.broker.documents import PROBLEMS
from towpath.api.kit.routing import Router
from towpath.services.trail import Trail

router = Router(prefix="/v1/audit", tags=["Audit"])


@router.get("", summary="List Audit Entries", responses=PROBLEMS)
def list_audit_entries(
    broker: Broker,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[str | None, Query(max_length=64, description="`next` of the answer before")] = None,
) -> schemas.AuditListResponse:
    """What was done, by whom, in the order in which it was done: every fetch, every change."""
    rows = Trail(*broker.use).list(broker.org, after=after, limit=limit)
    more = rows[-1].id if len(rows) == limit else None
    return schemas.AuditListResponse(entries=[translate.audit_entry(row) for row in rows], next=more)
