"""Between our words and ids and this family's."""

import re
from typing import Any
from uuid import UUID

from towpath.api.broker import schemas
from towpath.core.ids import as_uuid, of_uuid
from towpath.core.ports import AuthType
from towpath.core.records import AuditEntry, Customer, Grant, Key
from towpath.services.lending.lent import Change, Lent, NewConnection
from towpath.services.people.customers import Runtime

_OURS = re.compile(r"(cus|con|grt|ins)_[0-9A-Z]{26}")


def customer_id(uuid: UUID) -> str:
    return of_uuid("cus", uuid)


def connection_id(uuid: UUID) -> str:
    return of_uuid("con", uuid)


def grant_id(uuid: UUID) -> str:
    return of_uuid("grt", uuid)


def instance_id(uuid: UUID) -> str:
    return of_uuid("ins", uuid)


def grant(row: Grant) -> schemas.GrantResponse:
    return schemas.GrantResponse(
        capabilities=list(row.capabilities),
        connection_id=as_uuid(row.connection),
        granted_at=row.created_at,
        id=as_uuid(row.id),
        instance_id=as_uuid(row.instance),
    )


def connection(lent: Lent) -> schemas.ConnectionResponse:
    row = lent.connection
    return schemas.ConnectionResponse(
        # Connections of before, and those made by hand, are of systems with user and password.
        auth_type=row.auth or AuthType.BASIC,
        created_at=row.created_at,
        customer_id=as_uuid(row.customer or ""),
        error_message=row.error,
        expires_at=row.expires_at,
        grants=[grant(one) for one in lent.grants],
        id=as_uuid(row.id),
        last_used_at=row.last_used_at,
        name=row.name,
        provider=row.connector,
        scopes=list(row.scopes),
        status=row.status,
        updated_at=row.updated_at,
    )


def new_connection(body: schemas.ConnectionCreate) -> NewConnection:
    return NewConnection(
        name=body.name,
        provider=body.provider,
        credentials=body.credentials,
        auth=AuthType(body.auth_type),
        scopes=tuple(body.scopes or ()),
        metadata=body.metadata_json or {},
    )


def connection_change(body: schemas.ConnectionUpdate) -> Change:
    return Change(
        name=body.name,
        credentials=body.credentials,
        scopes=None if body.scopes is None else tuple(body.scopes),
        metadata=body.metadata_json,
        on=None if body.status is None else body.status == "active",
    )


def customer(row: Customer) -> schemas.CustomerResponse:
    return schemas.CustomerResponse(
        created_at=row.created_at, id=as_uuid(row.id), name=row.name, updated_at=row.updated_at
    )


def instance(runtime: Runtime) -> schemas.InstanceResponse:
    row = runtime.instance
    return schemas.InstanceResponse(
        created_at=row.created_at,
        customer_id=as_uuid(row.customer),
        id=as_uuid(row.id),
        keys=[proxy_key(key) for key in runtime.keys],
        name=row.name,
    )


def proxy_key(key: Key) -> schemas.ProxyKeyResponse:
    return schemas.ProxyKeyResponse(
        created_at=key.created_at,
        expires_at=key.expires_at,
        hint=key.hint,
        id=as_uuid(key.id),
        last_used_at=key.last_used_at,
    )


def audit_entry(entry: AuditEntry) -> schemas.AuditEntryResponse:
    return schemas.AuditEntryResponse(
        action=entry.action,
        actor=entry.actor,
        address=entry.address,
        created_at=entry.created_at,
        detail={name: outside(value) for name, value in entry.detail.items()},
        id=entry.id,
        object=outside(entry.object),
        request=entry.request,
    )


def outside(value: Any) -> Any:
    """An id as this family's other answers show it; anything else as it is."""
    if isinstance(value, str) and _OURS.fullmatch(value):
        return str(as_uuid(value))
    return value
