"""Organizations, and who may come in."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from towpath.core.records import KeyKind, Role
from towpath.store.tables.base import index_where, may, metadata, need, owned, refer, unique_where
from towpath.store.types import Choice, Moment, Str, Strings

#: Kinds of keys that end by themselves and are swept then, and those that nobody calls by a name, in SQL.
PASSING = "'access', 'session', 'link', 'invite', 'once'"
NAMELESS = f"{PASSING}, 'proxy'"

organizations = Table(
    "organizations",
    metadata,
    Column("id", Str, primary_key=True),
    need("name", Str),
    need("created_at", Moment),
    UniqueConstraint("name"),
)

projects = owned("projects", need("name", Str), UniqueConstraint("org", "name"))

customers = owned("customers", need("name", Str), UniqueConstraint("org", "name"))

instances = owned(
    "instances",
    need("customer", Str),
    need("name", Str),
    UniqueConstraint("org", "name"),
    refer("customers", "customer"),
    Index(None, "org", "customer"),
)

users = owned(
    "users",
    need("name", Str),
    may("email", Str),
    may("password_hash", Str),
    need("disabled", Boolean),
    need("role", Choice(Role), default="'member'"),
    UniqueConstraint("org", "name"),
)

keys = owned(
    "keys",
    need("name", Str),
    need("kind", Choice(KeyKind)),
    need("digest", Str),
    may("secret_digest", Str),
    may("instance", Str),
    need("scopes", Strings),
    may("revoked_at", Moment),
    may("last_used_at", Moment),
    may("parent", Str),
    need("hint", Str, default="''"),
    may("expires_at", Moment),
    may("user", Str),
    UniqueConstraint("digest"),
    refer("instances", "instance"),
    refer("keys", "parent", cascade=True),
    refer("users", "user", cascade=True),
    # A revoked key frees its name. Short-lived ones are nobody's to call, proxy keys go by their instance.
    unique_where("uq_keys_name", "org", "name", condition=f"revoked_at IS NULL AND kind NOT IN ({NAMELESS})"),
    Index(None, "org", "instance"),
    Index(None, "org", "parent"),
    Index(None, "org", "user"),
    index_where("ix_keys_passing", "expires_at", condition=f"kind IN ({PASSING})"),
)

numbers = Table(
    "numbers",
    metadata,
    Column("org", Str, ForeignKey("organizations.id"), nullable=False),
    need("kind", Str),
    need("number", BigInteger),
    need("id", Str),
    PrimaryKeyConstraint("org", "kind", "number"),
    UniqueConstraint("org", "kind", "id"),
)

requests = Table(
    "requests",
    metadata,
    Column("org", Str, ForeignKey("organizations.id"), nullable=False),
    need("key", Str),
    need("created_at", Moment),
    need("fingerprint", Str),
    need("object", Str),
    PrimaryKeyConstraint("org", "key"),
    Index(None, "created_at"),
)
