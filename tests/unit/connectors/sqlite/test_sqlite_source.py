"""Reading SQLite files that other programs made: any column may hold any value there."""

import datetime as dt
import sqlite3
from contextlib import closing
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.connectors.sqlite.config import SqliteConfig
from towpath.connectors.sqlite.keys import key_of
from towpath.connectors.sqlite.source import SqliteSource
from towpath.connectors.sqlite.types import arrow_type, declared_type
from towpath.sdk import (
    NATIVE_TYPE,
    Condition,
    ConfigError,
    DataError,
    Operator,
    ReadMode,
    SchemaError,
    Selection,
    Slice,
    Stream,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.db"


def run(path, *statements):
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(*statement) if isinstance(statement, tuple) else database.execute(statement)


def streams(path):
    with SqliteSource(SqliteConfig(path=path)) as source:
        return {stream.name: stream for stream in source.discover()}


def read(path, selection, state=None):
    with SqliteSource(SqliteConfig(path=path, busy_timeout=0)) as source:
        plan = source.plan(selection, state)
        batches = list(source.read(selection, plan.slices[0], state))
    return [row for batch in batches for row in batch.records], batches[-1].state if batches else state


def column(path, declared, *values):
    """The Arrow type and the values of a column of such a declaration with such values."""
    run(path, "DROP TABLE IF EXISTS t", f"CREATE TABLE t (x {declared})")
    run(path, *(("INSERT INTO t VALUES (?)", (value,)) for value in values))
    stream = streams(path)["t"]
    return stream.schema.field("x").type, [row["x"] for row in read(path, Selection(stream))[0]]


# ── types ────────────────────────────────────────────────────────────────────────────────────

D = Decimal


@pytest.mark.parametrize(
    ("declared", "stored", "type", "values"),
    [
        ("INTEGER", [1, -(2**63), None], pa.int64(), [1, -(2**63), None]),
        ("BIGINT UNSIGNED", [2**63 - 1], pa.int64(), [2**63 - 1]),
        ("INT4", [2**40], pa.int64(), [2**40]),
        ("INTEGER", [1, "abc"], pa.string(), ["1", "abc"]),
        ("INTEGER", [1, 1.5], pa.float64(), [1.0, 1.5]),
        ("REAL", [1.5, 2], pa.float64(), [1.5, 2.0]),
        ("FLOAT4", [0.1], pa.float64(), [0.1]),
        ("FLOAT4", [0.5], pa.float32(), [0.5]),
        ("VARCHAR(3)", ["longer", ""], pa.string(), ["longer", ""]),
        ("TEXT", [5], pa.string(), ["5"]),
        ("BLOB", [b"\x00\xff"], pa.binary(), [b"\x00\xff"]),
        ("TEXT", [b"\x00\xff"], pa.binary(), [b"\x00\xff"]),
        ("BOOLEAN", [1, 0, None], pa.bool_(), [True, False, None]),
        ("BOOLEAN", [1, 2], pa.int64(), [1, 2]),
        ("DECIMAL(10,2)", [1, 2.5, "3.25"], pa.decimal128(10, 2), [D("1.00"), D("2.50"), D("3.25")]),
        ("DECIMAL(10,2)", [0.1 + 0.2], pa.float64(), [0.1 + 0.2]),
        ("NUMERIC", [1, 2], pa.int64(), [1, 2]),
        ("NUMERIC", [1, 2.5], pa.float64(), [1.0, 2.5]),
        ("", [1], pa.int64(), [1]),
        ("", [], pa.string(), []),
        ("", [2**53 + 1, 0.5], pa.string(), ["9007199254740993", "0.5"]),
        ("DATE", ["2026-01-31"], pa.date32(), [dt.date(2026, 1, 31)]),
        ("DATE", ["31.1.2026"], pa.string(), ["31.1.2026"]),
        ("DATE", [20260131], pa.int64(), [20260131]),
        ("TIME", ["12:34:56.5", "01:02"], pa.time64("us"), [dt.time(12, 34, 56, 500_000), dt.time(1, 2)]),
        ("DATETIME", [1700000000], pa.int64(), [1700000000]),
        ("JSON", ['{"a": 1}', 5], pa.json_(), ['{"a": 1}', "5"]),
        ("UUID", [UUID(int=0xA5).hex, UUID(int=0xB6).bytes], pa.uuid(), [UUID(int=0xA5), UUID(int=0xB6)]),
    ],
)
def test_declared_types_count_until_the_data_disproves_them(path, declared, stored, type, values):
    assert column(path, declared, *stored) == (type, values)


def test_timestamps_in_all_their_spellings(path):
    naive = ["2026-01-31 12:34:56", "2026-01-31T12:34:56.5", "2026-01-31", "2026-01-31 12:34"]
    type, values = column(path, "DATETIME", *naive)
    assert type == pa.timestamp("us")
    assert values == [dt.datetime.fromisoformat(text) for text in naive]
    zoned = ["2026-01-31 12:34:56Z", "2026-01-31T12:34:56.5+02:00"]
    type, values = column(path, "DATETIME", *zoned)
    assert type == pa.timestamp("us", "UTC")
    assert values == [dt.datetime.fromisoformat(text) for text in zoned]


def test_every_type_we_declare_is_read_back_as_itself():
    types = [
        pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(),
        pa.uint64(), pa.float32(), pa.float64(), pa.decimal128(10, 2), pa.decimal128(38, 10),
        pa.decimal256(60, 5), pa.string(), pa.binary(), pa.date32(), pa.time32("s"), pa.time32("ms"),
        pa.time64("us"), pa.time64("ns"), pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("us", "UTC"),
        pa.timestamp("ms", "UTC"), pa.duration("ns"), pa.uuid(), pa.json_(),
    ]  # fmt: skip
    for type in types:
        assert arrow_type(declared_type(pa.field("x", type))) == type


def test_a_value_that_does_not_fit_later_on_is_named_with_its_row(path):
    run(path, "CREATE TABLE t (x INTEGER)", "BEGIN")
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(1500)])
        database.execute("INSERT INTO t(rowid, x) VALUES (4711, 'oops')")
    with pytest.raises(DataError) as caught:
        read(path, Selection(streams(path)["t"]))
    assert caught.value.code == "value.unrepresentable"
    assert "'x'" in caught.value.message
    assert "'t'" in caught.value.message
    assert "4711" in caught.value.message
    assert "oops" not in caught.value.message


