"""The store beside a PostgreSQL server that refuses, dies and comes back."""

from contextlib import closing

import psycopg
import pytest
from sqlalchemy import make_url

from support.postgres import PASSWORD, PostgresServer
from towpath.core.errors import AuthError, BusyError, ConfigError, TowpathError, UnreachableError
from towpath.core.records import Organization
from towpath.store import engine, open_store

pytestmark = pytest.mark.service("postgres")


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"password": "hunter2"}, AuthError, "store.auth_failed"),
        ({"username": "nobody"}, AuthError, "store.auth_failed"),
        ({"database": "nowhere"}, ConfigError, "store.no_database"),
        ({"port": 1}, UnreachableError, "store.unreachable"),
        ({"host": "towpath.invalid"}, UnreachableError, "store.unreachable"),
    ],
    ids=str,
)
def test_connections_that_fail(postgres: PostgresServer, change, error, code):
    url = make_url(postgres.url()).set(**change)
    address = url.render_as_string(hide_password=False)
    with closing(open_store(address)) as store, pytest.raises(error) as failed:
        store.migrate()
    assert failed.value.code == code
    assert failed.value.hint
    told = str(failed.value.to_json())
    assert "hunter2" not in told
    assert PASSWORD not in told


def _add_over_a_kill(store, server):
    with store.begin() as unit:
        unit.organizations.add(Organization(name="lost"))
        server.kill()
        unit.organizations.add(Organization(name="never"))


def test_a_server_that_dies_and_comes_back():
    with (
        PostgresServer({"synchronous_commit": "on"}) as server,
        closing(open_store(server.url(server.create_database()))) as store,
    ):
        store.migrate()
        with store.begin() as unit:
            kept = unit.organizations.add(Organization(name="kept"))
        with pytest.raises(TowpathError) as died:
            _add_over_a_kill(store, server)
        assert died.value.code == "store.unreachable"
        assert died.value.retryable
        with pytest.raises(UnreachableError), store.read() as unit:
            unit.organizations.list()
        server.start()
        with store.read() as unit:
            assert unit.organizations.list() == [kept]


def test_a_row_that_another_holds_too_long(postgres: PostgresServer, monkeypatch):
    monkeypatch.setattr(engine, "LOCK_TIMEOUT", 0.2)
    database = postgres.create_database()
    with closing(open_store(postgres.url(database))) as store, postgres.connect(database) as other:
        store.migrate()
        assert isinstance(other, psycopg.Connection)
        other.execute("BEGIN")
        other.execute("LOCK TABLE organizations")
        with pytest.raises(BusyError) as busy, store.begin() as unit:
            unit.organizations.add(Organization(name="x"))
        assert (busy.value.code, busy.value.retryable) == ("store.busy", True)
        other.execute("ROLLBACK")
        with store.begin() as unit:
            unit.organizations.add(Organization(name="x"))
