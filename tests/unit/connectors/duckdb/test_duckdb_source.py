"""Reading DuckDB files: DuckDB's own types, infinities, locks."""

import subprocess
import sys
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest

from towpath.connectors.duckdb.config import DuckdbConfig
from towpath.connectors.duckdb.source import DuckdbSource
from towpath.connectors.duckdb.types import read_expression
from towpath.sdk import (
    NATIVE_TYPE,
    BusyError,
    Condition,
    ConfigError,
    DataError,
    Operator,
    ReadMode,
    SchemaError,
    Selection,
    Slice,
)


@pytest.fixture
def config(tmp_path):
    return DuckdbConfig(path=tmp_path / "some.duckdb", busy_timeout=0.2)


def run(config, *statements):
    with duckdb.connect(config.path) as database:
        for statement in statements:
            database.execute(statement).fetchall()


def streams(config):
    with DuckdbSource(config) as source:
        return {stream.key: stream for stream in source.discover()}


def read(config, selection, state=None):
    with DuckdbSource(config) as source:
        plan = source.plan(selection, state)
        batches = list(source.read(selection, plan.slices[0], state))
    return [row for batch in batches for row in batch.records], batches[-1].state if batches else state


ENUM = pa.dictionary(pa.uint8(), pa.string())


@pytest.mark.parametrize(
    ("type", "value", "arrow", "expected"),
    [
        ("HUGEINT", f"{10**29}", pa.decimal128(38, 0), Decimal(10**29)),
        ("UHUGEINT", "5", pa.decimal128(38, 0), Decimal(5)),
        ("HUGEINT[]", "[1, NULL]", pa.list_(pa.field("l", pa.decimal128(38, 0))), [Decimal(1), None]),
        ("BIT", "'10101'", pa.string(), "10101"),
        ("TIMETZ", "'12:34:56+02'", pa.string(), "12:34:56+02"),
        ("BIGNUM", f"'{10**60}'", pa.string(), str(10**60)),
        ("ENUM('BIT', 'it''s')", "'it''s'", ENUM, "it's"),
        ("UNION(n INTEGER, s VARCHAR)", "'x'", pa.json_(), '{"s":"x"}'),
        ("UBIGINT", str(2**64 - 1), pa.uint64(), 2**64 - 1),
        ("INTERVAL", "INTERVAL '1 month 2 days 3 us'", pa.month_day_nano_interval(), (1, 2, 3000)),
        ("MAP(VARCHAR, INTEGER)", "MAP {'a': 1}", pa.map_(pa.string(), pa.int32()), [("a", 1)]),
        ("JSON", "'{\"a\": 1.10}'", pa.json_(), '{"a": 1.10}'),
    ],
)  # fmt: skip
def test_types_of_duckdb_alone(config, type, value, arrow, expected):
    run(config, f"CREATE TABLE t (x {type})", f"INSERT INTO t VALUES ({value}), (NULL)")
    stream = streams(config)["main.t"]
    field = stream.schema.field("x")
    assert field.type == arrow
    assert field.metadata[NATIVE_TYPE].startswith(b"duckdb:")
    rows, _ = read(config, Selection(stream))
    assert [row["x"] for row in rows] == [expected, None]


def test_names_that_look_like_types_are_left_alone():
    assert read_expression("x", "STRUCT(\"HUGEINT\" INTEGER, b ENUM('UNION'))") == '"x"'
    assert read_expression("x", 'STRUCT("BIT" BIT)') == 'CAST("x" AS STRUCT("BIT" VARCHAR)) AS "x"'


def test_a_number_too_wide_for_any_decimal_is_an_error(config):
    run(config, "CREATE TABLE t AS SELECT 170141183460469231731687303715884105727::HUGEINT AS x")
    with pytest.raises(DataError) as caught:
        read(config, Selection(streams(config)["main.t"]))
    assert caught.value.code == "value.unrepresentable"


@pytest.mark.parametrize("type", ["TIMESTAMP", "DATE", "TIMESTAMPTZ", "TIMESTAMP_NS"])
@pytest.mark.parametrize("value", ["infinity", "-infinity"])
def test_infinite_dates_are_errors(config, type, value):
    run(config, f"CREATE TABLE t AS SELECT '{value}'::{type} AS x")
    with pytest.raises(DataError) as caught:
        read(config, Selection(streams(config)["main.t"]))
    assert caught.value.code == "value.unrepresentable"
    assert "'x'" in caught.value.message


