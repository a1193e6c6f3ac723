"""Writing DuckDB files: DuckDB's own types, evolution, processes that take turns, crashes."""

import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest

from towpath.connectors.duckdb.config import DuckdbConfig
from towpath.connectors.duckdb.destination import DuckdbDestination
from towpath.connectors.duckdb.source import DuckdbSource
from towpath.sdk import (
    Batch,
    BusyError,
    Checkpoint,
    ConfigError,
    DataError,
    IntegrityError,
    SchemaError,
    Selection,
    Slice,
    Target,
    WriteMode,
)
from towpath.sdk.testing.data import every_type

TABLE = pa.table({"id": pa.array([1, 2], pa.int32()), "name": ["a", "b"]})


@pytest.fixture
def config(tmp_path):
    return DuckdbConfig(path=tmp_path / "some.duckdb", busy_timeout=0.2)


def target(table=TABLE, **changes):
    plain = Target("t", table.schema, WriteMode.APPEND, run="run_1", stream="t", lineage="flw_1:0")
    return replace(plain, **changes)


def write(config, target, *tables):
    """One run; what was rejected."""
    with DuckdbDestination(config) as destination:
        destination.prepare(target)
        receipts, rejected = [], []
        for place, table in enumerate(tables):
            writer = destination.writer(target, Slice(f"s{place:04}"))
            rejected += [one for batch in table.to_batches() for one in writer.write(Batch(batch))]
            receipts.append(writer.close())
        destination.commit(target, receipts, Checkpoint(target.run, 1, None))
        destination.discard(target)
    return rejected


def sql(config, query):
    with duckdb.connect(config.path) as database:
        return database.execute(query).fetchall()


def types(config, table="t"):
    return [row[1] for row in sql(config, f"DESCRIBE {table}")]


def read(config, key="main.t"):
    with DuckdbSource(config) as source:
        stream = next(stream for stream in source.discover() if stream.key == key)
        selection = Selection(stream)
        (slice,) = source.plan(selection, None).slices
        batches = [batch.arrow for batch in source.read(selection, slice, None)]
    return pa.Table.from_batches(batches, stream.schema)


# ── types ────────────────────────────────────────────────────────────────────────────────────


def test_every_type_comes_back_through_our_own_source(config):
    table = every_type()
    write(config, target(table), table)
    found = read(config)
    assert found.to_pylist() == table.to_pylist()
    assert found.schema.field("uint64").type == pa.uint64()
    assert found.schema.field("json").type == pa.json_()
    assert found.schema.field("timestamp_utc").type == pa.timestamp("us", "UTC")


def test_duckdbs_own_types_are_copied(config, tmp_path):
    declared = [
        "HUGEINT", "BIT", "TIME WITH TIME ZONE", "BIGNUM", "ENUM('a', 'b')", "HUGEINT[]", "TIMESTAMP_S",
        "TIME_NS",
        "INTEGER[3]", "MAP(VARCHAR, INTEGER)", "STRUCT(a INTEGER, b VARCHAR)", "INTERVAL", "DECIMAL(38,10)",
    ]  # fmt: skip
    values = [
        "5", "'101'", "'12:00:00+02'", f"'{10**50}'", "'b'", "[7]", "'2026-01-31 00:00:01'",
        "'01:02:03.123456789'",
        "[1, 2, 3]", "MAP {'k': 1}", "{'a': 1, 'b': 'x'}", "INTERVAL 1 DAY", "1.5",
    ]  # fmt: skip
    columns = ", ".join(f"c{n} {type}" for n, type in enumerate(declared))
    sql(config, f"CREATE TABLE t ({columns})")
    sql(config, f"INSERT INTO t VALUES ({', '.join(values)})")
    table, other = read(config), DuckdbConfig(path=tmp_path / "copy.duckdb")
    write(other, target(table), table)
    assert types(other) == types(config) == declared
    assert str(sql(other, "FROM t")) == str(sql(config, "FROM t"))


@pytest.mark.parametrize(
    ("type", "values", "declared", "found"),
    [
        (pa.float16(), [1.5], "FLOAT", [1.5]),
        (pa.decimal256(50, 2), [Decimal("1" * 40 + ".25")], "VARCHAR", ["1" * 40 + ".25"]),
        (pa.dictionary(pa.int32(), pa.string()), ["a"], "VARCHAR", ["a"]),
        (pa.large_binary(), [b"a"], "BLOB", [b"a"]),
        (pa.binary(3), [b"abc"], "BLOB", [b"abc"]),
        (pa.timestamp("ns"), [1], "TIMESTAMP_NS", None),
        (pa.timestamp("s", "Asia/Tokyo"), [1], "TIMESTAMP WITH TIME ZONE", None),
        (pa.duration("ns"), [1000], "INTERVAL", None),
        (pa.null(), [None], '"NULL"', [None]),
    ],
)
def test_types_that_duckdb_has_under_another_name(config, type, values, declared, found):
    table = pa.table({"x": pa.array(values, type)})
    write(config, target(table), table)
    assert types(config) == [declared]
    if found is not None:
        assert [row[0] for row in sql(config, "FROM t")] == found


