"""Incremental reads among real concurrent transactions: nothing is lost, and nothing comes twice."""

import json
import os
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from support.postgres import PostgresServer
from towpath.connectors.postgres import late
from towpath.connectors.postgres.config import PostgresConfig
from towpath.connectors.postgres.fallback import AdbcReader
from towpath.connectors.postgres.reading import CompiledReader
from towpath.connectors.postgres.source import PostgresSource
from towpath.sdk import Condition, Operator, ReadMode, Selection, TowpathError

pytestmark = pytest.mark.service("postgres")

Connection = psycopg.Connection[Any]


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """Of this test's own: whether other transactions are open matters here."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="module")
def shared() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


class Follower:
    """A flow in append mode: reads, remembers the state, counts what came."""

    def __init__(self, server: PostgresServer, reader: Any = CompiledReader, **more: Any) -> None:
        self.config = PostgresConfig(**server.config(server.create_database()))
        self.server, self.reader, self.more = server, reader, more
        self.state: Any = None
        self.seen: list[Any] = []
        with self.connect() as connection:
            connection.execute("CREATE TABLE t (id serial PRIMARY KEY, at int NOT NULL, note text)")

    def connect(self, **options: Any) -> Connection:
        return self.server.connect(self.config.database, **options)

    def selection(self) -> Selection:
        with PostgresSource(self.config, self.reader) as source:
            stream = next(stream for stream in source.discover() if stream.name == "t")
        return Selection(stream, ReadMode.INCREMENTAL, cursor="at", **self.more)

    def run(self) -> list[Any]:
        """One run; the notes of the rows that came, sorted."""
        selection = self.selection()
        with PostgresSource(self.config, self.reader) as source:
            plan = source.plan(selection, self.state)
            batches = [b for slice in plan.slices for b in source.read(selection, slice, self.state)]
        if not plan.ordered:
            self.state = plan.state
        elif batches:
            self.state = batches[-1].state
        self.state = json.loads(json.dumps(self.state))
        found = sorted(row["note"] for batch in batches for row in batch.arrow.to_pylist())
        self.seen += found
        return found


def insert(connection: Connection, at: int, note: str) -> None:
    connection.execute("INSERT INTO t (at, note) VALUES (%s, %s)", [at, note])


@pytest.fixture(params=[CompiledReader, AdbcReader], ids=["compiled", "fallback"])
def reader(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_late_commit_is_read_once(shared: PostgresServer, reader: Any) -> None:
    flow = Follower(shared, reader)
    with flow.connect() as other, flow.connect(autocommit=False) as slow:
        insert(other, 1, "first")
        insert(slow, 2, "late")
        insert(other, 5, "fifth")
        assert flow.run() == ["fifth", "first"]
        insert(other, 6, "sixth")
        assert flow.run() == ["sixth"]
        slow.commit()
        assert flow.run() == ["late"]
        assert flow.run() == []
        insert(other, 7, "seventh")
        assert flow.run() == ["seventh"]


def test_a_late_commit_at_the_very_cursor_value(shared: PostgresServer, reader: Any) -> None:
    flow = Follower(shared, reader)
    with flow.connect() as other, flow.connect(autocommit=False) as slow:
        insert(slow, 5, "late")
        insert(other, 5, "fifth")
        assert flow.run() == ["fifth"]
        slow.commit()
        assert flow.run() == ["late"]
        assert flow.run() == []


def test_rows_that_were_seen_beside_a_slow_transaction_do_not_come_again(shared: PostgresServer) -> None:
    flow = Follower(shared)
    with flow.connect() as other, flow.connect(autocommit=False) as slow:
        insert(slow, 0, "late")
        for at in range(1, 300):
            insert(other, at, f"{at}")
        assert len(flow.run()) == 299
        for at in range(300, 400):
            insert(other, at, f"{at}")
        assert len(flow.run()) == 100
        slow.commit()
        assert flow.run() == ["late"]
        assert len(flow.seen) == len(set(flow.seen)) == 400


def test_rows_of_subtransactions_are_not_taken_for_seen(shared: PostgresServer) -> None:
    """A subtransaction has a number of its own, which no snapshot lists."""
    flow = Follower(shared)
    with flow.connect() as other, flow.connect(autocommit=False) as slow:
        insert(slow, 1, "main")
        insert(other, 3, "third")
        with slow.transaction():
            insert(slow, 2, "sub")
        insert(other, 4, "fourth")
        assert flow.run() == ["fourth", "third"]
        insert(other, 9, "ninth")
        assert flow.run() == ["ninth"]
        slow.commit()
        assert flow.run() == ["main", "sub"]
        assert flow.run() == []


def test_a_transaction_that_had_written_nothing_yet(shared: PostgresServer) -> None:
    """``now()`` is when a transaction began, and it gets a number only when it writes."""
    flow = Follower(shared)
    with flow.connect() as other, flow.connect(autocommit=False) as slow:
        slow.execute("SELECT now()")
        insert(other, 5, "fifth")
        assert flow.run() == ["fifth"]
        insert(slow, 3, "late")
        slow.commit()
        assert flow.run() == ["late"]
        assert flow.run() == []


def test_a_prepared_transaction(shared: PostgresServer) -> None:
    flow = Follower(shared)
    with flow.connect() as other, flow.connect(autocommit=False) as slow:
        insert(slow, 3, "late")
        slow.execute("PREPARE TRANSACTION 'slow'")
        insert(other, 5, "fifth")
        assert flow.run() == ["fifth"]
        other.execute("COMMIT PREPARED 'slow'")
        slow.rollback()
        assert flow.run() == ["late"]


def test_a_rolled_back_transaction_leaves_nothing(shared: PostgresServer) -> None:
    flow = Follower(shared)
    with flow.connect() as other, flow.connect(autocommit=False) as slow:
        insert(slow, 3, "never")
        insert(other, 5, "fifth")
        assert flow.run() == ["fifth"]
        slow.rollback()
        assert flow.run() == []


def test_the_filter_and_the_columns_hold_for_late_rows_too(shared: PostgresServer) -> None:
    where = (Condition("note", Operator.NE, "hidden"),)
    flow = Follower(shared, columns=("note",), where=where)
    with flow.connect() as other, flow.connect(autocommit=False) as slow:
        insert(slow, 3, "late")
        insert(slow, 3, "hidden")
        insert(other, 5, "fifth")
        assert flow.run() == ["fifth"]
        slow.commit()
        assert flow.run() == ["late"]


def test_partitions_and_partition_keys(shared: PostgresServer) -> None:
    flow = Follower(shared)
    with flow.connect() as other:
        other.execute(
            "DROP TABLE t; CREATE TABLE t (id serial, at int NOT NULL, note text) PARTITION BY LIST (at);"
            "CREATE TABLE t5 PARTITION OF t FOR VALUES IN (5); CREATE TABLE rest PARTITION OF t DEFAULT"
        )
        with flow.connect(autocommit=False) as slow:
            insert(slow, 3, "late")
            insert(other, 5, "fifth")
            assert flow.run() == ["fifth"]
            slow.commit()
            assert flow.run() == ["late"]
            assert flow.run() == []


def test_views_have_no_late_rows_but_may_look_back(shared: PostgresServer) -> None:
    flow = Follower(shared, lookback=2)
    with flow.connect() as other:
        other.execute("ALTER TABLE t RENAME TO base; CREATE VIEW t AS SELECT * FROM base")
        with flow.connect(autocommit=False) as slow:
            slow.execute("INSERT INTO base (at, note) VALUES (4, 'late')")
            other.execute("INSERT INTO base (at, note) VALUES (5, 'fifth')")
            assert flow.run() == ["fifth"]
            slow.commit()
            assert flow.run() == ["fifth", "late"]


def test_no_mark_where_nothing_else_is_open(server: PostgresServer) -> None:
    flow = Follower(server)
    with flow.connect() as other:
        insert(other, 1, "first")
        flow.run()
        assert "late" not in flow.state
        with flow.connect(autocommit=False) as reading:
            reading.execute("SELECT 1")
            insert(other, 2, "second")
            flow.run()
        assert flow.state["late"]["known"] == late._pack([])
        insert(other, 3, "third")
        flow.run()
        assert "late" not in flow.state


def test_our_own_readers_are_no_writers(server: PostgresServer, reader: Any) -> None:
    flow, neighbour = Follower(server, reader), Follower(server, reader)
    for one in (flow, neighbour):
        with one.connect() as connection:
            insert(connection, 1, "first")
    with PostgresSource(neighbour.config, reader) as source:
        plan = source.plan(neighbour.selection(), None)
        batches = source.read(neighbour.selection(), plan.slices[0], None)
        next(batches)
        flow.run()
        with flow.connect() as connection:
            insert(connection, 2, "second")
        assert flow.run() == ["second"]
        batches.close()
    assert "late" not in flow.state


def test_too_many_transactions_to_remember_lose_nothing(
    shared: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "_MAX_KNOWN", 3)
    flow = Follower(shared)
    with flow.connect() as other, flow.connect(autocommit=False) as slow:
        insert(slow, 0, "late")
        for at in range(1, 7):
            insert(other, at, f"{at}")
        assert len(flow.run()) == 6
        assert flow.state["late"]["known"] is None
        slow.commit()
        assert flow.run() == ["1", "2", "3", "4", "5", "late"]  # some twice, none lost
        assert flow.run() == []


def count_from(server: PostgresServer, number: int) -> None:
    """Let the server go on with this transaction number, the first of a page, in the third epoch."""
    for database in ("postgres", "template1"):
        with server.connect(database) as connection:
            connection.execute("VACUUM FREEZE")
    server.stop()
    data = server.folder / "data"
    server.run("pg_resetwal", "-f", "-x", f"{number}", "-u", f"{number - 1000}", "-e", "3", str(data))
    status = data / "pg_xact" / f"{number >> 20:04X}"
    status.write_bytes(bytes((number >> 15) % 32 * 8192 + 8192))
    owner = data.stat()
    os.chown(status, owner.st_uid, owner.st_gid)
    server.start()


def test_transaction_numbers_that_wrap_around(server: PostgresServer) -> None:
    """As after four thousand million transactions."""
    count_from(server, 2**32 - 2**17)
    flow = Follower(server)
    with flow.connect() as other:
        other.execute(
            "CREATE PROCEDURE burn(n int) LANGUAGE plpgsql AS "
            "$$ BEGIN FOR i IN 1..n LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
        )
        insert(other, 1, "first")
        with flow.connect(autocommit=False) as slow:
            insert(slow, 2, "late")
            insert(other, 5, "fifth")
            assert flow.run() == ["fifth", "first"]
            other.execute(f"CALL burn({2**17})")
            insert(other, 6, "sixth")
            assert flow.run() == ["sixth"]
            slow.commit()
        assert flow.state["late"]["xmin"] >> 32 == 3
        assert flow.run() == ["late"]
        assert flow.run() == []
        assert other.execute("SELECT pg_current_xact_id()::text::bigint >> 32").fetchone() == (4,)


def test_writers_all_the_time(shared: PostgresServer) -> None:
    """Many writers whose cursor value is older than their commit, with subtransactions, while runs go on."""
    flow = Follower(shared)
    stop = threading.Event()
    written: list[str] = []
    lock = threading.Lock()

    def write(number: int) -> None:
        with flow.connect(autocommit=False) as connection:
            turn = 0
            while not stop.is_set():
                turn += 1
                notes = [f"{number}-{turn}-{part}" for part in range(3)]
                connection.execute("SELECT set_config('my.at', nextval('clock')::text, true)")
                connection.execute("SELECT pg_sleep(random() * 0.02)")
                place = "INSERT INTO t (at, note) VALUES (current_setting('my.at')::int, %s)"
                connection.execute(place, [notes[0]])
                with connection.transaction():
                    connection.execute(place, [notes[1]])
                connection.execute("SELECT pg_sleep(random() * 0.02)")
                connection.execute(place, [notes[2]])
                connection.commit()
                with lock:
                    written.extend(notes)

    with flow.connect() as connection:
        connection.execute("CREATE SEQUENCE clock")
        insert(connection, 0, "begin")
    writers = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(12):
            flow.run()
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    flow.run()
    assert sorted(flow.seen) == sorted([*written, "begin"])


@pytest.mark.parametrize(
    ("type", "first", "second"),
    [
        ("timestamptz", "2024-01-01 00:00:00.000001+05", "2024-01-01 00:00:00.000002+05"),
        ("date", "2024-01-01", "2024-01-02"),
        ("numeric(30,4)", "12345678901234567890123456.0001", "12345678901234567890123456.0002"),
        ("uuid", "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001"),
        ("text", "it's a", "it's b"),
    ],
)
def test_a_fallback_of_every_type_and_rows_that_change(
    shared: PostgresServer, reader: Any, type: str, first: str, second: str
) -> None:
    flow = Follower(shared, reader, cursor_fallback="made")
    with flow.connect() as connection:
        connection.execute("DROP TABLE t")
        connection.execute(
            f"CREATE TABLE t (id serial PRIMARY KEY, at {type}, made {type}, note text)".encode()
        )
        add = "INSERT INTO t (at, made, note) VALUES (%s, %s, %s)"
        connection.execute(add, [first, second, "a"])
        connection.execute(add, [None, first, "b"])
        assert flow.run() == ["a", "b"]
        assert flow.run() == []
        connection.execute(add, [None, second, "c"])
        connection.execute(add, [first, None, "d"])
        connection.execute("UPDATE t SET at = %s WHERE note = 'b'", [second])
        assert flow.run() == ["b", "c", "d"]
        assert flow.run() == []


def test_a_late_commit_below_the_value_of_a_fallback(shared: PostgresServer, reader: Any) -> None:
    flow = Follower(shared, reader, cursor_fallback="made")
    with flow.connect() as connection:
        connection.execute("ALTER TABLE t ALTER at DROP NOT NULL, ADD made int")
    with flow.connect() as other, flow.connect(autocommit=False) as slow:
        slow.execute("INSERT INTO t (made, note) VALUES (2, 'late')")
        other.execute("INSERT INTO t (made, note) VALUES (5, 'fifth')")
        assert flow.run() == ["fifth"]
        slow.commit()
        assert flow.run() == ["late"]
        assert flow.run() == []


def test_texts_of_two_collations_cannot_be_one_cursor(shared: PostgresServer) -> None:
    flow = Follower(shared, cursor_fallback="made")
    with flow.connect() as connection:
        connection.execute("DROP TABLE t")
        connection.execute(
            'CREATE TABLE t (id int PRIMARY KEY, at text COLLATE "C", made text COLLATE "POSIX", note text)'
        )
        connection.execute("INSERT INTO t VALUES (1, 'a', 'b', 'c')")
    with pytest.raises(TowpathError) as caught:
        flow.run()
    assert caught.value.code == "postgres.failed"
    assert "collation mismatch" in caught.value.message
