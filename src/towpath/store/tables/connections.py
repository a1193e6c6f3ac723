"""Connections, their secrets, and how they are lent and renewed."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, UniqueConstraint

from towpath.core.ports import AuthType
from towpath.core.records import ConnectionStatus
from towpath.store.tables.base import index_where, may, metadata, need, owned, part, refer, unique_where
from towpath.store.types import Choice, Json, Moment, Prose, Str, Strings

connections = owned(
    "connections",
    need("name", Str),
    need("connector", Str),
    need("config", Json),
    may("project", Str),
    may("customer", Str),
    need("max_parallel", Integer),
    may("deleted_at", Moment),
    may("auth", Choice(AuthType)),
    need("scopes", Strings, default="'[]'"),
    need("metadata", Json, default="'{}'"),
    need("status", Choice(ConnectionStatus), default="'active'"),
    may("error", Prose),
    may("expires_at", Moment),
    may("last_used_at", Moment),
    may("role", Str),
    need("created_by", Str, default="''"),
    need("updated_by", Str, default="''"),
    may("lender", Str),
    may("debug_until", Moment),
    refer("projects", "project"),
    refer("customers", "customer"),
    # A deleted connection frees its name.
    unique_where(
        "uq_connections_name",
        *("org", "name"),
        condition="deleted_at IS NULL AND customer IS NULL AND project IS NULL",
    ),
    unique_where(
        "uq_connections_project",
        *("org", "project", "role", "name"),
        condition="deleted_at IS NULL AND customer IS NULL AND project IS NOT NULL",
    ),
    unique_where(
        "uq_connections_customer",
        *("org", "customer", "connector", "name"),
        condition="deleted_at IS NULL AND customer IS NOT NULL",
    ),
    Index(None, "org", "project"),
    Index(None, "org", "customer"),
)

master_keys = Table(
    "master_keys",
    metadata,
    Column("key_id", Str, primary_key=True),
    need("created_at", Moment),
    need("digest_key", Str),
)

secrets = part(
    "secrets",
    ("connection",),
    need("connection", Str),
    need("wrapped_key", Str),
    # Nothing can be wrapped by a key that was retired, and no key retired while it wraps something.
    Column("key_id", Str, ForeignKey("master_keys.key_id"), nullable=False),
    need("fields", Json),
    refer("connections", "connection", cascade=True),
    Index(None, "key_id"),
)

grants = owned(
    "grants",
    need("connection", Str),
    need("instance", Str),
    need("capabilities", Strings),
    UniqueConstraint("org", "connection", "instance"),
    refer("connections", "connection", cascade=True),
    refer("instances", "instance", cascade=True),
    Index(None, "org", "instance"),
)

authorizations = owned(
    "authorizations",
    need("connection", Str),
    may("browser", Str),
    need("expires_at", Moment),
    may("used_at", Moment),
    refer("connections", "connection", cascade=True),
    Index(None, "org", "connection"),
    Index(None, "expires_at"),
)

renewals = part(
    "renewals",
    ("connection",),
    need("connection", Str),
    may("owner", Str),
    may("until", Moment),
    need("failures", Integer),
    may("retry_at", Moment),
    refer("connections", "connection", cascade=True),
)

events = owned(
    "events",
    need("type", Str),
    need("body", Json),
    need("attempts", Integer),
    need("due_at", Moment),
    may("ended_at", Moment),
    may("error", Prose),
    may("connection", Str),
    refer("connections", "connection", cascade=True),
    Index(None, "org", "connection"),
    index_where("ix_events_due", "due_at", condition="ended_at IS NULL"),
)
