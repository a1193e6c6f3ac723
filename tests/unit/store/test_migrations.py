"""What the migrations make is what the tables say, on both databases."""

import hashlib
import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from support.postgres import PostgresServer
from towpath.core.errors import ConflictError, IntegrityError, NotFoundError
from towpath.core.records import AuditEntry, AuditHead, ConnectionStatus
from towpath.store import migrations, open_store

_TIMES = ("created_at", "updated_at")
_PG_COLUMNS = """
    SELECT table_name, ordinal_position, column_name, data_type, is_nullable, column_default, collation_name
    FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"""
_PG_CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"""
_PG_INDEXES = (
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"
)


def migrate(url):
    with closing(open_store(url)) as store:
        store.migrate()


def step_by_step(url, revision="head"):
    """The store as the migrations make it, from the first to the last."""
    engine = create_engine(url)
    with engine.begin() as connection:
        _upgrade(connection, revision)
    engine.dispose()


def _upgrade(connection, revision):
    config = Config()
    config.set_main_option("script_location", "towpath.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def sqlite_schema(path):
    """Tables column by column and constraint by constraint, indexes by their words."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql NOT NULL").fetchall()
    # A column that was added later stands on the line of the one before it.
    # A table that was made anew and renamed has its name in quotes.
    # An empty text that is a default has brackets in one that was made anew twice.
    plain = {
        name: re.sub(r'^CREATE TABLE "(\w+)"', r"CREATE TABLE \1", sql).replace("('')", "''")
        for name, sql in rows
    }
    lines = {name: re.split(r"\n|, (?=\w+ [A-Z]+\b)", sql) for name, sql in plain.items()}
    return {name: sorted(part.strip(" ,\t") for part in parts) for name, parts in lines.items()}


def postgres_schema(url):
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [
            connection.execute(text(query)).all() for query in (_PG_COLUMNS, _PG_CONSTRAINTS, _PG_INDEXES)
        ]
    engine.dispose()
    return found


def test_migrations_equal_tables_on_sqlite(tmp_path):
    made, said = tmp_path / "made.sqlite", tmp_path / "said.sqlite"
    step_by_step(f"sqlite:///{made}")
    migrate(f"sqlite:///{said}")
    assert sqlite_schema(made) == sqlite_schema(said)


@pytest.mark.service("postgres")
def test_migrations_equal_tables_on_postgres(postgres: PostgresServer):
    databases = [postgres.create_database() for _ in range(2)]
    made, said = (postgres.url(database, "postgresql+psycopg") for database in databases)
    step_by_step(made)
    migrate(postgres.url(databases[1]))
    assert postgres_schema(made) == postgres_schema(said)


def rows_of_0002(connection):
    """What a store of the second revision may hold, written as that version did."""
    at = datetime(2024, 2, 29, 12, tzinfo=UTC).replace(
        tzinfo=None if connection.dialect.name == "sqlite" else UTC
    )
    owned = {"org": "o1", "created_at": at, "updated_at": at}
    rows = {
        "organizations": [{"id": id, "name": id, "created_at": at} for id in ("o1", "o2")],
        "customers": [owned | {"id": "cus", "name": "c"}],
        "instances": [owned | {"id": "ins", "name": "i", "customer": "cus"}],
        "keys": [
            owned
            | {"id": "key", "name": "k", "kind": "proxy", "digest": "d", "scopes": "[]", "instance": "ins"}
        ],
        "connections": [
            owned | {"id": "con", "name": "c", "connector": "http", "config": "{}", "max_parallel": 4},
            owned
            | {"id": "old", "name": "c", "connector": "http", "config": "{}", "max_parallel": 4}
            | {"deleted_at": at},
        ],
        "integrations": [owned | {"id": "int", "name": "i"}],
        "flows": [owned | {"id": "flw", "name": "f", "policy": "{}", "enabled": True, "integration": "int"}],
        "audit": [],
    }
    previous = ""
    for seq in (1, 2, 3):
        row = owned | {"seq": seq, "id": f"aud{seq}", "actor": "cli", "action": "a", "object": "o"}
        row |= {"address": None, "request": None, "detail": {"é": [1.5, 2**70]}, "previous": previous}
        utc = {name: row[name].replace(tzinfo=UTC).isoformat(timespec="microseconds") for name in _TIMES}
        text = json.dumps(row | utc, sort_keys=True, separators=(",", ":"))
        previous = row["digest"] = hashlib.sha256(text.encode()).hexdigest()
        rows["audit"].append(row | {"detail": " " + json.dumps(row["detail"])})
    return rows


