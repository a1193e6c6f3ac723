"""The records lane: pipelines, steps of runs with ids of their own, and what is kept for programs."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from towpath.core.ids import new_id

revision = "0006"
down_revision = "0005"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)
PASSING = "'access', 'session', 'link', 'invite'"


def upgrade() -> None:
    for table in ("exports", "imports", "integrations"):
        op.add_column(table, _need("metadata", TEXT, "'{}'"))
    op.add_column("connections", sa.Column("lender", TEXT, nullable=True))
    op.add_column("connections", sa.Column("debug_until", MOMENT, nullable=True))
    op.add_column("flows", sa.Column("pipeline", TEXT, nullable=True))
    op.add_column("record_errors", _need("detail", TEXT, "'{}'"))
    _runs()
    _errors()
    _audit()
    _steps()
    _keys()
    _items()


def _runs() -> None:
    again = sa.text("parent IS NOT NULL")
    op.create_index(
        "ix_runs_org_parent", "runs", ["org", "parent"], sqlite_where=again, postgresql_where=again
    )


def _errors() -> None:
    left = sa.text("status <> 'resolved'")
    columns = ["org", "run", "stream"]
    op.create_index(
        "ix_record_errors_unresolved", "record_errors", columns, sqlite_where=left, postgresql_where=left
    )
    inbox = ["org", "flow", "stream", "status", "id"]
    op.create_index("ix_record_errors_org_flow_stream_status_id", "record_errors", inbox)


def _audit() -> None:
    asked = sa.text("action <> 'credential.fetch'")
    columns = ["org", "object", "seq"]
    op.create_index("ix_audit_object", "audit", columns, sqlite_where=asked, postgresql_where=asked)


def _need(name: str, type: Any, default: str) -> sa.Column[Any]:
    return sa.Column(name, type, nullable=False, server_default=sa.text(default))


def _steps() -> None:
    op.add_column("run_streams", _need("id", TEXT, "''"))
    streams = sa.table("run_streams", *map(sa.column, ("org", "run", "stream", "id")))
    database = op.get_bind()
    for row in database.execute(sa.select(streams.c.org, streams.c.run, streams.c.stream)).all():
        this = sa.and_(*(column == value for column, value in zip(streams.c, row, strict=False)))
        database.execute(sa.update(streams).where(this).values(id=new_id("stp")))
    op.create_index("uq_run_streams_id", "run_streams", ["org", "id"], unique=True)


def _keys() -> None:
    op.drop_index("uq_keys_name", "keys")
    op.drop_index("ix_keys_passing", "keys")
    passing = f"{PASSING}, 'once'"
    named = sa.text(f"revoked_at IS NULL AND kind NOT IN ({passing}, 'proxy')")
    op.create_index(
        "uq_keys_name", "keys", ["org", "name"], unique=True, sqlite_where=named, postgresql_where=named
    )
    brief = sa.text(f"kind IN ({passing})")
    op.create_index("ix_keys_passing", "keys", ["expires_at"], sqlite_where=brief, postgresql_where=brief)


def _items() -> None:
    op.create_table(
        "items",
        sa.Column("org", TEXT, sa.ForeignKey("organizations.id"), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("id", "kind", "name")),
        sa.Column("parent", TEXT, nullable=True),
        sa.Column("document", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("org", "id"),
        sa.ForeignKeyConstraint(["org", "parent"], ["items.org", "items.id"], ondelete="CASCADE"),
    )
    op.create_index("ix_items_org_kind_id", "items", ["org", "kind", "id"])
    op.create_index("ix_items_org_parent", "items", ["org", "parent"])
    op.create_table(
        "stored_values",
        sa.Column("org", TEXT, sa.ForeignKey("organizations.id"), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("scope", "key")),
        sa.Column("value", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("org", "scope", "key"),
    )
    op.create_table(
        "buckets",
        sa.Column("org", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("org", "name"),
    )
    op.create_table(
        "debug_lines",
        *(sa.Column(name, TEXT, nullable=False) for name in ("org", "id")),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("connection", TEXT, nullable=False),
        sa.Column("step", TEXT, nullable=True),
        *(sa.Column(name, TEXT, nullable=False) for name in ("what", "detail")),
        sa.PrimaryKeyConstraint("org", "id"),
        sa.ForeignKeyConstraint(
            ["org", "connection"], ["connections.org", "connections.id"], ondelete="CASCADE"
        ),
    )
    op.create_index("ix_debug_lines_org_connection_id", "debug_lines", ["org", "connection", "id"])
    op.create_index("ix_debug_lines_at", "debug_lines", ["at"])
