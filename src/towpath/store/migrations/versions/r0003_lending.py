"""Lending and renewing credentials, integrations that can be switched off, the ends of audit chains."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _people()
    _connections()
    _lending()
    _integrations()
    _audit()


def _need(name: str, type: Any, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, type, nullable=False, server_default=None if default is None else sa.text(default))


def _may(name: str, type: Any) -> sa.Column[Any]:
    return sa.Column(name, type, nullable=True)


def _owned(table: str, key: str, *items: Any) -> None:
    op.create_table(
        table,
        _need("org", TEXT),
        _need("created_at", MOMENT),
        _need("updated_at", MOMENT),
        *items,
        sa.PrimaryKeyConstraint("org", key, name=f"pk_{table}"),
        _of_organization(table),
    )


def _of_organization(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["org"], ["organizations.id"], name=f"fk_{table}_org")


def _part_of(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["org", column],
        [f"{target}.org", f"{target}.id"],
        name=f"fk_{table}_org_{column}",
        ondelete="CASCADE",
    )


def _index(name: str, table: str, columns: list[str], condition: str, *, unique: bool = False) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _people() -> None:
    op.drop_index("uq_keys_name", "keys")
    with op.batch_alter_table("keys") as keys:
        keys.add_column(_may("parent", TEXT))
        keys.add_column(_need("hint", TEXT, "''"))
        keys.add_column(_may("expires_at", MOMENT))
        keys.create_foreign_key(
            "fk_keys_org_parent", "keys", ["org", "parent"], ["org", "id"], ondelete="CASCADE"
        )
    _index(
        "uq_keys_name",
        "keys",
        ["org", "name"],
        "revoked_at IS NULL AND kind NOT IN ('access', 'proxy')",
        unique=True,
    )
    op.create_index("ix_keys_org_parent", "keys", ["org", "parent"])
    _index("ix_keys_access", "keys", ["expires_at"], "kind = 'access'")
    op.create_table(
        "numbers",
        _need("org", TEXT),
        _need("kind", TEXT),
        _need("number", sa.BigInteger),
        _need("id", TEXT),
        sa.PrimaryKeyConstraint("org", "kind", "number", name="pk_numbers"),
        sa.UniqueConstraint("org", "kind", "id", name="uq_numbers_org_kind_id"),
        _of_organization("numbers"),
    )
    op.create_table(
        "requests",
        _need("org", TEXT),
        _need("key", TEXT),
        _need("created_at", MOMENT),
        _need("fingerprint", TEXT),
        _need("object", TEXT),
        sa.PrimaryKeyConstraint("org", "key", name="pk_requests"),
        _of_organization("requests"),
    )
    op.create_index("ix_requests_created_at", "requests", ["created_at"])


def _connections() -> None:
    for column in (
        _may("auth", TEXT),
        _need("scopes", TEXT, "'[]'"),
        _need("metadata", TEXT, "'{}'"),
        _need("status", TEXT, "'active'"),
        _may("error", TEXT),
        _may("expires_at", MOMENT),
        _may("last_used_at", MOMENT),
    ):
        op.add_column("connections", column)
    op.drop_index("uq_connections_name", "connections")
    alive = "deleted_at IS NULL AND customer IS"
    _index("uq_connections_name", "connections", ["org", "name"], f"{alive} NULL", unique=True)
    columns = ["org", "customer", "connector", "name"]
    _index("uq_connections_customer", "connections", columns, f"{alive} NOT NULL", unique=True)


def _lending() -> None:
    _owned(
        "grants",
        "id",
        _need("id", TEXT),
        _need("connection", TEXT),
        _need("instance", TEXT),
        _need("capabilities", TEXT),
        sa.UniqueConstraint("org", "connection", "instance", name="uq_grants_org_connection_instance"),
        _part_of("grants", "connection", "connections"),
        _part_of("grants", "instance", "instances"),
    )
    op.create_index("ix_grants_org_instance", "grants", ["org", "instance"])
    _owned(
        "authorizations",
        "id",
        _need("id", TEXT),
        _need("connection", TEXT),
        _may("browser", TEXT),
        _need("expires_at", MOMENT),
        _may("used_at", MOMENT),
        _part_of("authorizations", "connection", "connections"),
    )
    op.create_index("ix_authorizations_org_connection", "authorizations", ["org", "connection"])
    op.create_index("ix_authorizations_expires_at", "authorizations", ["expires_at"])
    _owned(
        "renewals",
        "connection",
        _need("connection", TEXT),
        _may("owner", TEXT),
        _may("until", MOMENT),
        _need("failures", sa.Integer),
        _may("retry_at", MOMENT),
        _part_of("renewals", "connection", "connections"),
    )
    _owned(
        "events",
        "id",
        _need("id", TEXT),
        _need("type", TEXT),
        _need("body", TEXT),
        _need("attempts", sa.Integer),
        _need("due_at", MOMENT),
        _may("ended_at", MOMENT),
        _may("error", TEXT),
    )
    _index("ix_events_due", "events", ["due_at"], "ended_at IS NULL")


def _integrations() -> None:
    with op.batch_alter_table("integrations") as integrations:
        integrations.add_column(_need("summary", TEXT, "''"))
        integrations.add_column(_may("connection", TEXT))
        integrations.add_column(_need("enabled", sa.Boolean, "true"))
        integrations.create_foreign_key(
            "fk_integrations_org_connection", "connections", ["org", "connection"], ["org", "id"]
        )
    op.create_index("ix_integrations_org_connection", "integrations", ["org", "connection"])
    op.create_index("ix_flows_org_integration", "flows", ["org", "integration"])


def _audit() -> None:
    op.create_table(
        "audit_heads",
        _need("org", TEXT),
        _need("seq", sa.BigInteger),
        _need("digest", TEXT),
        sa.PrimaryKeyConstraint("org", name="pk_audit_heads"),
        _of_organization("audit_heads"),
    )
    op.execute(
        "INSERT INTO audit_heads (org, seq, digest) SELECT org, seq, digest FROM audit AS entry "
        "WHERE seq = (SELECT max(seq) FROM audit WHERE org = entry.org)"
    )