def test_text_that_is_not_utf8_is_an_error(path):
    run(path, "CREATE TABLE t (x TEXT)", "INSERT INTO t VALUES (CAST(x'ff' AS TEXT))")
    stream = Stream("t", pa.schema({"x": pa.string()}))
    with pytest.raises(DataError) as caught:
        read(path, Selection(stream))
    assert caught.value.code == "value.unrepresentable"


# ── what there is ────────────────────────────────────────────────────────────────────────────


def test_tables_views_and_keys(path):
    run(
        path,
        "CREATE TABLE b (x INT, y INT, z INT GENERATED ALWAYS AS (x + y), PRIMARY KEY (y, x)) WITHOUT ROWID",
        "CREATE VIEW a AS SELECT x, count(*) AS n FROM b GROUP BY x",
        "CREATE VIRTUAL TABLE v USING fts5(body)",
        "CREATE TABLE _towpath_checkpoints (x)",
        "INSERT INTO b (x, y) VALUES (1, 2)",
    )
    found = streams(path)
    assert list(found) == ["a", "b", "v"]
    assert found["b"].primary_key == ("y", "x")
    assert found["b"].rows == 1
    assert found["b"].schema.names == ["x", "y", "z"]
    assert found["b"].schema.field("x").metadata[NATIVE_TYPE] == b"sqlite:INT"
    assert read(path, Selection(found["a"]))[0] == [{"x": 1, "n": 1}]
    assert read(path, Selection(found["b"]))[0] == [{"x": 1, "y": 2, "z": 3}]


