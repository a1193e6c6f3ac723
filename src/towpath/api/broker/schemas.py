"""What requests and answers look like."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from towpath.core.records import ConnectionStatus
from towpath.services.lending.grants import CAPABILITY
from towpath.services.people.keys import OVERLAP

#: At least one character that is seen.
_SEEN = r"[^\s\x00-\x1f]"

Name = Annotated[str, StringConstraints(max_length=255, pattern=_SEEN)]
Provider = Annotated[str, StringConstraints(max_length=50, pattern=_SEEN)]
Capability = Annotated[str, StringConstraints(pattern=CAPABILITY)]
AuthTypeName = Literal["oauth2", "api_key", "basic"]
_WEEK = 7 * 86_400
_Capabilities = Field(description="Provider-specific capabilities (e.g. send_mail, read_events)")


class _Change(BaseModel):
    """A misspelt field of a change would change nothing without a word."""

    model_config = ConfigDict(extra="forbid")


class GrantCreate(BaseModel):
    """Who may fetch the credentials, and what for."""

    capabilities: Annotated[list[Capability], _Capabilities]
    instance_id: UUID

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "capabilities": ["send_mail", "read_events"],
                "instance_id": "06587974-2dbe-4e10-8bf9-38cce0f5a366",
            }
        }
    )


class GrantUpdate(_Change):
    """What the instance may do from now on."""

    capabilities: Annotated[list[Capability], _Capabilities]


class GrantResponse(BaseModel):
    """A grant."""

    capabilities: list[str]
    connection_id: UUID
    granted_at: datetime
    id: UUID
    instance_id: UUID


class GrantListResponse(BaseModel):
    """All grants on a connection."""

    grants: list[GrantResponse]
    total: int


class ConnectionCreate(BaseModel):
    """A connection to keep."""

    auth_type: AuthTypeName = "oauth2"
    credentials: Annotated[dict[str, Any], Field(description="Provider credentials (stored encrypted)")]
    metadata_json: Annotated[
        dict[str, Any] | None, Field(description="Your own notes; never shown again")
    ] = None
    name: Annotated[Name, Field(description="admin@iqm.com.au, IQM Master Roster, etc.")]
    provider: Annotated[Provider, Field(description="gmail, xero, google_calendar, deputy, etc.")]
    scopes: list[str] | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "credentials": {"access_token": "…", "refresh_token": "…", "expires_in": 3600},
                "name": "admin@iqm.com.au",
                "provider": "gmail",
            }
        }
    )


class ConnectionUpdate(_Change):
    """What becomes of a connection; what is left out stays."""

    credentials: Annotated[
        dict[str, Any] | None, Field(description="New credentials, in place of the old ones")
    ] = None
    metadata_json: dict[str, Any] | None = None
    name: Name | None = None
    scopes: list[str] | None = None
    status: Annotated[
        Literal["active", "revoked"] | None,
        Field(
            description="revoked switches the connection off: nothing is lent; active switches it on again"
        ),
    ] = None


class ConnectionResponse(BaseModel):
    """A connection, without its credentials."""

    auth_type: str
    created_at: datetime
    customer_id: UUID
    error_message: str | None
    expires_at: datetime | None
    grants: list[GrantResponse]
    id: UUID
    last_used_at: datetime | None
    name: str
    provider: str
    scopes: list[str]
    status: ConnectionStatus
    updated_at: datetime


class ConnectionListResponse(BaseModel):
    """A part of the list; `total` is how long the whole is."""

    connections: list[ConnectionResponse]
    total: int


class ConnectionTestResponse(BaseModel):
    """What came of a test."""

    checked_at: Annotated[datetime | None, Field(description="null if there was nothing to try")]
    detail: Annotated[str, Field(description="What answered, or why nothing was tried")]
    error_message: str | None
    status: ConnectionStatus


class CustomerCreate(BaseModel):
    """A customer to add."""

    name: Name


class CustomerResponse(BaseModel):
    """A customer."""

    created_at: datetime
    id: UUID
    name: str
    updated_at: datetime


class CustomerListResponse(BaseModel):
    """A part of the list; `total` is how long the whole is."""

    customers: list[CustomerResponse]
    total: int


class InstanceCreate(BaseModel):
    """An instance to add."""

    name: Name


class ProxyKeyResponse(BaseModel):
    """What is shown of a key after the answer that made it."""

    created_at: datetime
    expires_at: datetime | None
    hint: str
    id: UUID
    last_used_at: datetime | None


class InstanceResponse(BaseModel):
    """An instance."""

    created_at: datetime
    customer_id: UUID
    id: UUID
    keys: list[ProxyKeyResponse]
    name: str


class InstanceListResponse(BaseModel):
    """All instances of a customer."""

    instances: list[InstanceResponse]
    total: int


class InstanceCreated(InstanceResponse):
    """An instance with the proxy key that was just made."""

    proxy_key: Annotated[str, Field(description="Shown in this answer and never again")]


class KeyRotate(_Change):
    """How to change over."""

    overlap_seconds: Annotated[
        int, Field(ge=0, le=_WEEK, description="How long the keys of before still open something")
    ] = int(OVERLAP.total_seconds())


class AuditEntryResponse(BaseModel):
    """One thing that was done."""

    action: str
    actor: str
    address: str | None
    created_at: datetime
    detail: dict[str, Any]
    id: str
    object: str
    request: str | None


class AuditListResponse(BaseModel):
    """A part of the audit trail."""

    entries: list[AuditEntryResponse]
    next: Annotated[str | None, Field(description="Value of `after` for what follows; null at the end")]


class ValidationError(BaseModel):
    """One thing that is wrong with a request."""

    loc: list[str | int]
    msg: str
    type: str


class HTTPValidationError(BaseModel):
    """What is wrong with a request; never the values themselves."""

    detail: list[ValidationError]


class Problem(BaseModel):
    """Why not."""

    detail: str
