"""What tests of fetches share: looking behind the tenant of `families/broker/conftest.py`."""

from typing import Any
from uuid import UUID

from towpath.core.ids import of_uuid
from towpath.core.records import AuditEntry


def ours(kind: str, id: object) -> str:
    """What the broker calls by this UUID."""
    return of_uuid(kind, UUID(str(id)))


def change(tenant: Any, connection: str, **changes: Any) -> None:
    with tenant.api.container.store.begin() as work:
        work.connections.update(tenant.org, ours("con", connection), **changes)


def trail(tenant: Any) -> list[AuditEntry]:
    """What the audit trail says of fetches, oldest first."""
    with tenant.api.container.store.read() as work:
        rows = work.audit.list(tenant.org, limit=100_000)
        assert work.audit.verify(tenant.org) is None
    return [row for row in rows if row.action == "credential.fetch"]


def path(tenant: Any, instance: object = None, **query: str) -> str:
    words = "&".join(f"{name}={value}" for name, value in query.items())
    return f"/internal/v1/instances/{instance or tenant.instance}/connections?{words}"
