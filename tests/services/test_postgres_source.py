"""Reading a real PostgreSQL: what is found, that slices fit together, that one moment is one moment."""

import json
import signal
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from support.postgres import PostgresServer
from towpath.connectors.postgres import slices
from towpath.connectors.postgres.config import PostgresConfig
from towpath.connectors.postgres.fallback import AdbcReader
from towpath.connectors.postgres.reading import CompiledReader, best
from towpath.connectors.postgres.source import PostgresSource
from towpath.sdk import (
    AuthError,
    Condition,
    ConfigError,
    Operator,
    Plan,
    ReadMode,
    SchemaError,
    Selection,
    Slice,
    Stream,
    TowpathError,
    UnreachableError,
)

pytestmark = pytest.mark.service("postgres")


@pytest.fixture
def config(postgres: PostgresServer, postgres_database: str) -> PostgresConfig:
    return PostgresConfig(**postgres.config(postgres_database))


@pytest.fixture
def connection(postgres: PostgresServer, postgres_database: str) -> Iterator[psycopg.Connection[Any]]:
    with postgres.connect(postgres_database) as connection:
        yield connection


@pytest.fixture(params=[CompiledReader, AdbcReader], ids=["compiled", "fallback"])
def reader(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of 64 kB, as if the tables were a thousand times larger."""
    monkeypatch.setattr(slices, "_SLICE", 65_536)
    monkeypatch.setattr(slices, "_SMALL", 16_384)


def streams(config: PostgresConfig) -> dict[str, Stream]:
    with PostgresSource(config) as source:
        return {stream.key: stream for stream in source.discover()}


def rows_of(
    config: PostgresConfig, selection: Selection, slice: Slice, reader: Any = CompiledReader
) -> list[Any]:
    """Read one slice as another process would."""
    slice = Slice.from_json(json.loads(json.dumps(slice.to_json())))
    with PostgresSource(config, reader) as source:
        batches = [batch.arrow for batch in source.read(selection, slice, None)]
    return [row for batch in batches for row in batch.to_pylist()]


def everything(
    config: PostgresConfig, selection: Selection, plan: Plan, reader: Any = CompiledReader
) -> list[Any]:
    return [row for slice in plan.slices for row in rows_of(config, selection, slice, reader)]


def fill(connection: psycopg.Connection[Any], table: str = "t", rows: int = 20_000) -> None:
    connection.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, v text, n int NOT NULL DEFAULT 0)")
    connection.execute(
        f"INSERT INTO {table} SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, {rows}) i"
    )


# ── discover ─────────────────────────────────────────────────────────────────────────────────────


def test_the_compiled_reader_is_used_where_it_is_there() -> None:
    assert best() is CompiledReader


def test_kinds_of_relations(config: PostgresConfig, connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        """
        CREATE SCHEMA other;
        CREATE TABLE t (b int, a int, PRIMARY KEY (a, b));
        CREATE TABLE other.t (id uuid PRIMARY KEY, updated_at timestamptz, dropped int, note text);
        ALTER TABLE other.t DROP COLUMN dropped;
        CREATE VIEW v AS SELECT a FROM t;
        CREATE MATERIALIZED VIEW m AS SELECT a FROM t;
        CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at);
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
        CREATE TABLE empty ();
        CREATE TEMPORARY TABLE temporary (id int);
        CREATE SEQUENCE s;
        CREATE INDEX i ON t (a);
        """
    )
    found = streams(config)
    assert list(found) == ["other.t", "public.m", "public.parts", "public.t", "public.v"]
    assert found["public.t"].primary_key == ("a", "b")
    assert found["other.t"].primary_key == ("id",)
    assert found["other.t"].schema.names == ["id", "updated_at", "note"]
    assert found["other.t"].cursors[0] == "updated_at"
    assert found["public.v"].read_modes == {ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL}


def test_only_the_schemas_that_are_named(config: PostgresConfig, connection: psycopg.Connection[Any]) -> None:
    for schema in ("one", "two", "Three"):
        connection.execute(f'CREATE SCHEMA "{schema}" CREATE TABLE t (id int)'.encode())
    assert set(streams(config)) == {"one.t", "two.t", "Three.t"}
    some = PostgresConfig.model_validate(config.model_dump() | {"schemas": ["one", "Three"]})
    assert set(streams(some)) == {"one.t", "Three.t"}


def test_sizes_are_estimated(config: PostgresConfig, connection: psycopg.Connection[Any]) -> None:
    fill(connection)
    assert streams(config)["public.t"].rows is None
    connection.execute("ANALYZE t")
    stream = streams(config)["public.t"]
    assert stream.rows == 20_000
    assert stream.bytes is not None
    assert stream.bytes > 20_000 * 128


def test_partitions_are_summed_up(config: PostgresConfig, connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE TABLE p (id int) PARTITION BY HASH (id)")
    for number in range(3):
        connection.execute(
            f"CREATE TABLE p{number} PARTITION OF p FOR VALUES WITH (MODULUS 3, REMAINDER {number})"
        )
    connection.execute("INSERT INTO p SELECT generate_series(1, 3000); ANALYZE p")
    assert streams(config)["public.p"].rows == 3000


def test_only_what_the_user_may_read(
    postgres: PostgresServer, config: PostgresConfig, connection: psycopg.Connection[Any]
) -> None:
    role = f"reader_{config.database}"
    connection.execute(
        f"""
        CREATE SCHEMA closed;
        CREATE TABLE closed.t (id int);
        CREATE TABLE secret (id int);
        CREATE TABLE partly (id int, salary int);
        CREATE TABLE open (id int);
        CREATE ROLE {role} LOGIN PASSWORD 'p';
        GRANT SELECT ON closed.t, open TO {role};
        GRANT SELECT (id) ON partly TO {role};
        """
    )
    try:
        limited = PostgresConfig(**postgres.config(config.database) | {"username": role, "password": "p"})
        found = streams(limited)
        assert list(found) == ["public.open", "public.partly"]
        assert found["public.partly"].schema.names == ["id"]
        with PostgresSource(limited) as source, pytest.raises(SchemaError) as caught:
            source.plan(Selection(Stream("secret", found["public.open"].schema, "public")), None)
        assert caught.value.code == "stream.not_found"
    finally:
        connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_text_of_collations_without_an_order_of_their_own_is_no_cursor(
    config: PostgresConfig, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("CREATE DOMAIN mail AS text; CREATE TYPE mood AS ENUM ('sad', 'happy')")
    connection.execute("CREATE TABLE t (id int, a numeric, b mood, c mail, d jsonb, e char(3))")
    stream = streams(config)["public.t"]
    assert stream.cursors == ("id", "c")
    with PostgresSource(config) as source, pytest.raises(SchemaError) as caught:
        source.plan(Selection(stream, ReadMode.INCREMENTAL, cursor="a"), None)
    assert caught.value.code == "cursor.unusable"


# ── slices ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("small_slices")
def test_slices_are_disjoint_and_complete(
    config: PostgresConfig, connection: psycopg.Connection[Any], reader: Any
) -> None:
    fill(connection)
    for statement in ("DELETE FROM t WHERE id % 3 = 0", "VACUUM t", "UPDATE t SET n = 1 WHERE id % 7 = 0"):
        connection.execute(statement)
    selection = Selection(streams(config)["public.t"], columns=("id", "n"))
    with PostgresSource(config, reader) as planner:
        plan = planner.plan(selection, None)
        assert len(plan.slices) > 20
        assert plan.pinned
        found = everything(config, selection, plan, reader)
    wanted = connection.execute("SELECT id, n FROM t").fetchall()
    assert sorted((row["id"], row["n"]) for row in found) == sorted(wanted)


@pytest.mark.usefixtures("small_slices")
def test_partitioned_tables_are_cut_by_partition(
    config: PostgresConfig, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("CREATE TABLE p (id int, v text) PARTITION BY RANGE (id)")
    connection.execute("CREATE TABLE big (v text, id int)")  # another order of columns
    connection.execute("ALTER TABLE p ATTACH PARTITION big FOR VALUES FROM (0) TO (10000)")
    connection.execute(
        "CREATE TABLE sub PARTITION OF p FOR VALUES FROM (10000) TO (20000) PARTITION BY RANGE (id)"
    )
    for low in range(10_000, 20_000, 1000):
        connection.execute(
            f"CREATE TABLE sub{low} PARTITION OF sub FOR VALUES FROM ({low}) TO ({low + 1000})"
        )
    connection.execute("CREATE TABLE rest PARTITION OF p DEFAULT")
    connection.execute("INSERT INTO p SELECT i, repeat('x', 100) FROM generate_series(0, 20500) i")
    selection = Selection(streams(config)["public.p"])
    with PostgresSource(config) as planner:
        plan = planner.plan(selection, None)
        assert len(plan.slices) > 10
        found = everything(config, selection, plan)
    assert sorted(row["id"] for row in found) == list(range(20_501))
    assert found[0].keys() == {"id", "v"}


@pytest.mark.usefixtures("small_slices")
def test_a_table_with_heirs_is_read_with_them(
    config: PostgresConfig, connection: psycopg.Connection[Any]
) -> None:
    fill(connection, rows=5000)
    connection.execute("CREATE TABLE heir (extra int) INHERITS (t)")
    connection.execute("INSERT INTO heir SELECT i, repeat('x', 90) FROM generate_series(5001, 15000) i")
    selection = Selection(streams(config)["public.t"])
    with PostgresSource(config) as planner:
        found = everything(config, selection, planner.plan(selection, None))
    assert sorted(row["id"] for row in found) == list(range(1, 15_001))


def test_small_tables_and_views_are_one_slice(
    config: PostgresConfig, connection: psycopg.Connection[Any]
) -> None:
    fill(connection, rows=100)
    connection.execute("CREATE VIEW v AS SELECT * FROM t UNION ALL SELECT 0, 'zero', 0")
    connection.execute("CREATE MATERIALIZED VIEW m AS SELECT * FROM t")
    found = streams(config)
    with PostgresSource(config) as planner:
        for name, count in (("t", 100), ("v", 101), ("m", 100)):
            selection = Selection(found[f"public.{name}"])
            plan = planner.plan(selection, None)
            assert len(plan.slices) == 1
            assert len(everything(config, selection, plan)) == count


def test_a_table_of_64_mb_and_more_is_cut_into_as_many_as_are_asked_for(
    postgres: PostgresServer, config: PostgresConfig, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("CREATE UNLOGGED TABLE t (v text)")
    connection.execute("ALTER TABLE t ALTER v SET STORAGE PLAIN")
    connection.execute("INSERT INTO t SELECT repeat('x', 7900) FROM generate_series(1, 9000)")
    selection = Selection(streams(config)["public.t"])
    for parallel in (1, 3, 7):
        more = PostgresConfig(**postgres.config(config.database), parallel=parallel)
        with PostgresSource(more) as planner:
            assert len(planner.plan(selection, None).slices) == parallel


def test_row_security_holds_for_partitions(
    postgres: PostgresServer, config: PostgresConfig, connection: psycopg.Connection[Any]
) -> None:
    role = f"limited_{config.database}"
    connection.execute(
        f"""
        CREATE TABLE p (id int, owner text) PARTITION BY LIST (owner);
        CREATE TABLE p1 PARTITION OF p FOR VALUES IN ('a');
        CREATE TABLE p2 PARTITION OF p FOR VALUES IN ('b');
        INSERT INTO p VALUES (1, 'a'), (2, 'b');
        ALTER TABLE p ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON p USING (owner = 'a');
        CREATE ROLE {role} LOGIN PASSWORD 'p';
        GRANT SELECT ON p, p1, p2 TO {role};
        """
    )
    try:
        limited = PostgresConfig(**postgres.config(config.database) | {"username": role, "password": "p"})
        selection = Selection(streams(limited)["public.p"])
        with PostgresSource(limited) as planner:
            assert [row["id"] for row in everything(limited, selection, planner.plan(selection, None))] == [1]
    finally:
        connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


# ── one moment ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("small_slices")
def test_all_streams_and_slices_are_of_one_moment(
    config: PostgresConfig, connection: psycopg.Connection[Any], postgres: PostgresServer, reader: Any
) -> None:
    """Money moves between two tables all the time; the sum over both never changes in a run."""
    for table in ("a", "b"):
        connection.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, n int NOT NULL, v text)")
        connection.execute(
            f"INSERT INTO {table} SELECT i, 1000, repeat('x', 90) FROM generate_series(1, 4000) i"
        )
    stop = threading.Event()

    def move() -> None:
        with postgres.connect(config.database) as mover:
            turn = 0
            while not stop.is_set():
                turn += 1
                with mover.transaction():
                    mover.execute("UPDATE a SET n = n - 1 WHERE id = %s", [turn * 7919 % 4000 + 1])
                    mover.execute("UPDATE b SET n = n + 1 WHERE id = %s", [turn * 104729 % 4000 + 1])
                    mover.execute("INSERT INTO a VALUES (%s, 5, 'new')", [10_000 + turn])
                    mover.execute("INSERT INTO b VALUES (%s, -5, 'new')", [10_000 + turn])
                    mover.execute("DELETE FROM a WHERE id = %s", [10_000 + turn - 5])
                    mover.execute("DELETE FROM b WHERE id = %s", [10_000 + turn - 5])

    found = streams(config)
    mover = threading.Thread(target=move)
    mover.start()
    try:
        for _ in range(3):
            with PostgresSource(config, reader) as planner:
                total = count = 0
                for name in ("a", "b"):
                    selection = Selection(found[f"public.{name}"], columns=("id", "n"))
                    rows = everything(config, selection, planner.plan(selection, None), reader)
                    total += sum(row["n"] for row in rows)
                    count += len({row["id"] for row in rows})
                    assert len({row["id"] for row in rows}) == len(rows)
                assert total == 8_000_000
                assert count in range(8000, 8012, 2)
    finally:
        stop.set()
        mover.join()


@pytest.mark.usefixtures("small_slices")
def test_a_table_that_shrinks_and_grows_meanwhile_loses_nothing(
    config: PostgresConfig, connection: psycopg.Connection[Any]
) -> None:
    fill(connection, rows=3000)
    selection = Selection(streams(config)["public.t"], columns=("id",))
    with PostgresSource(config) as planner:
        plan = planner.plan(selection, None)
        connection.execute("UPDATE t SET n = 1")
        connection.execute("DELETE FROM t WHERE id > 100")
        connection.execute("INSERT INTO t SELECT i, 'new' FROM generate_series(9000, 19000) i")
        connection.execute("VACUUM t")
        found = everything(config, selection, plan)
    assert sorted(row["id"] for row in found) == list(range(1, 3001))


def test_a_snapshot_that_is_gone_may_be_tried_again(
    config: PostgresConfig, connection: psycopg.Connection[Any], reader: Any
) -> None:
    fill(connection, rows=10)
    selection = Selection(streams(config)["public.t"])
    with PostgresSource(config) as planner:
        plan = planner.plan(selection, None)
    with pytest.raises(UnreachableError) as caught:
        rows_of(config, selection, plan.slices[0], reader)
    assert caught.value.code == "source.snapshot_lost"
    assert caught.value.retryable


def test_a_table_that_is_planned_is_not_truncated_meanwhile(
    config: PostgresConfig, connection: psycopg.Connection[Any]
) -> None:
    fill(connection, rows=10)
    selection = Selection(streams(config)["public.t"])
    with PostgresSource(config) as planner:
        plan = planner.plan(selection, None)
        connection.execute("SET lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            connection.execute("TRUNCATE t")
        assert len(everything(config, selection, plan)) == 10
    connection.execute("TRUNCATE t")


def test_a_table_that_was_truncated_after_the_snapshot_is_not_taken_for_empty(
    config: PostgresConfig, connection: psycopg.Connection[Any]
) -> None:
    fill(connection, "first", 10)
    fill(connection, "second", 10)
    found = streams(config)
    with PostgresSource(config) as planner:
        planner.plan(Selection(found["public.first"]), None)
        connection.execute("TRUNCATE second")
        with pytest.raises(UnreachableError) as caught:
            planner.plan(Selection(found["public.second"]), None)
    assert caught.value.code == "source.snapshot_lost"


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "kind", "code", "retryable"),
    [
        ({"password": "wrong"}, AuthError, "connection.auth_failed", False),
        ({"username": "nobody"}, AuthError, "connection.auth_failed", False),
        ({"database": "nowhere"}, ConfigError, "database.not_found", False),
        ({"port": 1}, UnreachableError, "connection.refused", True),
        ({"host": "no-such-host.invalid"}, UnreachableError, "connection.unresolved", True),
        ({"sslmode": "require"}, ConfigError, "connection.tls", False),
    ],
)
def test_a_check_says_what_is_wrong(
    postgres: PostgresServer, change: dict[str, Any], kind: type[Exception], code: str, retryable: bool
) -> None:
    config = PostgresConfig(**postgres.config() | change)
    with PostgresSource(config) as source, pytest.raises(kind) as caught:
        source.check()
    assert caught.value.code == code
    assert caught.value.retryable is retryable
    assert caught.value.hint
    assert postgres.password not in str(caught.value.to_json())


def test_a_check_says_what_answered(config: PostgresConfig) -> None:
    with PostgresSource(config) as source:
        assert source.check().startswith("PostgreSQL 1")


def test_a_column_that_vanished_after_the_plan_is_named(
    config: PostgresConfig, connection: psycopg.Connection[Any], reader: Any
) -> None:
    fill(connection, rows=10)
    selection = Selection(streams(config)["public.t"])
    connection.execute("ALTER TABLE t DROP COLUMN v")
    with PostgresSource(config, reader) as source, pytest.raises(SchemaError) as caught:
        source.plan(selection, None)
    assert caught.value.code == "column.not_found"
    assert caught.value.context["column"] == "v"


def test_a_column_of_another_type_is_not_read_as_the_old_one(
    config: PostgresConfig, connection: psycopg.Connection[Any]
) -> None:
    fill(connection, rows=10)
    selection = Selection(streams(config)["public.t"])
    connection.execute("ALTER TABLE t ALTER n TYPE bigint")
    with PostgresSource(config) as source, pytest.raises(SchemaError) as caught:
        source.plan(selection, None)
    assert caught.value.code == "schema.changed"
    assert "'n'" in str(caught.value)


def test_a_table_that_vanished_between_plan_and_read_is_named(
    config: PostgresConfig, connection: psycopg.Connection[Any], reader: Any
) -> None:
    fill(connection, rows=10)
    selection = Selection(streams(config)["public.t"], ReadMode.INCREMENTAL, cursor="id")
    with PostgresSource(config, reader) as source:
        state = source.plan(selection, None).state
        plan = source.plan(selection, state)
    connection.execute("DROP TABLE t")
    with PostgresSource(config, reader) as source, pytest.raises(SchemaError) as caught:
        list(source.read(selection, plan.slices[0], state))
    assert caught.value.code == "stream.not_found"
    assert caught.value.context["stream"] == "public.t"


def test_a_filter_that_compares_apples_with_pears(
    config: PostgresConfig, connection: psycopg.Connection[Any]
) -> None:
    fill(connection, rows=10)
    stream = streams(config)["public.t"]
    for value in (Condition("v", Operator.EQ, 5), Condition("id", Operator.EQ, "five")):
        selection = Selection(stream, where=(value,))
        with PostgresSource(config) as source:
            with pytest.raises(ConfigError) as caught:
                source.plan(selection, None)
            assert source.plan(Selection(stream), None).slices
        assert caught.value.code == "filter.invalid"


def test_no_column_is_not_all_columns(config: PostgresConfig, connection: psycopg.Connection[Any]) -> None:
    fill(connection, rows=1)
    with PostgresSource(config) as source, pytest.raises(SchemaError) as caught:
        source.plan(Selection(streams(config)["public.t"], columns=()), None)
    assert caught.value.code == "stream.no_columns"


def test_notices_of_the_server_do_no_harm(
    config: PostgresConfig, connection: psycopg.Connection[Any], reader: Any
) -> None:
    connection.execute(
        """
        CREATE FUNCTION loud(n int) RETURNS int LANGUAGE plpgsql AS
        $$ BEGIN RAISE WARNING 'row % %', n, repeat('!', 5000); RETURN n; END $$;
        CREATE VIEW v AS SELECT loud(i) AS n FROM generate_series(1, 500) i;
        """
    )
    selection = Selection(streams(config)["public.v"])
    with PostgresSource(config, reader) as planner:
        found = everything(config, selection, planner.plan(selection, None), reader)
    assert [row["n"] for row in found] == list(range(1, 501))


def test_an_error_in_the_middle_of_the_rows(
    config: PostgresConfig, connection: psycopg.Connection[Any], reader: Any
) -> None:
    connection.execute("CREATE VIEW v AS SELECT 1000 / (150000 - i) AS n FROM generate_series(1, 200000) i")
    selection = Selection(streams(config)["public.v"])
    with PostgresSource(config, reader) as source:
        plan = source.plan(selection, None)
        with pytest.raises(TowpathError, match="division by zero") as caught:
            list(source.read(selection, plan.slices[0], None))
    assert not caught.value.retryable


def test_a_signal_is_heard_while_the_server_is_silent(
    config: PostgresConfig, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("CREATE VIEW v AS SELECT pg_sleep(20)::text AS n")

    def stop(*_: object) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, stop)
    try:
        selection = Selection(streams(config)["public.v"])
        with PostgresSource(config, CompiledReader) as source:
            plan = source.plan(selection, None)
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            with pytest.raises(InterruptedError):
                list(source.read(selection, plan.slices[0], None))
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_read_that_is_left_early_leaves_nothing_behind(
    config: PostgresConfig, connection: psycopg.Connection[Any], reader: Any
) -> None:
    fill(connection, rows=200_000)
    selection = Selection(streams(config)["public.t"])
    with PostgresSource(config, reader) as source:
        plan = source.plan(selection, None)
        batches = source.read(selection, plan.slices[0], None)
        next(batches)
        batches.close()
    deadline = 100
    while connection.execute(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'towpath'"
    ).fetchone() != (0,):
        deadline -= 1
        assert deadline, "a connection was left open"
        connection.execute("SELECT pg_sleep(0.05)")


@pytest.mark.parametrize("how", ["kill", "stop", "terminate"])
def test_a_server_that_goes_away_in_the_middle_may_be_tried_again(reader: Any, how: str) -> None:
    with PostgresServer() as server:
        database = server.create_database()
        config = PostgresConfig(**server.config(database), parallel=1)
        with server.connect(database) as connection:
            fill(connection, rows=400_000)
        selection = Selection(streams(config)["public.t"])
        with PostgresSource(config, reader) as source:
            plan = source.plan(selection, None)
            batches = source.read(selection, plan.slices[0], None)
            next(batches)
            if how == "terminate":
                with server.connect(database) as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE application_name = 'towpath'"
                    )
            else:
                getattr(server, how)()
            with pytest.raises(UnreachableError) as caught:
                for _ in batches:
                    pass
        assert caught.value.retryable
        assert caught.value.code == "connection.lost"
        if how != "terminate":
            server.start()
        with PostgresSource(config, reader) as source:
            plan = source.plan(selection, None)
            assert sum(len(batch) for batch in source.read(selection, plan.slices[0], None)) == 400_000


def test_a_locked_table_is_busy(
    postgres: PostgresServer,
    config: PostgresConfig,
    connection: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from towpath.connectors.postgres import connection as connections

    fill(connection, rows=1)
    stream = streams(config)["public.t"]
    monkeypatch.setattr(connections, "SESSION", (*connections.SESSION, "SET lock_timeout = '50ms'"))
    with postgres.connect(config.database, autocommit=False) as holder, PostgresSource(config) as source:
        holder.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Exception, match="lock timeout") as caught:
            source.plan(Selection(stream), None)
        assert (caught.value.code, caught.value.retryable) == ("lock.timeout", True)
        holder.rollback()
        assert source.plan(Selection(stream), None).slices