def test_a_view_that_is_broken_is_left_out(path, caplog):
    run(path, "CREATE TABLE t (x)", "CREATE VIEW v AS SELECT x FROM t", "DROP TABLE t", "CREATE TABLE u (x)")
    assert list(streams(path)) == ["u"]
    assert "'v'" in caplog.text


def test_a_column_that_vanished_is_an_error_and_not_a_text(path):
    run(path, 'CREATE TABLE t (x INT, "gone" TEXT)', "INSERT INTO t VALUES (1, 'a')")
    stream = streams(path)["t"]
    run(path, 'ALTER TABLE t DROP COLUMN "gone"')
    with pytest.raises(SchemaError) as caught:
        read(path, Selection(stream))
    assert caught.value.code == "column.not_found"


def test_wide_rows_come_in_small_batches(path):
    run(path, "CREATE TABLE t (x BLOB)")
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany("INSERT INTO t VALUES (zeroblob(?))", [(1_000_000,)] * 300)
    stream = streams(path)["t"]
    with SqliteSource(SqliteConfig(path=path)) as source:
        sizes = [len(batch) for batch in source.read(Selection(stream), Slice("whole"), None)]
    assert sum(sizes) == 300
    assert sizes[1] < 50


# ── comparisons ──────────────────────────────────────────────────────────────────────────────


def filtered(path, operator, value):
    return [
        row["x"]
        for row in read(path, Selection(streams(path)["t"], where=(Condition("x", operator, value),)))[0]
    ]


def test_wide_decimals_compare_as_numbers(path):
    values = [D("9"), D("10"), D("-10"), D("-9"), D("0.5")]
    column(path, "DECIMAL TEXT(38,4)", *(f"{value:.4f}" for value in values))
    assert sorted(filtered(path, Operator.GT, "9")) == [D("10")]
    assert sorted(filtered(path, Operator.LE, "-9")) == [D("-10"), D("-9")]
    assert filtered(path, Operator.IN, ["10.0", "7"]) == [D("10")]
    assert filtered(path, Operator.EQ, 0.5) == [D("0.5")]


def test_timestamps_compare_as_moments(path):
    column(path, "DATETIME", "2026-01-31T12:00:00Z", "2026-01-31 13:30:00+02:00", "2026-01-31 12:00:00.5Z")
    assert len(filtered(path, Operator.GE, "2026-01-31T12:00:00Z")) == 2
    assert len(filtered(path, Operator.EQ, "2026-01-31 11:30:00+00:00")) == 1


def test_uuids_compare_as_uuids(path):
    column(path, "UUID", UUID(int=0xA5).hex, str(UUID(int=0xB6)).upper())
    assert filtered(path, Operator.EQ, str(UUID(int=0xB6))) == [UUID(int=0xB6)]
    assert filtered(path, Operator.IN, [str(UUID(int=0xA5))]) == [UUID(int=0xA5)]


def test_a_filter_value_of_the_wrong_type_is_refused(path):
    column(path, "INTEGER", 1)
    with pytest.raises(ConfigError) as caught:
        filtered(path, Operator.EQ, "abc")
    assert caught.value.code == "filter.invalid"


@given(st.lists(st.decimals(-(10**20), 10**20, places=5), min_size=2, max_size=2))
def test_keys_of_decimals_sort_as_they_do(pair):
    key = key_of(pa.decimal128(38, 5))
    one, two = pair
    assert (key(str(one)) < key(str(two))) == (one < two)
    assert (key(str(one)) == key(str(two))) == (one == two)


SPELLINGS = st.sampled_from(["{d}T{t}", "{d} {t}", "{d} {t}Z", "{d}T{t}+00:00"])