def test_nanoseconds_that_an_interval_cannot_hold_are_rejected(config):
    ticks = pa.array([1000, 1001, None], pa.duration("ns"))
    spans = pa.array([pa.MonthDayNano([1, 2, 3]), pa.MonthDayNano([1, 2, 3000]), None])
    table = pa.table({"d": ticks, "i": spans})
    rejected = write(config, target(table), table)
    assert [(one.index, one.code) for one in rejected] == [
        (1, "value.unrepresentable"),
        (0, "value.unrepresentable"),
    ]
    assert sql(config, "SELECT count(*) FROM t") == [(1,)]


def test_a_cast_is_told(config, caplog):
    table = pa.table({"x": pa.array([Decimal(1)], pa.decimal256(50, 2))})
    write(config, target(table), table)
    assert caplog.text.count("is written as text") == 1


# ── evolution ────────────────────────────────────────────────────────────────────────────────


def test_narrow_columns_are_widened(config):
    old = pa.table({"i": pa.array([1], pa.int32()), "f": pa.array([0.5], pa.float32()), "n": pa.nulls(1)})
    new = pa.table({"i": pa.array([2**40]), "f": pa.array([0.1]), "n": ["x"]})
    write(config, target(old), old)
    write(config, target(new, run="run_2"), new)
    assert types(config) == ["BIGINT", "DOUBLE", "VARCHAR"]
    assert sql(config, "FROM t ORDER BY i") == [(1, 0.5, None), (2**40, 0.1, "x")]


def test_decimals_grow(config):
    old = pa.table({"x": pa.array([Decimal("1.25")], pa.decimal128(10, 2))})
    new = pa.table({"x": pa.array([Decimal("1.2345")], pa.decimal128(8, 4))})
    write(config, target(old), old)
    write(config, target(new, run="run_2"), new)
    assert types(config) == ["DECIMAL(12,4)"]
    assert sql(config, "FROM t ORDER BY x") == [(Decimal("1.2345"),), (Decimal("1.2500"),)]


def test_an_enum_that_gets_new_words_becomes_text(config):
    sql(config, "CREATE TABLE t (e ENUM('a'))")
    table = pa.table({"e": ["b"]})
    write(config, target(table), table)
    assert types(config) == ["VARCHAR"]


def test_other_schemas_are_made(config):
    write(config, target(namespace="Sales Data"), TABLE)
    assert sql(config, 'SELECT count(*) FROM "Sales Data".t') == [(2,)]
    with DuckdbDestination(config) as destination:
        assert destination.committed(target(namespace="Sales Data")) == Checkpoint("run_1", 1, None)
        assert destination.committed(target()) is None


def test_names_are_matched_as_duckdb_does(config):
    write(config, target(), TABLE)
    shouted = pa.table({"ID": pa.array([3], pa.int32()), "NAME": ["c"]})
    write(config, target(shouted, name="T", run="run_2"), shouted)
    assert sql(config, "SELECT count(*) FROM t") == [(3,)]


def test_overwrite_keeps_the_constraints_of_a_table_of_the_same_shape(config):
    sql(config, "CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR)")
    for run in ("run_1", "run_2"):
        write(config, target(mode=WriteMode.OVERWRITE, run=run), TABLE)
    with pytest.raises(duckdb.ConstraintException):
        sql(config, "INSERT INTO t VALUES (1, 'twice')")


def test_upserts_into_a_table_with_a_primary_key(config):
    sql(config, "CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR)")
    for run in ("run_1", "run_2"):
        write(config, target(mode=WriteMode.UPSERT, primary_key=("id",), run=run), TABLE, TABLE)
    assert sorted(sql(config, "FROM t")) == [(1, "a"), (2, "b")]


def test_a_constraint_speaks_up_and_nothing_is_written(config):
    sql(config, "CREATE TABLE t (id INTEGER CHECK (id < 2), name VARCHAR)")
    with pytest.raises(DataError) as caught:
        write(config, target(), TABLE)
    assert caught.value.code == "value.constraint"
    assert sql(config, "SELECT table_name FROM duckdb_tables()") == [("t",)]


