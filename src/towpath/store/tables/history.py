"""What happened."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, PrimaryKeyConstraint, Table, UniqueConstraint

from towpath.core.records import ErrorStatus
from towpath.store.tables.base import index_where, may, metadata, need, owned, part, refer, unique_where
from towpath.store.types import Choice, Json, Moment, Prose, Severity, Str

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
    need("detail", Json, default="'{}'"),
    refer("runs", "run", cascade=True),
    unique_where("uq_record_errors_key", "org", "run", "stream", "key", condition="key <> ''"),
    Index(None, "org", "run", "id"),
    Index(None, "org", "flow", "status"),
    Index(None, "org", "flow", "stream", "status", "id"),
    index_where("ix_record_errors_unresolved", "org", "run", "stream", condition="status <> 'resolved'"),
    index_where("ix_record_errors_retrying", "org", "retry", condition="status = 'retrying'"),
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
    # Of lent credentials there are far too many, and nobody asks for them one object at a time.
    index_where("ix_audit_object", "org", "object", "seq", condition="action <> 'credential.fetch'"),
)

# The end of each chain: where the next row goes, and what shows that rows are gone from the end.
audit_heads = Table(
    "audit_heads",
    metadata,
    Column("org", Str, ForeignKey("organizations.id"), primary_key=True),
    need("seq", BigInteger),
    need("digest", Str),
)
