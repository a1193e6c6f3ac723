"""From any state of the store to today's tables: `upgrade`. A new migration is a new file in ``versions``.

An empty store gets the tables as `tables` says them, at once; Alembic's migrations, one after the other, are
for stores that an earlier version made. A test holds that the two come to the same.
"""

from pathlib import Path

from sqlalchemy import Connection, func, inspect, select, text

from towpath.core.errors import IntegrityError
from towpath.store.tables import metadata

#: The newest revision. Known here so that a store that is up to date costs one query, not all of Alembic.
HEAD = "0006"

#: Any number, as long as every version takes the same: the advisory lock of migrations on PostgreSQL.
_LOCK = 7_087_215

#: As Alembic itself makes it.
_VERSION = """
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)
"""

_LOST = "PRAGMA foreign_key_check"


def upgrade(connection: Connection) -> None:
    """Bring the tables to `HEAD` inside the connection's transaction.

    One process at a time: SQLite's write lock is held already, PostgreSQL's lock is taken here. Raises
    `IntegrityError` (``store.newer``) if a newer version of towpath has changed the tables.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    present = revision(connection)
    if present is None:
        _create(connection)
    elif present != HEAD:
        _run(connection, present)


def revision(connection: Connection) -> str | None:
    """The revision of the tables; None if there are none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _create(connection: Connection) -> None:
    metadata.create_all(connection, checkfirst=False)
    connection.exec_driver_sql(_VERSION)
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _run(connection: Connection, present: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if present not in known:
        raise IntegrityError(
            "store.newer",
            f"The store was changed by a newer version of towpath (its tables are at {present!r}).",
            hint="Upgrade towpath, or restore the store from a backup made before.",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    _check_references(connection)


def _check_references(connection: Connection) -> None:
    """SQLite did not look after them meanwhile."""
    if connection.dialect.name == "sqlite" and (lost := connection.exec_driver_sql(_LOST).first()):
        raise IntegrityError(
            "store.corrupt",
            f"The row {lost[1]} of the table {lost[0]!r} refers to a row of {lost[2]!r} that is not there.",
            hint="Restore the store from a backup.",
        )
