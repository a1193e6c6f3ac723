"""The tables. Each column carries the name of the record's field that it keeps.

Every row but an organization, a worker and a master key belongs to one organization; primary and foreign
keys begin with it, so that no row can refer to another tenant's. # Invariant 9
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)

from towpath.core.flows import ExportSpec, ImportSpec, Policy, Schedule
from towpath.core.records import ErrorStatus, KeyKind, RunStatus, SliceStatus, StreamStatus
from towpath.store.types import Choice, Counts, Document, Json, Moment, Prose, Severity, Str, Strings

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def need(name: str, type: Any) -> Column[Any]:
    """A column that always has a value."""
    return Column(name, type, nullable=False)


def may(name: str, type: Any) -> Column[Any]:
    """A column that may be empty."""
    return Column(name, type, nullable=True)


def refer(
    target: str, *columns: str, to: tuple[str, ...] = (), cascade: bool = False
) -> ForeignKeyConstraint:
    """A reference within the organization; ``cascade`` where this row is a part of the other."""
    remote = to or ("id",)
    return ForeignKeyConstraint(
        ("org", *columns),
        [f"{target}.{name}" for name in ("org", *remote)],
        ondelete="CASCADE" if cascade else None,
    )


def part(name: str, key: tuple[str, ...], *items: Any) -> Table:
    """A table of rows that an organization owns, keyed by it and ``key``."""
    return Table(
        name,
        metadata,
        Column("org", Str, ForeignKey("organizations.id"), nullable=False),
        need("created_at", Moment),
        need("updated_at", Moment),
        *items,
        PrimaryKeyConstraint("org", *key),
    )


def owned(name: str, *items: Any) -> Table:
    """A table of rows with an id of their own."""
    return part(name, ("id",), need("id", Str), *items)


def index_where(name: str, *columns: str, condition: str, unique: bool = False) -> Index:
    where = text(condition)
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


def unique_where(name: str, *columns: str, condition: str) -> Index:
    return index_where(name, *columns, condition=condition, unique=True)


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
    UniqueConstraint("digest"),
    refer("instances", "instance"),
    # A revoked key frees its name.
    unique_where("uq_keys_name", "org", "name", condition="revoked_at IS NULL"),
    Index(None, "org", "instance"),
)

connections = owned(
    "connections",
    need("name", Str),
    need("connector", Str),
    need("config", Json),
    may("project", Str),
    may("customer", Str),
    need("max_parallel", Integer),
    may("deleted_at", Moment),
    refer("projects", "project"),
    refer("customers", "customer"),
    # A deleted connection frees its name.
    unique_where("uq_connections_name", "org", "name", condition="deleted_at IS NULL"),
    Index(None, "org", "project"),
    Index(None, "org", "customer"),
)


def side(name: str, document: type) -> Table:
    """Exports and imports: what is done with a connection."""
    return owned(
        name,
        need("name", Str),
        need("connection", Str),
        need("spec", Document(document)),
        may("project", Str),
        UniqueConstraint("org", "name"),
        refer("connections", "connection"),
        refer("projects", "project"),
        Index(None, "org", "connection"),
    )


exports = side("exports", ExportSpec)
imports = side("imports", ImportSpec)

integrations = owned(
    "integrations",
    need("name", Str),
    may("project", Str),
    UniqueConstraint("org", "name"),
    refer("projects", "project"),
)

flows = owned(
    "flows",
    need("name", Str),
    may("schedule", Document(Schedule)),
    need("policy", Document(Policy)),
    need("enabled", Boolean),
    may("next_due", Moment),
    may("integration", Str),
    may("project", Str),
    UniqueConstraint("org", "name"),
    refer("integrations", "integration"),
    refer("projects", "project"),
    Index(None, "next_due"),
)


def ends(name: str, target: str, column: str) -> Table:
    """The exports or imports of flows, in order: rows of their own so that none can vanish while in use."""
    return Table(
        name,
        metadata,
        need("org", Str),
        need("flow", Str),
        need("position", Integer),
        need(column, Str),
        PrimaryKeyConstraint("org", "flow", "position"),
        refer("flows", "flow", cascade=True),
        refer(target, column),
        Index(None, "org", column),
    )


flow_exports = ends("flow_exports", "exports", "export")
flow_imports = ends("flow_imports", "imports", "import")

runs = owned(
    "runs",
    need("flow", Str),
    need("status", Choice(RunStatus)),
    need("cause", Str),
    may("streams", Strings),
    need("full", Boolean),
    need("cancel_requested", Boolean),
    may("error", Json),
    may("started_at", Moment),
    may("ended_at", Moment),
    Column("log_seq", BigInteger, nullable=False, server_default=text("0")),
    may("parent", Str),
    refer("flows", "flow", cascade=True),
    # Invariant 5: the last guard.
    unique_where("uq_runs_running", "org", "flow", condition="status = 'running'"),
    Index(None, "org", "flow", "id"),
    Index(None, "status"),
)

run_streams = part(
    "run_streams",
    ("run", "stream"),
    need("run", Str),
    need("stream", Str),
    need("status", Choice(StreamStatus)),
    need("epoch", Integer),
    need("selection", Json),
    need("target", Json),
    may("state_before", Json),
    may("state_after", Json),
    need("ordered", Boolean),
    need("pinned", Boolean),
    may("rows_expected", BigInteger),
    need("counters", Counts),
    need("rows_per_second", Double),
    may("error", Json),
    may("started_at", Moment),
    may("ended_at", Moment),
    refer("runs", "run", cascade=True),
)

run_slices = part(
    "run_slices",
    ("run", "stream", "epoch", "slice"),
    need("run", Str),
    need("stream", Str),
    need("epoch", Integer),
    need("slice", Str),
    need("spec", Json),
    need("status", Choice(SliceStatus)),
    may("receipt", Json),
    need("counters", Counts),
    refer("run_streams", "run", "stream", to=("run", "stream"), cascade=True),
)

attempts = owned(
    "attempts",
    need("run", Str),
    need("task", Str),
    need("worker", Str),
    may("ended_at", Moment),
    may("outcome", Str),
    may("error", Json),
    refer("runs", "run", cascade=True),
    Index(None, "org", "run", "id"),
)

states = part(
    "states",
    ("flow", "stream"),
    need("flow", Str),
    need("stream", Str),
    need("generation", Integer),
    may("state", Json),
    may("run", Str),
    refer("flows", "flow", cascade=True),
)

run_log = Table(
    "run_log",
    metadata,
    need("org", Str),
    need("run", Str),
    need("seq", BigInteger),
    need("at", Moment),
    need("level", Severity),
    need("message", Prose),
    need("event", Str),
    may("stream", Str),
    may("slice", Str),
    need("fields", Json),
    PrimaryKeyConstraint("org", "run", "seq"),
    refer("runs", "run", cascade=True),
)

record_errors = owned(
    "record_errors",
    need("run", Str),
    need("flow", Str),
    need("stream", Str),
    need("code", Str),
    need("message", Prose),
    need("record", Json),
    need("status", Choice(ErrorStatus)),
    need("key", Str),
    may("retry", Str),
    refer("runs", "run", cascade=True),
    unique_where("uq_record_errors_key", "org", "run", "stream", "key", condition="key <> ''"),
    Index(None, "org", "run", "id"),
    Index(None, "org", "flow", "status"),
    index_where("ix_record_errors_retrying", "org", "retry", condition="status = 'retrying'"),
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

audit = part(
    "audit",
    ("seq",),
    need("seq", BigInteger),
    need("id", Str),
    need("actor", Str),
    need("action", Str),
    need("object", Str),
    may("address", Str),
    may("request", Str),
    need("detail", Json),
    need("previous", Str),
    need("digest", Str),
    UniqueConstraint("org", "id"),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Str, primary_key=True),
    need("host", Str),
    need("pid", Integer),
    need("beat_at", Moment),
)
