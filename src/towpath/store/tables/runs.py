"""Runs, and who works on them."""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, Table, text

from towpath.core.records import RunStatus, SliceStatus, StreamStatus
from towpath.store.tables.base import index_where, may, metadata, need, owned, part, refer, unique_where
from towpath.store.types import Choice, Counts, Json, Moment, Str, Strings

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
    need("clear", Boolean, default="false"),
    refer("flows", "flow", cascade=True),
    # Invariant 5: the last guard.
    unique_where("uq_runs_running", "org", "flow", condition="status = 'running'"),
    Index(None, "org", "flow", "id"),
    Index(None, "status"),
    index_where("ix_runs_org_parent", "org", "parent", condition="parent IS NOT NULL"),
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
    need("id", Str, default="''"),
    refer("runs", "run", cascade=True),
    Index("uq_run_streams_id", "org", "id", unique=True),
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

workers = Table(
    "workers",
    metadata,
    Column("id", Str, primary_key=True),
    need("host", Str),
    need("pid", Integer),
    need("beat_at", Moment),
)
