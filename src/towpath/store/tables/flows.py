"""What moves, where to, when, and where it goes on."""

from sqlalchemy import Boolean, Index, Integer, PrimaryKeyConstraint, Table, UniqueConstraint

from towpath.core.flows import ExportSpec, ImportSpec, Policy, Schedule
from towpath.core.pipelines import Pipeline
from towpath.store.tables.base import may, metadata, need, owned, part, refer, unique_where
from towpath.store.types import Document, Json, Moment, Str

integrations = owned(
    "integrations",
    need("name", Str),
    may("project", Str),
    need("summary", Str, default="''"),
    may("connection", Str),
    need("enabled", Boolean, default="true"),
    need("metadata", Json, default="'{}'"),
    UniqueConstraint("org", "name"),
    refer("projects", "project"),
    refer("connections", "connection"),
    Index(None, "org", "connection"),
)


def side(name: str, document: type) -> Table:
    """Exports and imports: what is done with a connection."""
    return owned(
        name,
        need("name", Str),
        need("connection", Str),
        need("spec", Document(document)),
        may("project", Str),
        need("metadata", Json, default="'{}'"),
        unique_where(f"uq_{name}_name", "org", "name", condition="project IS NULL"),
        unique_where(f"uq_{name}_project", "org", "project", "name", condition="project IS NOT NULL"),
        refer("connections", "connection"),
        refer("projects", "project"),
        Index(None, "org", "connection"),
    )


exports = side("exports", ExportSpec)
imports = side("imports", ImportSpec)

flows = owned(
    "flows",
    need("name", Str),
    may("schedule", Document(Schedule)),
    need("policy", Document(Policy)),
    need("enabled", Boolean),
    may("next_due", Moment),
    may("integration", Str),
    may("project", Str),
    need("metadata", Json, default="'{}'"),
    need("created_by", Str, default="''"),
    need("updated_by", Str, default="''"),
    may("pipeline", Document(Pipeline)),
    unique_where("uq_flows_name", "org", "name", condition="project IS NULL"),
    unique_where("uq_flows_project", "org", "project", "name", condition="project IS NOT NULL"),
    refer("integrations", "integration"),
    refer("projects", "project"),
    Index(None, "org", "integration"),
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
