"""An overwrite replaces the rows and nothing else: what users attached to the table stays."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pyarrow as pa
import pytest

from support.postgres import PostgresServer
from towpath.connectors.postgres.config import PostgresConfig
from towpath.connectors.postgres.destination import PostgresDestination
from towpath.sdk import AuthError, Batch, Checkpoint, SchemaError, Slice, Target, WriteMode

pytestmark = pytest.mark.service("postgres")

OLD = pa.table({"id": pa.array([1, 2, 3]), "v": ["a", "b", "c"]})
NEW = pa.table({"id": pa.array([2, 4]), "v": ["B", "d"]})
ROWS = [(2, "B"), (4, "d")]


@pytest.fixture
def config(postgres: PostgresServer, postgres_database: str) -> PostgresConfig:
    return PostgresConfig(**postgres.config(postgres_database))


@pytest.fixture
def db(postgres: PostgresServer, postgres_database: str) -> Iterator[psycopg.Connection]:
    with postgres.connect(postgres_database) as connection:
        connection.prepare_threshold = None
        yield connection


@pytest.fixture
def destination(config: PostgresConfig) -> Iterator[PostgresDestination]:
    with PostgresDestination(config) as made:
        yield made


def overwrite(
    destination: PostgresDestination, table: pa.Table, key: tuple[str, ...] = (), run: str = "r"
) -> None:
    target = Target("t", table.schema, WriteMode.OVERWRITE, run, "public.t", "l", primary_key=key)
    destination.prepare(target)
    writer = destination.writer(target, Slice("s0"))
    for batch in table.to_batches():
        writer.write(Batch(batch))
    destination.commit(target, [writer.close()], Checkpoint(run, 1, None))
    destination.discard(target)


def oid(db: psycopg.Connection) -> int:
    row = db.execute("SELECT 't'::regclass::oid::int8").fetchone()
    assert row is not None
    return int(row[0])


def rows(db: psycopg.Connection) -> list[tuple[object, ...]]:
    return db.execute("SELECT * FROM t ORDER BY id").fetchall()


#: What a user may have attached to the table, and a query that finds it still there and at work.
ATTACHED = {
    "a view": ("CREATE VIEW w AS SELECT id FROM t", "SELECT count(*) = 2 FROM w"),
    "a materialized view": ("CREATE MATERIALIZED VIEW w AS SELECT id FROM t", "SELECT count(*) = 3 FROM w"),
    "a function": (
        "CREATE FUNCTION f() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM t; END",
        "SELECT f() = 2",
    ),
    "a rule": (
        "CREATE RULE r AS ON UPDATE TO t DO INSTEAD NOTHING",
        "SELECT count(*) = 1 FROM pg_rules WHERE tablename = 't'",
    ),
    "an index": ("CREATE INDEX i ON t (v)", "SELECT count(*) = 1 FROM pg_indexes WHERE indexname = 'i'"),
    "a unique key": (
        "ALTER TABLE t ADD UNIQUE (v)",
        "SELECT count(*) = 1 FROM pg_constraint WHERE contype = 'u' AND conrelid = 't'::regclass",
    ),
    "another primary key": (
        "ALTER TABLE t ADD PRIMARY KEY (v)",
        "SELECT count(*) = 1 FROM pg_constraint WHERE contype = 'p' AND conrelid = 't'::regclass",
    ),
    "a check": (
        "ALTER TABLE t ADD CHECK (id > 0)",
        "SELECT count(*) = 1 FROM pg_constraint WHERE contype = 'c' AND conrelid = 't'::regclass",
    ),
    "a foreign key": (
        """CREATE TABLE o (id bigint PRIMARY KEY); INSERT INTO o SELECT generate_series(1, 9);
        ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES o""",
        "SELECT count(*) = 1 FROM pg_constraint WHERE contype = 'f' AND conrelid = 't'::regclass",
    ),
    "a trigger": (
        """CREATE TABLE heard (n int); CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO heard VALUES (1); RETURN NULL; END';
        CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION hear()""",
        "SELECT count(*) = 2 FROM heard",
    ),
    "a policy": (
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (id > 1)",
        "SELECT count(*) = 1 FROM pg_policies",
    ),
    "a default": (
        "ALTER TABLE t ALTER v SET DEFAULT 'x'",
        "SELECT count(*) = 1 FROM pg_attrdef WHERE adrelid = 't'::regclass",
    ),
    "a not-null": (
        "ALTER TABLE t ALTER v SET NOT NULL",
        "SELECT attnotnull FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'v'",
    ),
    "an identity": (
        "ALTER TABLE t ALTER id SET NOT NULL, ALTER id ADD GENERATED ALWAYS AS IDENTITY",
        "SELECT attidentity = 'a' FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'id'",
    ),
    "a collation": (
        'ALTER TABLE t ALTER v TYPE text COLLATE "C"',
        """SELECT attcollation = '"C"'::regcollation FROM pg_attribute
        WHERE attrelid = 't'::regclass AND attname = 'v'""",
    ),
    "a storage setting": (
        "ALTER TABLE t SET (fillfactor = 50)",
        "SELECT reloptions[1] = 'fillfactor=50' FROM pg_class WHERE relname = 't'",
    ),
    "statistics": ("CREATE STATISTICS x ON id, v FROM t", "SELECT count(*) = 1 FROM pg_statistic_ext"),
    "a publication": (
        "CREATE PUBLICATION p FOR TABLE t",
        "SELECT count(*) = 1 FROM pg_publication_tables WHERE tablename = 't'",
    ),
    "a replica identity": (
        "ALTER TABLE t REPLICA IDENTITY FULL",
        "SELECT relreplident = 'f' FROM pg_class WHERE relname = 't'",
    ),
    "a child": ("CREATE TABLE c () INHERITS (t)", "SELECT count(*) = 1 FROM pg_inherits"),
    "a column's grant": (
        "GRANT SELECT (id) ON t TO pg_monitor",
        "SELECT has_column_privilege('pg_monitor', 't', 'id', 'SELECT')",
    ),
}


@pytest.mark.parametrize("name", ATTACHED)
def test_what_is_attached_to_the_table_stays(
    destination: PostgresDestination, db: psycopg.Connection, name: str
):
    attach, still = ATTACHED[name]
    overwrite(destination, OLD)
    db.execute(attach)
    before = oid(db)
    overwrite(destination, NEW, run="r2")
    assert rows(db) == ROWS
    assert db.execute(still).fetchone() == (True,)
    assert oid(db) == before


def test_a_table_with_nothing_attached_is_swapped(destination: PostgresDestination, db: psycopg.Connection):
    overwrite(destination, OLD, ("id",))
    before = oid(db)
    overwrite(destination, NEW, ("id",), run="r2")
    assert rows(db) == ROWS
    assert oid(db) != before
    assert db.execute("SELECT indexname FROM pg_indexes WHERE tablename = 't'").fetchall() == [("t_pkey",)]
    settings = db.execute(
        "SELECT relpersistence::text, reloptions FROM pg_class WHERE relname = 't'"
    ).fetchone()
    assert settings == ("p", None)


def test_a_swap_carries_owner_grants_and_comments(
    destination: PostgresDestination, db: psycopg.Connection, config: PostgresConfig
):
    owner, reader = f"owner_{config.database}", f'odd "reader" {config.database}'
    quoted = '"' + reader.replace('"', '""') + '"'
    db.execute(f"CREATE ROLE {owner}; CREATE ROLE {quoted}; GRANT CREATE ON SCHEMA public TO {owner}")
    overwrite(destination, OLD)
    before = oid(db)
    db.execute(f"ALTER TABLE t OWNER TO {owner}")
    db.execute(f"GRANT SELECT ON t TO {quoted} WITH GRANT OPTION; GRANT INSERT, SELECT ON t TO PUBLIC")
    db.execute("COMMENT ON TABLE t IS 'it''s mine'; COMMENT ON COLUMN t.v IS 'a value'")
    db.execute(f"ALTER DEFAULT PRIVILEGES GRANT DELETE ON TABLES TO {quoted}")
    facts = (
        "SELECT pg_get_userbyid(relowner), (SELECT array_agg(g::text ORDER BY g::text)"
        " FROM aclexplode(relacl) g WHERE g.grantee <> relowner), obj_description(oid),"
        " col_description(oid, 2)"
        " FROM pg_class WHERE relname = 't'"
    )
    had = db.execute(facts).fetchone()
    overwrite(destination, NEW, run="r2")
    assert oid(db) != before
    assert db.execute(facts).fetchone() == had
    assert rows(db) == ROWS
    db.execute(f"DROP OWNED BY {owner}, {quoted}; DROP ROLE {owner}; DROP ROLE {quoted}")


def test_a_partitioned_table_is_filled_in_place(destination: PostgresDestination, db: psycopg.Connection):
    db.execute("CREATE TABLE t (id bigint, v text) PARTITION BY RANGE (id)")
    db.execute("CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (3)")
    db.execute("CREATE TABLE t2 PARTITION OF t DEFAULT; INSERT INTO t VALUES (7, 'old')")
    overwrite(destination, NEW)
    assert rows(db) == ROWS
    assert db.execute("SELECT id FROM t1").fetchall() == [(2,)]


def test_a_table_that_stays_takes_the_new_shape(destination: PostgresDestination, db: psycopg.Connection):
    db.execute(
        "CREATE TABLE t (gone int, id text, v text); CREATE INDEX i ON t (v);"
        "INSERT INTO t VALUES (1, 'x', 'y')"
    )
    overwrite(destination, NEW)
    assert rows(db) == ROWS
    assert db.execute("SELECT count(*) FROM pg_indexes WHERE indexname = 'i'").fetchone() == (1,)


def test_a_view_on_a_column_that_goes_is_a_clear_error(
    destination: PostgresDestination, db: psycopg.Connection
):
    overwrite(destination, OLD)
    db.execute("CREATE VIEW w AS SELECT v FROM t")
    with pytest.raises(SchemaError) as caught:
        overwrite(destination, NEW.select(["id"]), run="r2")
    assert caught.value.code == "schema.incompatible"
    assert rows(db) == [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.parametrize("rule", ["NO ACTION", "CASCADE", "SET NULL"])
def test_rows_that_others_point_to_are_merged(
    destination: PostgresDestination, db: psycopg.Connection, rule: str
):
    """A delete and a new insert would cascade into the tables of the user."""
    db.execute("CREATE TABLE t (id bigint PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    db.execute(f"CREATE TABLE o (t bigint REFERENCES t ON DELETE {rule}); INSERT INTO o VALUES (2)")
    overwrite(destination, NEW, ("id",))
    assert rows(db) == ROWS
    assert db.execute("SELECT * FROM o").fetchall() == [(2,)]
    with pytest.raises(SchemaError) as caught:
        overwrite(destination, NEW, run="r2")
    assert caught.value.code == "schema.incompatible"
    assert rows(db) == ROWS


def test_rows_that_a_policy_hides_are_never_left_beside_the_new_ones(
    destination: PostgresDestination, db: psycopg.Connection, config: PostgresConfig
):
    role = f"bound_{config.database}"
    db.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT CREATE ON SCHEMA public TO {role}")
    bound = PostgresConfig(**(config.model_dump() | {"username": role, "password": "x"}))
    overwrite(destination, OLD)
    db.execute(
        f"ALTER TABLE t OWNER TO {role}; ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
    )
    db.execute("CREATE POLICY p ON t USING (id > 1)")
    with PostgresDestination(bound) as other, pytest.raises(AuthError) as caught:
        overwrite(other, NEW, run="r2")
    assert caught.value.code == "permission.denied"
    assert rows(db) == [(1, "a"), (2, "b"), (3, "c")]
    db.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.mark.parametrize("table", [pa.table({"id": [1, 1]}), pa.table({"id": [1, None]})])
def test_a_key_that_does_not_hold_is_left_out_and_told(
    destination: PostgresDestination,
    db: psycopg.Connection,
    table: pa.Table,
    caplog: pytest.LogCaptureFixture,
):
    overwrite(destination, table, ("id",))
    assert db.execute("SELECT id FROM t").fetchall() == [(value,) for value in table["id"].to_pylist()]
    assert "no primary key" in caplog.text


def test_index_names_that_are_taken(destination: PostgresDestination, db: psycopg.Connection):
    db.execute("CREATE TABLE t_pkey (a int)")
    overwrite(destination, OLD, ("id",))
    assert db.execute("SELECT indexname FROM pg_indexes WHERE tablename = 't'").fetchall() == [("t_pkey1",)]


@pytest.mark.parametrize("attached", [False, True], ids=["swapped", "filled in place"])
def test_a_reader_sees_all_of_one_run(
    destination: PostgresDestination,
    db: psycopg.Connection,
    postgres: PostgresServer,
    config: PostgresConfig,
    attached: bool,
):
    """# Invariant 2"""
    size = 500
    overwrite(destination, pa.table({"id": pa.array([0] * size)}))
    if attached:
        db.execute("CREATE INDEX i ON t (id)")
    seen: list[tuple[int, int, int]] = []
    stop = threading.Event()

    def read() -> None:
        with postgres.connect(config.database) as connection:
            connection.prepare_threshold = None
            while not stop.is_set():
                found = connection.execute("SELECT count(*), min(id), max(id) FROM t").fetchone()
                assert found is not None
                seen.append(found)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(1, 13):
            overwrite(destination, pa.table({"id": pa.array([number] * size)}), run=f"run_{number}")
    finally:
        stop.set()
        reader.join(30)
    assert {(count, low == high) for count, low, high in seen} == {(size, True)}
    assert [low for _, low, _ in seen] == sorted(low for _, low, _ in seen)


def test_a_target_that_vanishes_before_the_commit_is_made_again(
    destination: PostgresDestination, db: psycopg.Connection
):
    for mode in WriteMode:
        db.execute("DROP TABLE IF EXISTS t; CREATE TABLE t (id bigint, v text)")
        target = Target("t", NEW.schema, mode, f"run_{mode}", mode, "l", primary_key=("id",))
        destination.prepare(target)
        writer = destination.writer(target, Slice("s0"))
        writer.write(Batch(NEW.to_batches()[0]))
        receipt = writer.close()
        db.execute("DROP TABLE t")
        destination.commit(target, [receipt], Checkpoint(target.run, 1, None))
        assert rows(db) == ROWS
        destination.discard(replace(target, mode=mode))
