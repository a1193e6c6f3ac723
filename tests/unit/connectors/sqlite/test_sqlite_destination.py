"""Writing SQLite files: evolution, locks, and what is left after a crash."""

import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest

from towpath.connectors.sqlite.config import SqliteConfig
from towpath.connectors.sqlite.destination import SqliteDestination
from towpath.connectors.sqlite.source import SqliteSource
from towpath.sdk import (
    NATIVE_TYPE,
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
from towpath.sdk.testing.data import TYPES, every_type

TABLE = pa.table({"id": pa.array([1, 2], pa.int32()), "name": ["a", "b"]})


@pytest.fixture
def config(tmp_path):
    return SqliteConfig(path=tmp_path / "some.db", busy_timeout=0.1)


def target(table=TABLE, **changes):
    plain = Target("t", table.schema, WriteMode.APPEND, run="run_1", stream="t", lineage="flw_1:0")
    return replace(plain, **changes)


def write(config, target, *tables, number=1):
    """One run; the receipts, and what was rejected."""
    with SqliteDestination(config) as destination:
        destination.prepare(target)
        receipts, rejected = [], []
        for place, table in enumerate(tables):
            writer = destination.writer(target, Slice(f"s{place:04}"))
            rejected += [one for batch in table.to_batches() for one in writer.write(Batch(batch))]
            receipts.append(writer.close())
        destination.commit(target, receipts, Checkpoint(target.run, number, None))
        destination.discard(target)
    return receipts, rejected


def sql(config, query, *parameters):
    with closing(sqlite3.connect(config.path)) as database, database:
        return database.execute(query, parameters).fetchall()


def read(config, name="t"):
    with SqliteSource(config) as source:
        stream = next(stream for stream in source.discover() if stream.name == name)
        selection = Selection(stream)
        (slice,) = source.plan(selection, None).slices
        batches = [batch.arrow for batch in source.read(selection, slice, None)]
    return pa.Table.from_batches(batches, stream.schema)


# ── types ────────────────────────────────────────────────────────────────────────────────────

AS_JSON = {"list", "list_string", "struct"}


def test_every_type_comes_back_through_our_own_source(config):
    table = every_type(*sorted(set(TYPES) - AS_JSON))
    write(config, target(table), table)
    found = read(config)
    plain = [pa.string() if type == pa.large_string() else type for type in table.schema.types]
    assert found.schema.types == plain
    assert found.to_pylist() == table.to_pylist()


def test_a_table_is_copied_with_its_declared_types(config, tmp_path):
    sql(config, "CREATE TABLE t (a VARCHAR(20), b DATETIME, c SMALLINT, d DECIMAL(9,3), e, f NUMERIC)")
    sql(config, "INSERT INTO t VALUES ('x', '2026-01-31 12:00:00', 5, 1.125, 'e', 1.5)")
    table, other = read(config), SqliteConfig(path=tmp_path / "copy.db")
    assert table.schema.field("a").metadata[NATIVE_TYPE] == b"sqlite:VARCHAR(20)"
    write(other, target(table), table)
    declared = [row[2] for row in sql(other, "PRAGMA table_info(t)")]
    assert declared == ["VARCHAR(20)", "DATETIME", "SMALLINT", "DECIMAL(9,3)", "TEXT", "REAL"]
    assert read(other).to_pylist() == table.to_pylist()


def test_a_foreign_wide_decimal_would_lose_digits_and_is_declared_as_ours(config):
    field = pa.field("x", pa.decimal128(20, 4), metadata={NATIVE_TYPE: b"sqlite:DECIMAL(20,4)"})
    table = pa.table([pa.array([Decimal("1234567890123456.7891")], field.type)], schema=pa.schema([field]))
    write(config, target(table), table)
    assert sql(config, "SELECT x, typeof(x) FROM t") == [("1234567890123456.7891", "text")]


def test_narrow_decimals_are_numbers_to_every_reader(config):
    table = pa.table({"x": pa.array([Decimal("999999999999.999"), Decimal("0.001")], pa.decimal128(15, 3))})
    write(config, target(table), table)
    assert sql(config, "SELECT x FROM t WHERE x > 0.5") == [(999999999999.999,)]
    assert read(config).to_pylist() == table.to_pylist()


def test_what_sqlite_cannot_hold_is_rejected(config):
    table = pa.table({"id": [1, 2, 3], "x": pa.array([1.5, float("nan"), float("inf")], pa.float64())})
    _, rejected = write(config, target(table), table)
    assert [(one.record["id"], one.code, one.index) for one in rejected] == [(2, "value.unrepresentable", 1)]
    assert sql(config, "SELECT id, x FROM t") == [(1, 1.5), (3, float("inf"))]


def test_years_beyond_9999_are_rejected(config):
    days = pa.table({"x": pa.array([0, 2_932_896, 2_932_897, -719_162, -719_163], pa.date32())})
    _, rejected = write(config, target(days), days)
    assert [one.index for one in rejected] == [2, 4]
    assert sql(config, "SELECT max(x), min(x) FROM t") == [("9999-12-31", "0001-01-01")]


def test_nan_inside_a_list_is_an_error(config):
    table = pa.table({"x": pa.array([[float("nan")]])})
    with pytest.raises(DataError) as caught:
        write(config, target(table), table)
    assert caught.value.code == "value.unrepresentable"


def test_nested_columns_are_told_as_casts(config, caplog):
    table = every_type("list", "struct", "json")
    write(config, target(table), table)
    assert caplog.text.count("is written as JSON text") == 2


def test_columns_that_differ_in_case_only_are_refused(config):
    table = pa.table({"a": [1], "A": [2]})
    with pytest.raises(SchemaError) as caught:
        write(config, target(table), table)
    assert caught.value.code == "column.duplicate"


# ── evolution ────────────────────────────────────────────────────────────────────────────────


def test_narrow_columns_are_widened_and_indexes_stay(config):
    upsert = {"mode": WriteMode.UPSERT, "primary_key": ("id",)}
    write(config, target(**upsert), TABLE)
    sql(config, "CREATE INDEX mine ON t (name)")
    wide = pa.table({"id": pa.array([2, 2**40], pa.int64()), "name": ["B", "c"]})
    write(config, target(wide, run="run_2", **upsert), wide)
    found = read(config)
    assert found.schema.types == [pa.int64(), pa.string()]
    assert sorted(found.to_pylist(), key=lambda row: row["id"]) == [
        {"id": 1, "name": "a"},
        {"id": 2, "name": "B"},
        {"id": 2**40, "name": "c"},
    ]
    assert sql(config, "SELECT name FROM sqlite_schema WHERE type = 'index' AND name = 'mine'")


def test_decimals_grow_from_numbers_to_text(config):
    small = pa.table({"x": pa.array([Decimal("0.1"), Decimal("-7.25")], pa.decimal128(10, 2))})
    large = pa.table({"x": pa.array([Decimal("12345678901234567890.1234")], pa.decimal128(30, 4))})
    write(config, target(small), small)
    write(config, target(large, run="run_2"), large)
    values = [Decimal("0.1"), Decimal("-7.25"), Decimal("12345678901234567890.1234")]
    assert read(config).column("x").to_pylist() == values


def test_narrower_values_go_into_a_wider_column(config):
    wide = pa.table({"x": pa.array([2**40], pa.int64())})
    write(config, target(wide), wide)
    narrow = pa.table({"x": pa.array([5], pa.uint8())})
    write(config, target(narrow, run="run_2"), narrow)
    assert read(config).schema.types == [pa.int64()]


def test_a_table_that_others_made_is_not_rebuilt(config):
    sql(config, "CREATE TABLE t (id INT4 CHECK (id > 0), name TEXT)")
    wide = pa.table({"id": pa.array([1], pa.int64()), "name": ["x"]})
    with pytest.raises(SchemaError) as caught:
        write(config, target(wide), wide)
    assert caught.value.code == "schema.incompatible"
    write(config, target(), TABLE)
    assert len(sql(config, "SELECT * FROM t")) == 2


def test_overwrite_of_the_same_shape_keeps_what_belongs_to_the_table(config):
    write(config, target(mode=WriteMode.OVERWRITE), TABLE)
    sql(config, "CREATE TABLE log (n INT)")
    sql(config, "CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.id); END")
    write(config, target(mode=WriteMode.OVERWRITE, run="run_2"), TABLE)
    assert sql(config, "SELECT count(*) FROM log") == [(2,)]


def test_names_are_matched_as_sqlite_does(config):
    write(config, target(), TABLE)
    shouted = pa.table({"ID": pa.array([3], pa.int32()), "Name": ["c"]})
    write(config, target(shouted, name="T", run="run_2"), shouted)
    assert sql(config, "SELECT count(*) FROM t") == [(3,)]
    assert read(config).schema.names == ["id", "name"]


def test_a_view_is_no_target(config):
    sql(config, "CREATE VIEW t AS SELECT 1 AS id, 'x' AS name")
    with pytest.raises(SchemaError) as caught:
        write(config, target(), TABLE)
    assert caught.value.code == "target.not_a_table"


def test_an_upsert_into_a_table_without_key_gets_an_index(config):
    write(config, target(), TABLE, TABLE)
    change = TABLE.slice(1, 1).set_column(1, "name", [["B"]])
    write(config, target(run="run_2", mode=WriteMode.UPSERT, primary_key=("id",)), change)
    assert sorted(sql(config, "SELECT * FROM t")) == [(1, "a"), (1, "a"), (2, "B")]
    plan = sql(config, "EXPLAIN QUERY PLAN DELETE FROM t WHERE id = 1")
    assert "USING INDEX _towpath_key_" in str(plan)


def test_a_constraint_of_the_table_speaks_up_and_nothing_is_written(config):
    sql(config, "CREATE TABLE t (id INT4 CHECK (id < 2), name TEXT)")
    with pytest.raises(DataError) as caught:
        write(config, target(), TABLE)
    assert caught.value.code == "value.constraint"
    assert sql(config, "SELECT count(*) FROM t") == [(0,)]
    assert sql(config, "SELECT count(*) FROM sqlite_schema WHERE name LIKE '_towpath%'") == [(0,)]


# ── the file ─────────────────────────────────────────────────────────────────────────────────


def test_namespaces_are_refused(config):
    with pytest.raises(ConfigError) as caught:
        write(config, target(namespace="public"), TABLE)
    assert caught.value.code == "namespace.unsupported"
    write(config, target(namespace="main"), TABLE)


def test_a_folder_that_is_not_there(tmp_path):
    with SqliteDestination(SqliteConfig(path=tmp_path / "no" / "x.db")) as destination:
        for act in (destination.check, lambda: destination.prepare(target())):
            with pytest.raises(ConfigError) as caught:
                act()
            assert caught.value.code == "path.not_found"


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "no").write_text("")
    config = SqliteConfig(path=tmp_path / "no" / "x.db")
    with SqliteDestination(config) as destination, pytest.raises(ConfigError) as caught:
        destination.check()
    assert caught.value.code == "path.not_a_folder"


