"""Exports and imports named within their projects, and events that go to one receiver of several."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    for table in ("exports", "imports"):
        with op.batch_alter_table(table) as side:
            side.drop_constraint(f"uq_{table}_org_name", type_="unique")
        _unique(f"uq_{table}_name", table, ["org", "name"], "project IS NULL")
        _unique(f"uq_{table}_project", table, ["org", "project", "name"], "project IS NOT NULL")
    with op.batch_alter_table("events") as events:
        events.add_column(sa.Column("connection", TEXT, nullable=True))
        events.create_foreign_key(
            "fk_events_org_connection",
            "connections",
            ["org", "connection"],
            ["org", "id"],
            ondelete="CASCADE",
        )
    op.create_index("ix_events_org_connection", "events", ["org", "connection"])


def _unique(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=True, sqlite_where=where, postgresql_where=where)
