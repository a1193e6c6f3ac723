"""Everything that the first version keeps."""

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


def _unique_where(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=True, sqlite_where=where, postgresql_where=where)


def _tenants() -> None:
    op.create_table(
        "master_keys",
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("digest_key", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_master_keys"),
    )
    op.create_table(
        "organizations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.UniqueConstraint("name", name="uq_organizations_name"),
        sa.PrimaryKeyConstraint("id", name="pk_organizations"),
    )
    op.create_table(
        "workers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("beat_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_table(
        "audit",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("object", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=True),
        sa.Column("request", TEXT, nullable=True),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("previous", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.UniqueConstraint("org", "id", name="uq_audit_org_id"),
        sa.PrimaryKeyConstraint("org", "seq", name="pk_audit"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_audit_org"),
    )
    op.create_table(
        "customers",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.UniqueConstraint("org", "name", name="uq_customers_org_name"),
        sa.PrimaryKeyConstraint("org", "id", name="pk_customers"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_customers_org"),
    )
    op.create_table(
        "projects",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.UniqueConstraint("org", "name", name="uq_projects_org_name"),
        sa.PrimaryKeyConstraint("org", "id", name="pk_projects"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_projects_org"),
    )
    op.create_table(
        "users",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=True),
        sa.Column("password_hash", TEXT, nullable=True),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.UniqueConstraint("org", "name", name="uq_users_org_name"),
        sa.PrimaryKeyConstraint("org", "id", name="pk_users"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_users_org"),
    )
    op.create_table(
        "connections",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("connector", TEXT, nullable=False),
        sa.Column("config", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=True),
        sa.Column("customer", TEXT, nullable=True),
        sa.Column("max_parallel", sa.Integer, nullable=False),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["org", "project"], ["projects.org", "projects.id"], name="fk_connections_org_project"
        ),
        sa.ForeignKeyConstraint(
            ["org", "customer"], ["customers.org", "customers.id"], name="fk_connections_org_customer"
        ),
        sa.PrimaryKeyConstraint("org", "id", name="pk_connections"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_connections_org"),
    )
    _unique_where("uq_connections_name", "connections", ["org", "name"], "deleted_at IS NULL")
    op.create_index("ix_connections_org_customer", "connections", ["org", "customer"])
    op.create_index("ix_connections_org_project", "connections", ["org", "project"])
    op.create_table(
        "instances",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("customer", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.UniqueConstraint("org", "name", name="uq_instances_org_name"),
        sa.ForeignKeyConstraint(
            ["org", "customer"], ["customers.org", "customers.id"], name="fk_instances_org_customer"
        ),
        sa.PrimaryKeyConstraint("org", "id", name="pk_instances"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_instances_org"),
    )
    op.create_index("ix_instances_org_customer", "instances", ["org", "customer"])
    op.create_table(
        "keys",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("secret_digest", TEXT, nullable=True),
        sa.Column("instance", TEXT, nullable=True),
        sa.Column("scopes", TEXT, nullable=False),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.UniqueConstraint("digest", name="uq_keys_digest"),
        sa.ForeignKeyConstraint(
            ["org", "instance"], ["instances.org", "instances.id"], name="fk_keys_org_instance"
        ),
        sa.PrimaryKeyConstraint("org", "id", name="pk_keys"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_keys_org"),
    )
    _unique_where("uq_keys_name", "keys", ["org", "name"], "revoked_at IS NULL")
    op.create_index("ix_keys_org_instance", "keys", ["org", "instance"])
    op.create_table(
        "secrets",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("connection", TEXT, nullable=False),
        sa.Column("wrapped_key", TEXT, nullable=False),
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("fields", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["org", "connection"],
            ["connections.org", "connections.id"],
            name="fk_secrets_org_connection",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org", "connection", name="pk_secrets"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_secrets_org"),
        sa.ForeignKeyConstraint(["key_id"], ["master_keys.key_id"], name="fk_secrets_key_id"),
    )
    op.create_index("ix_secrets_key_id", "secrets", ["key_id"])


def _flows() -> None:
    op.create_table(
        "integrations",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=True),
        sa.UniqueConstraint("org", "name", name="uq_integrations_org_name"),
        sa.ForeignKeyConstraint(
            ["org", "project"], ["projects.org", "projects.id"], name="fk_integrations_org_project"
        ),
        sa.PrimaryKeyConstraint("org", "id", name="pk_integrations"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_integrations_org"),
    )
    op.create_table(
        "exports",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("connection", TEXT, nullable=False),
        sa.Column("spec", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=True),
        sa.UniqueConstraint("org", "name", name="uq_exports_org_name"),
        sa.ForeignKeyConstraint(
            ["org", "connection"], ["connections.org", "connections.id"], name="fk_exports_org_connection"
        ),
        sa.ForeignKeyConstraint(
            ["org", "project"], ["projects.org", "projects.id"], name="fk_exports_org_project"
        ),
        sa.PrimaryKeyConstraint("org", "id", name="pk_exports"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_exports_org"),
    )
    op.create_index("ix_exports_org_connection", "exports", ["org", "connection"])
    op.create_table(
        "flows",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("schedule", TEXT, nullable=True),
        sa.Column("policy", TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("next_due", MOMENT, nullable=True),
        sa.Column("integration", TEXT, nullable=True),
        sa.Column("project", TEXT, nullable=True),
        sa.UniqueConstraint("org", "name", name="uq_flows_org_name"),
        sa.ForeignKeyConstraint(
            ["org", "integration"], ["integrations.org", "integrations.id"], name="fk_flows_org_integration"
        ),
        sa.ForeignKeyConstraint(
            ["org", "project"], ["projects.org", "projects.id"], name="fk_flows_org_project"
        ),
        sa.PrimaryKeyConstraint("org", "id", name="pk_flows"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_flows_org"),
    )
    op.create_index("ix_flows_next_due", "flows", ["next_due"])
    op.create_table(
        "imports",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("connection", TEXT, nullable=False),
        sa.Column("spec", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=True),
        sa.UniqueConstraint("org", "name", name="uq_imports_org_name"),
        sa.ForeignKeyConstraint(
            ["org", "connection"], ["connections.org", "connections.id"], name="fk_imports_org_connection"
        ),
        sa.ForeignKeyConstraint(
            ["org", "project"], ["projects.org", "projects.id"], name="fk_imports_org_project"
        ),
        sa.PrimaryKeyConstraint("org", "id", name="pk_imports"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_imports_org"),
    )
    op.create_index("ix_imports_org_connection", "imports", ["org", "connection"])
    op.create_table(
        "flow_exports",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("export", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("org", "flow", "position", name="pk_flow_exports"),
        sa.ForeignKeyConstraint(
            ["org", "flow"], ["flows.org", "flows.id"], name="fk_flow_exports_org_flow", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["org", "export"], ["exports.org", "exports.id"], name="fk_flow_exports_org_export"
        ),
    )
    op.create_index("ix_flow_exports_org_export", "flow_exports", ["org", "export"])
    op.create_table(
        "flow_imports",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("import", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("org", "flow", "position", name="pk_flow_imports"),
        sa.ForeignKeyConstraint(
            ["org", "flow"], ["flows.org", "flows.id"], name="fk_flow_imports_org_flow", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["org", "import"], ["imports.org", "imports.id"], name="fk_flow_imports_org_import"
        ),
    )
    op.create_index("ix_flow_imports_org_import", "flow_imports", ["org", "import"])
    op.create_table(
        "states",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("state", TEXT, nullable=True),
        sa.Column("run", TEXT, nullable=True),
        sa.ForeignKeyConstraint(
            ["org", "flow"], ["flows.org", "flows.id"], name="fk_states_org_flow", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("org", "flow", "stream", name="pk_states"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_states_org"),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("cause", TEXT, nullable=False),
        sa.Column("streams", TEXT, nullable=True),
        sa.Column("full", sa.Boolean, nullable=False),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("log_seq", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.ForeignKeyConstraint(
            ["org", "flow"], ["flows.org", "flows.id"], name="fk_runs_org_flow", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("org", "id", name="pk_runs"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_runs_org"),
    )
    _unique_where("uq_runs_running", "runs", ["org", "flow"], "status = 'running'")
    op.create_index("ix_runs_org_flow_id", "runs", ["org", "flow", "id"])
    op.create_index("ix_runs_status", "runs", ["status"])
    op.create_table(
        "attempts",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("run", TEXT, nullable=False),
        sa.Column("task", TEXT, nullable=False),
        sa.Column("worker", TEXT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("outcome", TEXT, nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.ForeignKeyConstraint(
            ["org", "run"], ["runs.org", "runs.id"], name="fk_attempts_org_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("org", "id", name="pk_attempts"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_attempts_org"),
    )
    op.create_index("ix_attempts_org_run_id", "attempts", ["org", "run", "id"])
    op.create_table(
        "record_errors",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("run", TEXT, nullable=False),
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("record", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["org", "run"], ["runs.org", "runs.id"], name="fk_record_errors_org_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("org", "id", name="pk_record_errors"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_record_errors_org"),
    )
    _unique_where("uq_record_errors_key", "record_errors", ["org", "run", "stream", "key"], "key <> ''")
    op.create_index("ix_record_errors_org_flow_status", "record_errors", ["org", "flow", "status"])
    op.create_index("ix_record_errors_org_run_id", "record_errors", ["org", "run", "id"])
    op.create_table(
        "run_log",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("run", TEXT, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("stream", TEXT, nullable=True),
        sa.Column("slice", TEXT, nullable=True),
        sa.Column("fields", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("org", "run", "seq", name="pk_run_log"),
        sa.ForeignKeyConstraint(
            ["org", "run"], ["runs.org", "runs.id"], name="fk_run_log_org_run", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "run_streams",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("run", TEXT, nullable=False),
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("selection", TEXT, nullable=False),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("state_before", TEXT, nullable=True),
        sa.Column("state_after", TEXT, nullable=True),
        sa.Column("ordered", sa.Boolean, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("rows_expected", sa.BigInteger, nullable=True),
        sa.Column("counters", TEXT, nullable=False),
        sa.Column("rows_per_second", sa.Double, nullable=False),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["org", "run"], ["runs.org", "runs.id"], name="fk_run_streams_org_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("org", "run", "stream", name="pk_run_streams"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_run_streams_org"),
    )
    op.create_table(
        "run_slices",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("run", TEXT, nullable=False),
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("slice", TEXT, nullable=False),
        sa.Column("spec", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("receipt", TEXT, nullable=True),
        sa.Column("counters", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["org", "run", "stream"],
            ["run_streams.org", "run_streams.run", "run_streams.stream"],
            name="fk_run_slices_org_run_stream",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org", "run", "stream", "epoch", "slice", name="pk_run_slices"),
        sa.ForeignKeyConstraint(["org"], ["organizations.id"], name="fk_run_slices_org"),
    )