@given(st.lists(st.tuples(st.datetimes(), SPELLINGS), min_size=2, max_size=2))
def test_keys_of_timestamps_sort_as_they_do(pair):
    key = key_of(pa.timestamp("us", "UTC"))
    keys = [key(form.format(d=moment.date(), t=moment.time())) for moment, form in pair]
    moments = [moment for moment, _ in pair]
    assert (keys[0] < keys[1]) == (moments[0] < moments[1])
    assert (keys[0] == keys[1]) == (moments[0] == moments[1])


# ── incremental ──────────────────────────────────────────────────────────────────────────────


def test_spellings_of_one_moment_are_ties(path):
    """By their bytes these would come in another order, and some would be lost."""
    first = ["2026-01-31 12:00:00", "2026-01-31T11:00:00"]
    column(path, "DATETIME", *first)
    selection = Selection(streams(path)["t"], ReadMode.INCREMENTAL, cursor="x")
    rows, state = read(path, selection)
    assert [row["x"].hour for row in rows] == [11, 12]
    run(path, "INSERT INTO t VALUES ('2026-01-31T12:00:00.000'), ('2026-01-31 12:00'), ('2026-02-01')")
    rows, state = read(path, selection, state)
    assert len(rows) == 3
    assert read(path, selection, state) == ([], state)


def test_a_rough_bound_lets_an_index_serve(path):
    column(path, "DATETIME", *(f"2026-01-{day:02} 00:00:00" for day in range(1, 31)))
    run(path, "CREATE INDEX i ON t (x)")
    from towpath.connectors.sqlite.keys import Keys

    selection = Selection(streams(path)["t"], ReadMode.INCREMENTAL, cursor="x")
    _, state = read(path, selection)
    with closing(sqlite3.connect(path)) as database:
        conditions = " AND ".join(Keys(database, selection).following(selection, state))
        plan = database.execute(f"EXPLAIN QUERY PLAN SELECT x FROM t WHERE {conditions}").fetchall()
    assert "SEARCH t USING COVERING INDEX i" in str(plan)


def test_wide_integers_as_cursor(path):
    column(path, "UNSIGNED TEXT", "9", "10", str(2**64 - 1))
    selection = Selection(streams(path)["t"], ReadMode.INCREMENTAL, cursor="x")
    rows, state = read(path, selection)
    assert [row["x"] for row in rows] == [9, 10, 2**64 - 1]
    assert read(path, selection, state)[0] == []


# ── files ────────────────────────────────────────────────────────────────────────────────────


def code_of(path):
    with SqliteSource(SqliteConfig(path=path)) as source, pytest.raises(Exception) as caught:  # noqa: PT011 - codes
        source.check()
    return caught.value.code


def test_files_that_are_none(tmp_path):
    assert code_of(tmp_path / "nowhere.db") == "path.not_found"
    assert code_of(tmp_path) == "path.not_a_database"
    (tmp_path / "text.db").write_text("no database at all" * 100)
    assert code_of(tmp_path / "text.db") == "path.not_a_database"
    assert not (tmp_path / "nowhere.db").exists()


def test_the_file_is_never_written(path):
    column(path, "INTEGER", 1)
    before = path.read_bytes()
    path.chmod(0o444)
    column_stream = streams(path)["t"]
    read(path, Selection(column_stream))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_names_that_uris_give_a_meaning(tmp_path):
    odd = tmp_path / "a?mode=rwc&x#y %41.db"
    column(odd, "INTEGER", 1)
    assert list(streams(odd)) == ["t"]


def test_reading_goes_on_while_another_program_writes(path):
    run(path, "PRAGMA journal_mode = WAL", "CREATE TABLE t (x INT)", "INSERT INTO t VALUES (1)")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t VALUES (2)")
        assert read(path, Selection(streams(path)["t"]))[0] == [{"x": 1}]
        writer.execute("ROLLBACK")
