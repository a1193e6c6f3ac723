"""Both databases keep the promises of the store."""

from contextlib import ExitStack, closing

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


def three_stores(url):
    """Objects with nothing in common but the database, as three processes have them."""
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(open_store(url))) for _ in range(3)]
        stores[0].migrate()
        yield stores


@pytest.fixture(scope="module")
def sqlite_stores(tmp_path_factory):
    yield from three_stores(f"sqlite:///{tmp_path_factory.mktemp('store')}/towpath.sqlite")


@pytest.fixture(scope="module")
def postgres_stores(postgres: PostgresServer):
    yield from three_stores(postgres.url(postgres.create_database()))


class TestSqlite(SqlStoreContract):
    @pytest.fixture
    def store(self, sqlite_stores):
        return sqlite_stores[0]

    @pytest.fixture
    def twins(self, sqlite_stores):
        return sqlite_stores[1:]

    def test_a_unit_inside_another_is_a_defect(self, store, world):
        with store.begin() as unit:
            with pytest.raises(InternalError) as nested, store.begin():
                pass
            assert nested.value.code == "store.nested_unit"
            unit.projects.add(world.org, world.fresh("projects"))


@pytest.mark.service("postgres")
class TestPostgres(SqlStoreContract):
    @pytest.fixture
    def store(self, postgres_stores):
        return postgres_stores[0]

    @pytest.fixture
    def twins(self, postgres_stores):
        return postgres_stores[1:]
