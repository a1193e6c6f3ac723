"""Everything that the first version keeps."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _tenants()
    _flows()
    _runs()


def _need(name: str, type: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, type, nullable=False, **options)


def _may(name: str, type: Any) -> sa.Column[Any]:
    return sa.Column(name, type, nullable=True)


def _owned(table: str, key: list[str], *items: Any) -> None:
    op.create_table(
        table,
        _need("org", TEXT),
        _need("created_at", MOMENT),
        _need("updated_at", MOMENT),
        *items,
        sa.PrimaryKeyConstraint("org", *key, name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name=f"fk_{table}_org"),
    )


def _refer(
    table: str, columns: list[str], target: str, remote: list[str], *, cascade: bool = False
) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        columns,
        [f"{target}.{name}" for name in remote],
        name=f"fk_{table}_{'_'.join(columns)}",
        ondelete="CASCADE" if cascade else None,
    )


def _unique_where(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=True, sqlite_where=where, postgresql_where=where)


def _tenants() -> None:
    op.create_table(
        "master_keys",
        _need("key_id", TEXT),
        _need("created_at", MOMENT),
        _need("digest_key", TEXT),
        sa.PrimaryKeyConstraint("key_id", name="pk_master_keys"),
    )
    op.create_table(
        "organizations",
        _need("id", TEXT),
        _need("name", TEXT),
        _need("created_at", MOMENT),
        sa.UniqueConstraint("name", name="uq_organizations_name"),
        sa.PrimaryKeyConstraint("id", name="pk_organizations"),
    )
    op.create_table(
        "workers",
        _need("id", TEXT),
        _need("host", TEXT),
        _need("pid", sa.Integer),
        _need("beat_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    _owned(
        "audit",
        ["seq"],
        _need("seq", sa.BigInteger),
        _need("id", TEXT),
        _need("actor", TEXT),
        _need("action", TEXT),
        _need("object", TEXT),
        _may("address", TEXT),
        _may("request", TEXT),
        _need("detail", TEXT),
        _need("previous", TEXT),
        _need("digest", TEXT),
        sa.UniqueConstraint("org", "id", name="uq_audit_org_id"),
    )
    _owned(
        "customers",
        ["id"],
        _need("id", TEXT),
        _need("name", TEXT),
        sa.UniqueConstraint("org", "name", name="uq_customers_org_name"),
    )
    _owned(
        "projects",
        ["id"],
        _need("id", TEXT),
        _need("name", TEXT),
        sa.UniqueConstraint("org", "name", name="uq_projects_org_name"),
    )
    _owned(
        "users",
        ["id"],
        _need("id", TEXT),
        _need("name", TEXT),
        _may("email", TEXT),
        _may("password_hash", TEXT),
        _need("disabled", sa.Boolean),
        sa.UniqueConstraint("org", "name", name="uq_users_org_name"),
    )
    _owned(
        "connections",
        ["id"],
        _need("id", TEXT),
        _need("name", TEXT),
        _need("connector", TEXT),
        _need("config", TEXT),
        _may("project", TEXT),
        _may("customer", TEXT),
        _need("max_parallel", sa.Integer),
        _may("deleted_at", MOMENT),
        _refer("connections", ["org", "project"], "projects", ["org", "id"]),
        _refer("connections", ["org", "customer"], "customers", ["org", "id"]),
    )
    _unique_where("uq_connections_name", "connections", ["org", "name"], "deleted_at IS NULL")
    op.create_index("ix_connections_org_customer", "connections", ["org", "customer"])
    op.create_index("ix_connections_org_project", "connections", ["org", "project"])
    _owned(
        "instances",
        ["id"],
        _need("id", TEXT),
        _need("customer", TEXT),
        _need("name", TEXT),
        sa.UniqueConstraint("org", "name", name="uq_instances_org_name"),
        _refer("instances", ["org", "customer"], "customers", ["org", "id"]),
    )
    op.create_index("ix_instances_org_customer", "instances", ["org", "customer"])
    _owned(
        "keys",
        ["id"],
        _need("id", TEXT),
        _need("name", TEXT),
        _need("kind", TEXT),
        _need("digest", TEXT),
        _may("secret_digest", TEXT),
        _may("instance", TEXT),
        _need("scopes", TEXT),
        _may("revoked_at", MOMENT),
        _may("last_used_at", MOMENT),
        sa.UniqueConstraint("digest", name="uq_keys_digest"),
        _refer("keys", ["org", "instance"], "instances", ["org", "id"]),
    )
    _unique_where("uq_keys_name", "keys", ["org", "name"], "revoked_at IS NULL")
    op.create_index("ix_keys_org_instance", "keys", ["org", "instance"])
    _owned(
        "secrets",
        ["connection"],
        _need("connection", TEXT),
        _need("wrapped_key", TEXT),
        _need("key_id", TEXT),
        _need("fields", TEXT),
        _refer("secrets", ["org", "connection"], "connections", ["org", "id"], cascade=True),
        _refer("secrets", ["key_id"], "master_keys", ["key_id"]),
    )
    op.create_index("ix_secrets_key_id", "secrets", ["key_id"])


def _flows() -> None:
    _owned(
        "integrations",
        ["id"],
        _need("id", TEXT),
        _need("name", TEXT),
        _may("project", TEXT),
        sa.UniqueConstraint("org", "name", name="uq_integrations_org_name"),
        _refer("integrations", ["org", "project"], "projects", ["org", "id"]),
    )
    _owned(
        "exports",
        ["id"],
        _need("id", TEXT),
        _need("name", TEXT),
        _need("connection", TEXT),
        _need("spec", TEXT),
        _may("project", TEXT),
        sa.UniqueConstraint("org", "name", name="uq_exports_org_name"),
        _refer("exports", ["org", "connection"], "connections", ["org", "id"]),
        _refer("exports", ["org", "project"], "projects", ["org", "id"]),
    )
    op.create_index("ix_exports_org_connection", "exports", ["org", "connection"])
    _owned(
        "flows",
        ["id"],
        _need("id", TEXT),
        _need("name", TEXT),
        _may("schedule", TEXT),
        _need("policy", TEXT),
        _need("enabled", sa.Boolean),
        _may("next_due", MOMENT),
        _may("integration", TEXT),
        _may("project", TEXT),
        sa.UniqueConstraint("org", "name", name="uq_flows_org_name"),
        _refer("flows", ["org", "integration"], "integrations", ["org", "id"]),
        _refer("flows", ["org", "project"], "projects", ["org", "id"]),
    )
    op.create_index("ix_flows_next_due", "flows", ["next_due"])
    _owned(
        "imports",
        ["id"],
        _need("id", TEXT),
        _need("name", TEXT),
        _need("connection", TEXT),
        _need("spec", TEXT),
        _may("project", TEXT),
        sa.UniqueConstraint("org", "name", name="uq_imports_org_name"),
        _refer("imports", ["org", "connection"], "connections", ["org", "id"]),
        _refer("imports", ["org", "project"], "projects", ["org", "id"]),
    )
    op.create_index("ix_imports_org_connection", "imports", ["org", "connection"])
    op.create_table(
        "flow_exports",
        _need("org", TEXT),
        _need("flow", TEXT),
        _need("position", sa.Integer),
        _need("export", TEXT),
        sa.PrimaryKeyConstraint("org", "flow", "position", name="pk_flow_exports"),
        _refer("flow_exports", ["org", "flow"], "flows", ["org", "id"], cascade=True),
        _refer("flow_exports", ["org", "export"], "exports", ["org", "id"]),
    )
    op.create_index("ix_flow_exports_org_export", "flow_exports", ["org", "export"])
    op.create_table(
        "flow_imports",
        _need("org", TEXT),
        _need("flow", TEXT),
        _need("position", sa.Integer),
        _need("import", TEXT),
        sa.PrimaryKeyConstraint("org", "flow", "position", name="pk_flow_imports"),
        _refer("flow_imports", ["org", "flow"], "flows", ["org", "id"], cascade=True),
        _refer("flow_imports", ["org", "import"], "imports", ["org", "id"]),
    )
    op.create_index("ix_flow_imports_org_import", "flow_imports", ["org", "import"])
    _owned(
        "states",
        ["flow", "stream"],
        _need("flow", TEXT),
        _need("stream", TEXT),
        _need("generation", sa.Integer),
        _may("state", TEXT),
        _may("run", TEXT),
        _refer("states", ["org", "flow"], "flows", ["org", "id"], cascade=True),
    )


def _runs() -> None:
    _owned(
        "runs",
        ["id"],
        _need("id", TEXT),
        _need("flow", TEXT),
        _need("status", TEXT),
        _need("cause", TEXT),
        _may("streams", TEXT),
        _need("full", sa.Boolean),
        _need("cancel_requested", sa.Boolean),
        _may("error", TEXT),
        _may("started_at", MOMENT),
        _may("ended_at", MOMENT),
        _need("log_seq", sa.BigInteger, server_default=sa.text("0")),
        _refer("runs", ["org", "flow"], "flows", ["org", "id"], cascade=True),
    )
    _unique_where("uq_runs_running", "runs", ["org", "flow"], "status = 'running'")
    op.create_index("ix_runs_org_flow_id", "runs", ["org", "flow", "id"])
    op.create_index("ix_runs_status", "runs", ["status"])
    _owned(
        "attempts",
        ["id"],
        _need("id", TEXT),
        _need("run", TEXT),
        _need("task", TEXT),
        _need("worker", TEXT),
        _may("ended_at", MOMENT),
        _may("outcome", TEXT),
        _may("error", TEXT),
        _refer("attempts", ["org", "run"], "runs", ["org", "id"], cascade=True),
    )
    op.create_index("ix_attempts_org_run_id", "attempts", ["org", "run", "id"])
    _owned(
        "record_errors",
        ["id"],
        _need("id", TEXT),
        _need("run", TEXT),
        _need("flow", TEXT),
        _need("stream", TEXT),
        _need("code", TEXT),
        _need("message", TEXT),
        _need("record", TEXT),
        _need("status", TEXT),
        _need("key", TEXT),
        _refer("record_errors", ["org", "run"], "runs", ["org", "id"], cascade=True),
    )
    _unique_where("uq_record_errors_key", "record_errors", ["org", "run", "stream", "key"], "key <> ''")
    op.create_index("ix_record_errors_org_flow_status", "record_errors", ["org", "flow", "status"])
    op.create_index("ix_record_errors_org_run_id", "record_errors", ["org", "run", "id"])
    op.create_table(
        "run_log",
        _need("org", TEXT),
        _need("run", TEXT),
        _need("seq", sa.BigInteger),
        _need("at", MOMENT),
        _need("level", sa.SmallInteger),
        _need("message", TEXT),
        _need("event", TEXT),
        _may("stream", TEXT),
        _may("slice", TEXT),
        _need("fields", TEXT),
        sa.PrimaryKeyConstraint("org", "run", "seq", name="pk_run_log"),
        _refer("run_log", ["org", "run"], "runs", ["org", "id"], cascade=True),
    )
    _owned(
        "run_streams",
        ["run", "stream"],
        _need("run", TEXT),
        _need("stream", TEXT),
        _need("status", TEXT),
        _need("epoch", sa.Integer),
        _need("selection", TEXT),
        _need("target", TEXT),
        _may("state_before", TEXT),
        _may("state_after", TEXT),
        _need("ordered", sa.Boolean),
        _need("pinned", sa.Boolean),
        _may("rows_expected", sa.BigInteger),
        _need("counters", TEXT),
        _need("rows_per_second", sa.Double),
        _may("error", TEXT),
        _may("started_at", MOMENT),
        _may("ended_at", MOMENT),
        _refer("run_streams", ["org", "run"], "runs", ["org", "id"], cascade=True),
    )
    _owned(
        "run_slices",
        ["run", "stream", "epoch", "slice"],
        _need("run", TEXT),
        _need("stream", TEXT),
        _need("epoch", sa.Integer),
        _need("slice", TEXT),
        _need("spec", TEXT),
        _need("status", TEXT),
        _may("receipt", TEXT),
        _need("counters", TEXT),
        _refer("run_slices", ["org", "run", "stream"], "run_streams", ["org", "run", "stream"], cascade=True),
    )