def test_schemas_tables_and_views(config):
    run(
        config,
        "CREATE TABLE b (x INT, y INT, PRIMARY KEY (y, x))",
        "INSERT INTO b VALUES (1, 2)",
        "CREATE SCHEMA other",
        "CREATE VIEW other.a AS SELECT x AS n FROM b",
        "CREATE TABLE _towpath_checkpoints (x INT)",
    )
    found = streams(config)
    assert list(found) == ["main.b", "other.a"]
    assert found["main.b"].primary_key == ("y", "x")
    assert read(config, Selection(found["other.a"]))[0] == [{"n": 1}]


def test_a_vanished_column_is_an_error(config):
    run(config, "CREATE TABLE t (x INT, y INT)")
    stream = streams(config)["main.t"]
    run(config, "ALTER TABLE t DROP y")
    with pytest.raises(SchemaError) as caught:
        read(config, Selection(stream))
    assert caught.value.code == "column.not_found"


def test_a_filter_value_of_the_wrong_type_is_refused(config):
    run(config, "CREATE TABLE t (x TIMESTAMP)")
    where = (Condition("x", Operator.GE, "yesterday"),)
    with pytest.raises(ConfigError) as caught:
        read(config, Selection(streams(config)["main.t"], where=where))
    assert caught.value.code == "filter.invalid"


def test_decimals_are_compared_exactly(config):
    run(config, "CREATE TABLE t AS SELECT 2.25::DECIMAL(10,2) AS x")
    stream = streams(config)["main.t"]
    assert read(config, Selection(stream, where=(Condition("x", Operator.GE, "2.255"),)))[0] == []
    assert read(config, Selection(stream, where=(Condition("x", Operator.GE, "2.245"),)))[0] != []


def test_batches_are_of_a_useful_size(config):
    run(
        config,
        "CREATE TABLE t AS SELECT range AS x FROM range(200000)",
        "CREATE TABLE wide AS SELECT repeat('x', 100000) AS x FROM range(2000)",
    )
    found = streams(config)
    with DuckdbSource(config) as source:
        sizes = [len(batch) for batch in source.read(Selection(found["main.t"]), Slice("whole"), None)]
        assert sum(sizes) == 200_000
        assert len(sizes) <= 4
        wide = [len(batch) for batch in source.read(Selection(found["main.wide"]), Slice("whole"), None)]
    assert sum(wide) == 2000


def test_enums_are_read_in_batches_and_followed(config):
    words = "(CASE WHEN range % 2 = 0 THEN 'a' ELSE 'b' END)::ENUM('a', 'b') AS e"
    run(config, f"CREATE TABLE t AS SELECT range AS n, {words} FROM range(100000)")
    selection = Selection(streams(config)["main.t"], ReadMode.INCREMENTAL, cursor="n")
    rows, state = read(config, selection)
    assert [row["e"] for row in rows[:3]] == ["a", "b", "a"]
    assert len(rows) == 100_000
    assert read(config, selection, state)[0] == []


HOLDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "ro")
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hold(config):
    """Another process that has the file open, until it is told to go."""
    held = []

    def holding(mode):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(config.path), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        held.append(process)
        assert process.stdout.readline() == b"open\n"
        return process

    yield holding
    for process in held:
        process.communicate(timeout=10)


def test_a_file_that_another_program_writes_is_busy(config, hold):
    run(config, "CREATE TABLE t (x INT)")
    hold("rw")
    with pytest.raises(BusyError) as caught:
        streams(config)
    assert (caught.value.code, caught.value.retryable) == ("lock.timeout", True)
    assert caught.value.hint


def test_readers_share_the_file(config, hold):
    run(config, "CREATE TABLE t (x INT)")
    hold("ro")
    assert list(streams(config)) == ["main.t"]


def test_patience_outlasts_a_short_visit(config, hold):
    run(config, "CREATE TABLE t (x INT)")
    visitor = hold("rw")
    patient = config.model_copy(update={"busy_timeout": 30})
    visitor.stdin.close()
    assert list(streams(patient)) == ["main.t"]
    visitor.wait(10)
    visitor.stdin = None


def test_files_that_are_none(tmp_path):
    def code_of(path):
        with DuckdbSource(DuckdbConfig(path=path)) as source, pytest.raises(ConfigError) as caught:
            source.check()
        return caught.value.code

    assert code_of(tmp_path / "nowhere.duckdb") == "path.not_found"
    assert code_of(tmp_path) == "path.not_a_database"
    (tmp_path / "text").write_text("no database at all" * 1000)
    assert code_of(tmp_path / "text") == "path.not_a_database"
