"""Runs that send rejected records again: the run before, and the records' run."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
RETRYING = sa.text("status = 'retrying'")


def upgrade() -> None:
    op.add_column("runs", sa.Column("parent", TEXT, nullable=True))
    op.add_column("record_errors", sa.Column("retry", TEXT, nullable=True))
    op.create_index(
        "ix_record_errors_retrying",
        "record_errors",
        ["org", "retry"],
        sqlite_where=RETRYING,
        postgresql_where=RETRYING,
    )
