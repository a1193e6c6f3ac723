"""Both databases keep the promises of the store."""

from contextlib import ExitStack, closing

import pytest
from sqlalchemy import text

from support.postgres import PostgresServer
from towpath.core.errors import InternalError
from towpath.core.records import AuditEntry
from towpath.sdk.testing.stores import StoreContract
from towpath.store import open_store
from towpath.store.audit import SqlAudit

_AT = "WHERE org = :org AND seq = :seq"
_AFTER = "WHERE org = :org AND seq > :seq"
_COPY = (
    "org, created_at, updated_at, :seq, 'aud_new', actor, action, object, address, request, detail, "
    "previous, digest"
)
_THERE = f"(SELECT digest FROM audit {_AT})"
_TAMPER = {
    "change": [f"UPDATE audit SET actor = 'nobody' {_AT}"],
    "remove": [f"DELETE FROM audit {_AT}"],
    "renumber": [
        f"DELETE FROM audit {_AT}",
        f"UPDATE audit SET seq = -seq {_AFTER}",
        "UPDATE audit SET seq = -seq - 1 WHERE org = :org AND seq < 0",
        "UPDATE audit_heads SET seq = seq - 1 WHERE org = :org",
    ],
    "swap": [
        f"UPDATE audit SET seq = -1 {_AT}",
        "UPDATE audit SET seq = :seq WHERE org = :org AND seq = :seq + 1",
        "UPDATE audit SET seq = :seq + 1 WHERE org = :org AND seq = -1",
    ],
    "insert": [
        f"UPDATE audit SET seq = -seq {_AFTER} OR org = :org AND seq = :seq",
        "UPDATE audit SET seq = -seq + 1 WHERE org = :org AND seq < 0",
        f"INSERT INTO audit SELECT {_COPY} FROM audit WHERE org = :org AND seq = :seq - 1",
    ],
    "cut": [f"DELETE FROM audit {_AFTER}", f"DELETE FROM audit {_AT}"],
    "head": [f"UPDATE audit_heads SET seq = :seq, digest = {_THERE} WHERE org = :org"],
    "behead": ["DELETE FROM audit_heads WHERE org = :org"],
}


def add_row(store, org):
    """A row that is chained as the store itself does it, but behind the head's back."""
    with store._engine.begin() as connection:
        head = connection.execute(text("SELECT * FROM audit_heads WHERE org = :org"), {"org": org}).one()
        SqlAudit(connection).extend(org, [AuditEntry(org=org, actor="nobody", action="x", object="y")])
        back = "UPDATE audit_heads SET seq = :seq, digest = :digest WHERE org = :org"
        connection.execute(text(back), dict(head._mapping))


class SqlStoreContract(StoreContract):
    @pytest.fixture
    def tamper(self, store):
        def tamper(org, how, seq):
            if how == "add":
                add_row(store, org)
                return
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