@pytest.mark.parametrize(
    ("statement", "table", "code"),
    [
        ("CREATE VIEW t AS SELECT 1 AS id", TABLE, "target.not_a_table"),
        ("SELECT 1", pa.table({"a": [1], "A": [2]}), "column.duplicate"),
        ("CREATE TABLE t (id STRUCT(a INTEGER))", TABLE, "schema.incompatible"),
    ],
)
def test_what_cannot_be_is_said_in_prepare(config, statement, table, code):
    sql(config, statement)
    with DuckdbDestination(config) as destination, pytest.raises(SchemaError) as caught:
        destination.prepare(target(table))
    assert caught.value.code == code


# ── the file ─────────────────────────────────────────────────────────────────────────────────


def test_slices_do_not_need_the_file(config):
    """While another program has it open, everything but prepare and commit goes on."""
    with DuckdbDestination(config) as destination:
        destination.prepare(target())
        code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"
        command = [sys.executable, "-c", code, str(config.path)]
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        holder.stdout.readline()
        writer = destination.writer(target(), Slice("s0001"))
        writer.write(Batch(TABLE.to_batches()[0]))
        receipt = writer.close()
        with pytest.raises(BusyError) as caught:
            destination.commit(target(), [receipt], Checkpoint("run_1", 1, None))
        assert caught.value.code == "lock.timeout"
        holder.communicate(timeout=10)
        destination.commit(target(), [receipt], Checkpoint("run_1", 1, None))
    assert sql(config, "SELECT count(*) FROM t") == [(2,)]


def test_staging_that_somebody_removed_is_an_error(config):
    with DuckdbDestination(config) as destination:
        destination.prepare(target())
        writer = destination.writer(target(), Slice("s0001"))
        writer.write(Batch(TABLE.to_batches()[0]))
        receipt = writer.close()
        destination.discard(target())
        with pytest.raises(IntegrityError) as caught:
            destination.commit(target(), [receipt], Checkpoint("run_1", 1, None))
    assert caught.value.code == "staging.lost"
    assert sql(config, "SELECT count(*) FROM duckdb_tables()") == [(0,)]


def test_a_folder_that_is_not_there(tmp_path):
    config = DuckdbConfig(path=tmp_path / "no" / "x")
    with DuckdbDestination(config) as destination, pytest.raises(ConfigError) as caught:
        destination.check()
    assert caught.value.code == "path.not_found"


def test_check_and_prepare_make_no_file(config):
    with DuckdbDestination(config) as destination:
        destination.check()
        destination.prepare(target())
        assert destination.committed(target()) is None
        destination.discard(target())
    assert list(config.path.parent.iterdir()) == []


WORKER = """
    import os, sys
    import pyarrow as pa
    from pathlib import Path
    from towpath.connectors.duckdb import destination as module
    from towpath.connectors.duckdb.config import DuckdbConfig
    from towpath.sdk import Batch, Checkpoint, Slice, Target, WriteMode

    path, stream, kill = sys.argv[1:]
    table = pa.table({"id": pa.array(range(20_000), pa.int64())})
    target = Target(stream, table.schema, WriteMode.APPEND, run="run_1", stream=stream, lineage="flw_1:0")
    if kill:
        def remember(*_):
            os.kill(os.getpid(), 9)  # all rows are inserted, nothing is committed
        module._remember = remember
    with module.DuckdbDestination(DuckdbConfig(path=Path(path), busy_timeout=0)) as destination:
        destination.prepare(target)
        writer = destination.writer(target, Slice("s0001"))
        for batch in table.to_batches():
            writer.write(Batch(batch))
        destination.commit(target, [writer.close()], Checkpoint("run_1", 1, {"n": 1}))
        destination.discard(target)
"""


def start(config, stream, kill=""):
    code = textwrap.dedent(WORKER)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(config.path), stream, kill], stderr=subprocess.PIPE
    )


def finish(process):
    _, error = process.communicate(timeout=60)
    return process.returncode, error


def test_streams_commit_from_many_processes_in_turn(config):
    """Without any patience for other programs: our own take turns by the spool's lock."""
    processes = [start(config, f"s{number}") for number in range(4)]
    assert [finish(process) for process in processes] == [(0, b"")] * 4
    for number in range(4):
        assert sql(config, f"SELECT count(*), sum(id) FROM s{number}") == [(20_000, 199_990_000)]
    assert list(config.path.parent.glob(".*")) == []


def test_a_commit_that_is_killed_leaves_nothing_and_can_be_done_again(config):
    write(config, target(), TABLE)
    assert finish(start(config, "s", "kill"))[0] == -signal.SIGKILL
    with DuckdbDestination(config) as destination:
        assert destination.committed(target(stream="s")) is None
    assert sql(config, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 's'") == [(0,)]
    assert finish(start(config, "s")) == (0, b"")
    assert sql(config, "SELECT count(*) FROM s") == [(20_000,)]
    assert list(config.path.parent.glob(".*")) == []
