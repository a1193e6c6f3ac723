"""What is kept for API families and programs."""

from sqlalchemy import Double, Index, PrimaryKeyConstraint, Table

from towpath.store.tables.base import may, metadata, need, owned, part, refer
from towpath.store.types import Json, Moment, Str

items = owned(
    "items",
    need("kind", Str),
    need("name", Str),
    may("parent", Str),
    need("document", Json),
    refer("items", "parent", cascade=True),
    Index(None, "org", "kind", "id"),
    Index(None, "org", "parent"),
)

stored_values = part(
    "stored_values",
    ("scope", "key"),
    need("scope", Str),
    need("key", Str),
    may("value", Json),  # null is a value
)

buckets = Table(
    "buckets",
    metadata,
    need("org", Str),
    need("name", Str),
    need("level", Double),
    need("at", Moment),
    PrimaryKeyConstraint("org", "name"),
)

debug_lines = Table(
    "debug_lines",
    metadata,
    need("org", Str),
    need("id", Str),
    need("at", Moment),
    need("connection", Str),
    may("step", Str),
    need("what", Str),
    need("detail", Json),
    PrimaryKeyConstraint("org", "id"),
    refer("connections", "connection", cascade=True),
    Index(None, "org", "connection", "id"),
    Index(None, "at"),
)
