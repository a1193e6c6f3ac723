"""Connections, and how their credentials are lent and renewed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from towpath.core.ids import new_id
from towpath.core.ports import AuthType
from towpath.core.records.base import Owned, now


class ConnectionStatus(StrEnum):
    """Whether a connection's credentials can be used."""

    PENDING = "pending"
    """Something that the system requires is still missing: nobody has signed in yet, for example."""
    ACTIVE = "active"
    EXPIRED = "expired"
    """The system will not renew them: somebody has to sign in again."""
    ERROR = "error"
    """The last test or renewal failed; it is tried again."""
    REVOKED = "revoked"
    """Switched off by hand: nothing is lent or renewed."""


@dataclass(frozen=True, kw_only=True)
class Connection(Owned):
    """A configured link to another system."""

    id: str = field(default_factory=lambda: new_id("con"))
    name: str
    """Unique in the organization; for a customer's connection in (customer, connector), for a project's in
    (project, role)."""
    connector: str
    config: Mapping[str, Any]
    """Without its secrets: each stands as ``{"$secret": "<field path>"}``, its value sealed in the vault."""
    project: str | None = None
    customer: str | None = None
    role: str | None = None
    """``source`` or ``destination`` where it was made for one of them; None: whatever its connector can;
    ``alerts``: no data is moved over it, it says where alerts of its project go."""
    max_parallel: int = 4
    """How many slices may use the connection at once, over all flows and workers."""
    auth: AuthType | None = None
    """How the system knows us; set where the configuration is credentials that are lent and renewed."""
    scopes: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The owner's own notes; never shown to who borrows."""
    created_by: str = ""
    """Name of the user; empty for what programs and the command line made."""
    updated_by: str = ""
    status: ConnectionStatus = ConnectionStatus.ACTIVE
    error: str | None = None
    """Why the last test or renewal failed, in a few words of ours."""
    expires_at: datetime | None = None
    """When the access token ends; None for credentials that do not."""
    lender: str | None = None
    """Id of the connection whose ``max_parallel`` counts for this one too: both compete for its places."""
    debug_until: datetime | None = None
    """Until when its requests and answers are captured."""
    last_used_at: datetime | None = None
    """When the credentials were last lent, to about a minute."""
    deleted_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Grant(Owned):
    """Leave for an instance to borrow a connection's credentials; ``created_at`` is when it was given.

    One for each (connection, instance); it goes when either of them does.
    """

    id: str = field(default_factory=lambda: new_id("grt"))
    connection: str
    instance: str
    capabilities: tuple[str, ...] = ()
    """What the instance may do with them, in words of the system: ``send_mail``. In the order given."""


@dataclass(frozen=True, kw_only=True)
class Authorization(Owned):
    """One sign-in of a person at a connection's system (OAuth 2 authorization code), from link to answer."""

    id: str = field(default_factory=lambda: new_id("atz"))
    connection: str
    browser: str | None = None
    """Digest of the secret in the cookie of the browser that opened the link; None until it is opened."""
    expires_at: datetime
    used_at: datetime | None = None
    """When the answer came in: it is taken once."""


@dataclass(frozen=True, kw_only=True)
class Renewal(Owned):
    """The renewing of one connection's token: who does it now, and how it went. Keyed by connection."""

    connection: str
    owner: str | None = None
    """Who renews, until ``until``; compared when the result is stored."""
    until: datetime | None = None
    failures: int = 0
    """How many in a row."""
    retry_at: datetime | None = None
    """After a failure: not tried before."""


@dataclass(frozen=True, kw_only=True)
class Event(Owned):
    """Something that the organization's own systems are told by webhook; kept until it is delivered."""

    id: str = field(default_factory=lambda: new_id("evt"))
    type: str
    """``connection.expired``, ``connection.recovered``, ``run.failed`` …"""
    body: Mapping[str, Any]
    connection: str | None = None
    """Where it is sent; None for the organization's own receiver."""
    attempts: int = 0
    due_at: datetime = field(default_factory=now)
    """When it is to be sent next."""
    ended_at: datetime | None = None
    """When it was delivered, or given up; None while it waits."""
    error: str | None = None