def test_check_and_prepare_make_no_file(config):
    with SqliteDestination(config) as destination:
        destination.check()
        destination.prepare(target())
        assert destination.committed(target()) is None
    assert not config.path.exists()


def test_a_lock_that_another_program_holds_is_busy(config):
    write(config, target(), TABLE)
    with closing(sqlite3.connect(config.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError) as caught:
            write(config, target(run="run_2"), TABLE)
        other.execute("ROLLBACK")
    assert (caught.value.code, caught.value.retryable) == ("lock.timeout", True)


def test_staging_that_somebody_removed_is_an_error(config):
    with SqliteDestination(config) as destination:
        destination.prepare(target())
        writer = destination.writer(target(), Slice("s0001"))
        writer.write(Batch(TABLE.to_batches()[0]))
        receipt = writer.close()
        destination.discard(target())
        with pytest.raises(IntegrityError) as caught:
            destination.commit(target(), [receipt], Checkpoint("run_1", 1, None))
    assert caught.value.code == "staging.lost"
    assert sql(config, "SELECT count(*) FROM sqlite_schema") == [(0,)]


WORKER = """
    import os, sys
    import pyarrow as pa
    from pathlib import Path
    from towpath.connectors.sqlite import destination as module
    from towpath.connectors.sqlite.config import SqliteConfig
    from towpath.sdk import Batch, Checkpoint, Slice, Target, WriteMode

    path, stream, kill = sys.argv[1:]
    table = pa.table({"id": pa.array(range(20_000), pa.int64())})
    target = Target(stream, table.schema, WriteMode.APPEND, run="run_1", stream=stream, lineage="flw_1:0")
    if kill:
        def remember(*_):
            os.kill(os.getpid(), 9)  # all rows are inserted, nothing is committed
        module._remember = remember
    with module.SqliteDestination(SqliteConfig(path=Path(path))) as destination:
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


def test_many_processes_commit_to_one_file(config):
    processes = [start(config, f"s{number}") for number in range(4)]
    assert [finish(process) for process in processes] == [(0, b"")] * 4
    for number in range(4):
        assert sql(config, f"SELECT count(*), sum(id) FROM s{number}") == [(20_000, 199_990_000)]
    assert list(config.path.parent.glob(".*")) == []


def test_a_commit_that_is_killed_leaves_nothing_and_can_be_done_again(config):
    write(config, target(), TABLE)
    assert finish(start(config, "s", "kill"))[0] == -signal.SIGKILL
    with SqliteDestination(config) as destination:
        assert destination.committed(target(stream="s")) is None
    assert sql(config, "SELECT count(*) FROM sqlite_schema WHERE name = 's'") == [(0,)]
    assert finish(start(config, "s")) == (0, b"")
    assert sql(config, "SELECT count(*) FROM s") == [(20_000,)]
    with SqliteDestination(config) as destination:
        assert destination.committed(target(stream="s")) == Checkpoint("run_1", 1, {"n": 1})
    assert list(config.path.parent.glob(".*")) == []
