"""People who sign in, projects with names of their own, runs that clear."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
PASSING = "'access', 'session', 'link', 'invite'"


def upgrade() -> None:
    _people()
    _names()
    op.add_column("runs", _need("clear", sa.Boolean, "false"))


def _need(name: str, type: Any, default: str) -> sa.Column[Any]:
    return sa.Column(name, type, nullable=False, server_default=sa.text(default))


def _index(name: str, table: str, columns: list[str], condition: str, *, unique: bool = True) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _people() -> None:
    op.add_column("users", _need("role", TEXT, "'member'"))
    # Whoever is there already came in by the command line of the machine itself.
    op.execute("UPDATE users SET role = 'owner'")
    op.drop_index("uq_keys_name", "keys")
    op.drop_index("ix_keys_access", "keys")
    with op.batch_alter_table("keys") as keys:
        keys.add_column(sa.Column("user", TEXT, nullable=True))
        keys.create_foreign_key(
            "fk_keys_org_user", "users", ["org", "user"], ["org", "id"], ondelete="CASCADE"
        )
    named = f"revoked_at IS NULL AND kind NOT IN ({PASSING}, 'proxy')"
    _index("uq_keys_name", "keys", ["org", "name"], named)
    op.create_index("ix_keys_org_user", "keys", ["org", "user"])
    _index("ix_keys_passing", "keys", ["expires_at"], f"kind IN ({PASSING})", unique=False)


def _names() -> None:
    op.add_column("connections", sa.Column("role", TEXT, nullable=True))
    op.add_column("flows", _need("metadata", TEXT, "'{}'"))
    for table in ("connections", "flows"):
        op.add_column(table, _need("created_by", TEXT, "''"))
        op.add_column(table, _need("updated_by", TEXT, "''"))
    op.drop_index("uq_connections_name", "connections")
    alive = "deleted_at IS NULL AND customer IS NULL AND project IS"
    _index("uq_connections_name", "connections", ["org", "name"], f"{alive} NULL")
    _index("uq_connections_project", "connections", ["org", "project", "role", "name"], f"{alive} NOT NULL")
    with op.batch_alter_table("flows") as flows:
        flows.drop_constraint("uq_flows_org_name", type_="unique")
    _index("uq_flows_name", "flows", ["org", "name"], "project IS NULL")
    _index("uq_flows_project", "flows", ["org", "project", "name"], "project IS NOT NULL")
