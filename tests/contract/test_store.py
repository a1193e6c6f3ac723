"""Both databases keep the promises of the store."""

from contextlib import closing

import pytest
from sqlalchemy import text

from support.postgres import PostgresServer
from towpath.core.errors import InternalError
from towpath.sdk.testing.stores import StoreContract
from towpath.store import open_store

_TAMPER = {
    "change": ["UPDATE audit SET actor = 'nobody' WHERE org = :org AND seq = :seq"],
    "remove": ["DELETE FROM audit WHERE org = :org AND seq = :seq"],
    "swap": [
        "UPDATE audit SET seq = -1 WHERE org = :org AND seq = :seq",
        "UPDATE audit SET seq = :seq WHERE org = :org AND seq = :seq + 1",
        "UPDATE audit SET seq = :seq + 1 WHERE org = :org AND seq = -1",
    ],
}


class SqlStoreContract(StoreContract):
    @pytest.fixture
    def tamper(self, store):
        def tamper(org, how, seq):
            with store._engine.begin() as connection:
                for statement in _TAMPER[how]:
                    connection.execute(text(statement), {"org": org, "seq": seq})

        return tamper


@pytest.fixture(scope="module")
def sqlite_store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "towpath.sqlite"
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.migrate()
        yield store


@pytest.fixture(scope="module")
def postgres_store(postgres: PostgresServer):
    with closing(open_store(postgres.url(postgres.create_database()))) as store:
        store.migrate()
        yield store


class TestSqlite(SqlStoreContract):
    @pytest.fixture
    def store(self, sqlite_store):
        return sqlite_store

    def test_a_unit_inside_another_is_a_defect(self, store, world):
        with store.begin() as unit:
            with pytest.raises(InternalError) as nested, store.begin():
                pass
            assert nested.value.code == "store.nested_unit"
            unit.projects.add(world.org, world.fresh("projects"))


@pytest.mark.service("postgres")
class TestPostgres(SqlStoreContract):
    @pytest.fixture
    def store(self, postgres_store):
        return postgres_store