def fill(url):
    """A store at revision 0002 with rows."""
    engine = create_engine(url)
    with engine.begin() as connection:
        _upgrade(connection, "0002")
        for table, rows in rows_of_0002(connection).items():
            for row in rows:
                names = ", ".join(row)
                values = ", ".join(f":{name}" for name in row)
                connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)
    engine.dispose()


def check_migrated(url):
    with closing(open_store(url)) as store:
        store.migrate()
        with store.begin() as unit:
            assert unit.audit.verify("o1") is None
            trail = unit.audit.list("o1")
            assert unit.audit.head("o1") == AuditHead(3, trail[-1].digest)
            assert unit.audit.head("o2") == AuditHead()
            for org in ("o1", "o2"):
                unit.audit.append(org, AuditEntry(org=org, actor="cli", action="b", object="o"))
                assert unit.audit.verify(org) is None
            assert unit.audit.head("o1").seq == 4
            key = unit.keys.get("o1", "key")
            assert (key.hint, key.parent, key.expires_at, key.instance) == ("", None, None, "ins")
            connection = unit.connections.get("o1", "con")
            assert (connection.status, connection.auth) == (ConnectionStatus.ACTIVE, None)
            assert (connection.scopes, connection.metadata) == ((), {})
            integration = unit.integrations.get("o1", "int")
            assert (integration.enabled, integration.summary, integration.connection) == (True, "", None)
            assert unit.flows.get("o1", "flw").integration == "int"
            # References hold as before.
            for rows, id in ((unit.integrations, "int"), (unit.instances, "ins")):
                with pytest.raises(ConflictError):
                    rows.delete("o1", id)
            with pytest.raises(NotFoundError):
                unit.keys.update("o1", "key", instance="nobody")


def test_a_store_of_an_earlier_version_keeps_its_rows_on_sqlite(tmp_path):
    url = f"sqlite:///{tmp_path}/towpath.sqlite"
    fill(url)
    check_migrated(url)


@pytest.mark.service("postgres")
def test_a_store_of_an_earlier_version_keeps_its_rows_on_postgres(postgres: PostgresServer):
    database = postgres.create_database()
    fill(postgres.url(database, "postgresql+psycopg"))
    check_migrated(postgres.url(database))


def test_a_reference_that_was_broken_before_is_told(tmp_path):
    url = f"sqlite:///{tmp_path}/towpath.sqlite"
    fill(url)
    with closing(sqlite3.connect(tmp_path / "towpath.sqlite")) as connection:
        connection.execute("DELETE FROM customers")
        connection.commit()
    with pytest.raises(IntegrityError) as broken:
        migrate(url)
    assert broken.value.code == "store.corrupt"
    assert "customers" in broken.value.message
    with closing(sqlite3.connect(tmp_path / "towpath.sqlite")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0002",)]


def test_head_is_the_newest_revision(tmp_path):
    config = Config()
    config.set_main_option("script_location", "towpath.store:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD


def test_a_store_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "towpath.sqlite"
    migrate(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(IntegrityError) as newer:
        migrate(f"sqlite:///{path}")
    assert newer.value.code == "store.newer"
    assert "9999" in newer.value.message


def test_a_store_that_was_never_migrated_says_so(tmp_path):
    with closing(open_store(f"sqlite:///{tmp_path}/towpath.sqlite")) as store:
        with pytest.raises(IntegrityError) as old, store.read() as unit:
            unit.organizations.list()
        assert old.value.code == "store.not_migrated"


def test_a_migration_that_fails_leaves_nothing(tmp_path):
    path = tmp_path / "towpath.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE runs (other INTEGER)")
    with pytest.raises(Exception, match="runs"):
        migrate(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert tables == [("runs",)]


def _migrate_from_many_processes(url):
    code = f"from towpath.store import open_store; s = open_store({url!r}); s.migrate(); s.close()"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    with closing(open_store(url)) as store, store.read() as unit:
        assert unit.organizations.list() == []


def test_many_processes_migrate_at_once_on_sqlite(tmp_path):
    _migrate_from_many_processes(f"sqlite:///{tmp_path}/towpath.sqlite")


@pytest.mark.service("postgres")
def test_many_processes_migrate_at_once_on_postgres(postgres: PostgresServer):
    _migrate_from_many_processes(postgres.url(postgres.create_database()))
