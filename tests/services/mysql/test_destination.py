"""What the destination makes of types, of tables that are there, and of rights that are not."""

import datetime as dt
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from services.mysql.conftest import Place
from towpath.connectors.mysql.connection import connect, execute
from towpath.connectors.mysql.destination import MySQLDestination
from towpath.connectors.mysql.source import MySQLSource
from towpath.sdk import (
    NATIVE_TYPE,
    AuthError,
    Batch,
    Checkpoint,
    ConfigError,
    Receipt,
    Rejected,
    SchemaError,
    Selection,
    Slice,
    Target,
    TowpathError,
    WriteMode,
)

pytestmark = pytest.mark.service("mysql")


@pytest.fixture(params=[True, False], ids=["files", "statements"])
def destination(place: Place, request: pytest.FixtureRequest) -> Iterator[MySQLDestination]:
    place.sql(f"SET GLOBAL local_infile = {int(request.param)}")
    with MySQLDestination(place.as_root()) as made:
        yield made
    place.sql("SET GLOBAL local_infile = 1")


def target(schema: pa.Schema, mode: WriteMode = WriteMode.APPEND, **changes: Any) -> Target:
    return replace(Target("t", schema, mode, "run_1", "public.t", "flw_1:0"), **changes)


def run(destination: MySQLDestination, where: Target, *tables: pa.Table) -> list[Rejected]:
    """A whole run, each table a slice; returns what was rejected."""
    destination.prepare(where)
    receipts, rejected = list[Receipt](), list[Rejected]()
    for number, table in enumerate(tables):
        writer = destination.writer(where, Slice(f"s{number:04}"))
        for batch in table.to_batches():
            rejected += writer.write(Batch(batch))
        receipts.append(writer.close())
    destination.commit(where, receipts, Checkpoint(where.run, 1, None))
    destination.discard(where)
    return rejected


def declared(place: Place, table: str = "t") -> dict[str, str]:
    rows = place.sql(
        "SELECT COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS"
        f" WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}' ORDER BY ORDINAL_POSITION"
    )
    return dict(rows)


# ── types ────────────────────────────────────────────────────────────────────────────────────────

NATIVE = """
CREATE TABLE t (
  id INT PRIMARY KEY, c_bool BIT(1), c_bits BIT(64), c_tiny TINYINT(1), c_tinyu TINYINT UNSIGNED,
  c_small SMALLINT, c_medium MEDIUMINT UNSIGNED, c_int INT UNSIGNED, c_big BIGINT, c_bigu BIGINT UNSIGNED,
  c_decimal DECIMAL(38,10), c_long DECIMAL(65,30), c_float FLOAT, c_double DOUBLE, c_date DATE,
  c_datetime DATETIME(6), c_seconds DATETIME, c_timestamp TIMESTAMP(6) NULL, c_time TIME(6), c_year YEAR,
  c_char CHAR(5), c_varchar VARCHAR(20), c_text TEXT, c_longtext LONGTEXT, c_enum ENUM('a','it''s','é,b'),
  c_set SET('x','y'), c_binary BINARY(4), c_varbinary VARBINARY(10), c_blob BLOB, c_longblob LONGBLOB,
  c_json JSON, c_uuid UUID, c_inet4 INET4, c_inet6 INET6, c_point POINT, c_geometry GEOMETRY
) CHARACTER SET utf8mb4"""
USUAL = """
INSERT INTO t VALUES (1, 1, 5, 1, 2, 3, 4, 5, 6, 7, 1.5, 2.25, 1.1, 0.1, '2024-02-29',
  '2024-02-29 12:34:56.789012', '2024-02-29 12:34:56', '2024-03-31 01:30:00.000001', '12:34:56.789012', 2024,
  'abc', 'é☃𝄞', 'text', 'long', 'it''s', 'x,y', X'01020304', X'00FF', X'0A0D', X'', '{"a": 1,  "b": [null]}',
  '6f1ed002-ab5e-4c1a-8b1a-0000000000ff', '192.168.1.1', '::1', ST_GeomFromText('POINT(1 2)', 4326),
  ST_GeomFromText('LINESTRING(0 0, 1 1)'))"""
EXTREME = """
INSERT INTO t VALUES (2, 0, 18446744073709551615, -128, 255, -32768, 16777215, 4294967295,
  -9223372036854775808, 18446744073709551615, -9999999999999999999999999999.9999999999,
  -99999999999999999999999999999999999.999999999999999999999999999999, -3.4028234e38,
  -1.7976931348623157e308, '0001-01-01', '9999-12-31 23:59:59.999999', '0001-01-01',
  '2038-01-19 03:14:07.999999', '-838:59:59', 0, '', '\\'"\\\\\\0\\n),\\n(', '', '', 'é,b', '', X'00000000',
  X'', REPEAT(X'00', 65535), REPEAT('x', 100000), '[]', '00000000-0000-0000-0000-000000000000',
  '255.255.255.255', 'ffff::', ST_GeomFromText('POINT(-1e300 1e-300)'),
  ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1))'))"""


@pytest.mark.parametrize("mode", WriteMode)
def test_a_table_of_mysql_is_the_same_table_again(
    place: Place, destination: MySQLDestination, mode: WriteMode
):
    """# Invariant 6"""
    nulls = f"INSERT INTO t VALUES (3{', NULL' * 35})"
    place.sql(NATIVE, USUAL, EXTREME, nulls)
    source = place.source(place.as_root())
    stream = next(stream for stream in source.discover() if stream.name == "t")
    batches = [batch.arrow for batch in place.batches(source, Selection(stream))]
    copy = target(stream.schema, mode, name="u", primary_key=("id",))
    assert run(destination, copy, pa.Table.from_batches(batches)) == []
    assert declared(place, "u") == declared(place)
    shapes = ["c_point", "c_geometry"]
    plain = [name for name in declared(place) if name not in shapes]
    same = " AND ".join(f"t.{name} <=> u.{name}" for name in plain)
    assert place.sql(f"SELECT COUNT(*) FROM t JOIN u ON {same}") == [(3,)]
    for name in shapes:
        query = f"SELECT HEX({name}) FROM {{}} ORDER BY id"
        assert place.sql(query.format("t")) == place.sql(query.format("u"))


FOREIGN: dict[str, tuple[pa.Array, str, list[Any]]] = {
    "none": (pa.nulls(2), "longtext", [None, None]),
    "half": (pa.array([1.5, None], pa.float16()), "float", [1.5, None]),
    "float": (pa.array([2.0**-149, 16777217.0], pa.float32()), "float", [2.0**-149, 16777216.0]),
    "deep": (
        pa.array([Decimal("1e-38"), Decimal("-0.1")], pa.decimal128(38, 38)),
        "longtext",
        ["0.00000000000000000000000000000000000001", "-0.10000000000000000000000000000000000000"],
    ),
    "wide": (
        pa.array([Decimal("9" * 65), None], pa.decimal256(65, 0)),
        "decimal(65,0)",
        [Decimal("9" * 65), None],
    ),
    "dictionary": (pa.array(["a", "b"]).dictionary_encode(), "longtext", ["a", "b"]),
    "view": (pa.array(["a'b", None], pa.string_view()), "longtext", ["a'b", None]),
    "fixed": (pa.array([b"\0\xff", None], pa.binary(2)), "longblob", [b"\0\xff", None]),
    "date64": (pa.array([0, None], pa.date64()), "date", [dt.date(1970, 1, 1), None]),
    "nanos": (
        pa.array([1_000, None], pa.timestamp("ns")),
        "datetime(6)",
        [dt.datetime(1970, 1, 1, microsecond=1), None],  # noqa: DTZ001 - DATETIME has no zone
    ),
    "zoned": (
        pa.array([0, None], pa.timestamp("s", "Asia/Kolkata")),
        "datetime(6)",
        [dt.datetime(1970, 1, 1), None],  # noqa: DTZ001 - as above
    ),
    "seconds": (pa.array([86_399, None], pa.time32("s")), "time(6)", [dt.timedelta(seconds=86_399), None]),
    "duration": (
        pa.array([-1, 838 * 3600 * 10**6], pa.duration("us")),
        "time(6)",
        [dt.timedelta(microseconds=-1), dt.timedelta(hours=838)],
    ),
    "interval": (
        pa.array([pa.MonthDayNano([1, -2, 3]), None], pa.month_day_nano_interval()),
        "longtext",
        ["P1M-2DT0.000000003S", None],
    ),
    "map": (
        pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
        "longtext",
        ['{"a":1}', None],
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_types_of_other_systems(place: Place, destination: MySQLDestination, name: str):
    values, type, wanted = FOREIGN[name]
    table = pa.table({"id": [1, 2], "v": values})
    assert run(destination, target(table.schema), table) == []
    assert declared(place)["v"] == type
    column = "v * 1e0" if type == "float" else "v"
    assert [value for (value,) in place.sql(f"SELECT {column} FROM t ORDER BY id")] == wanted


BAD: dict[str, tuple[pa.Array, str]] = {
    "nan": (pa.array([1.5, float("nan"), float("-inf")]), "value.unrepresentable"),
    "date": (pa.array([0, -719_163, 2_932_897], pa.int32()).view(pa.date32()), "value.unrepresentable"),
    "timestamp": (
        pa.array([0, -62_135_596_801, 253_402_300_800], pa.timestamp("s")),
        "value.unrepresentable",
    ),
    "finer": (pa.array([1_000, 1, -1], pa.timestamp("ns")), "value.unrepresentable"),
    "long": (pa.array([0, 3_020_400, -3_020_400], pa.duration("s")), "value.unrepresentable"),
}


@pytest.mark.parametrize("name", BAD)
def test_values_that_no_column_holds_are_rejected_one_by_one(
    place: Place, destination: MySQLDestination, name: str
):
    values, code = BAD[name]
    table = pa.table({"id": [1, 2, 3], "v": values})
    rejected = run(destination, target(table.schema), table)
    assert [(one.code, one.record["id"]) for one in rejected] == [(code, 2), (code, 3)]
    assert place.sql("SELECT id FROM t") == [(1,)]


def test_records_beyond_the_servers_packet_are_rejected(place: Place, destination: MySQLDestination):
    place.sql("SET GLOBAL max_allowed_packet = 1048576")
    try:
        with MySQLDestination(place.as_root()) as small:
            texts = ["x" * 1_000_000, "y" * 1_048_576, "z" * 700_000, "é" * 300_000]
            table = pa.table({"id": [1, 2, 3, 4], "v": texts})
            rejected = run(small, target(table.schema), table)
    finally:
        place.sql("SET GLOBAL max_allowed_packet = 268435456")
    assert [(one.code, one.record["id"]) for one in rejected] == [("value.too_large", 2)]
    assert place.sql("SELECT id, LENGTH(v) FROM t ORDER BY id") == [
        (1, 1_000_000),
        (3, 700_000),
        (4, 600_000),
    ]


def test_casts_are_logged(place: Place, destination: MySQLDestination, caplog: pytest.LogCaptureFixture):
    schema = pa.schema({"at": pa.timestamp("us", "Europe/Paris"), "l": pa.list_(pa.int8()), "n": pa.int8()})
    with caplog.at_level(logging.WARNING, "towpath.connectors.mysql"):
        destination.prepare(target(schema))
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "'at'" in told[0]
    assert "Europe/Paris" in told[0]
    assert "'l'" in told[1]


def test_a_forged_native_type_is_not_believed(place: Place, destination: MySQLDestination):
    forged = {NATIVE_TYPE: b"mysql:int(11), evil TEXT) -- "}
    schema = pa.schema([pa.field("id", pa.int32(), metadata=forged)])
    run(destination, target(schema), pa.table({"id": pa.array([1], pa.int32())}, schema))
    assert declared(place) == {"id": "int(11)"}


def test_long_lines_of_varchar_become_text(place: Place, destination: MySQLDestination):
    fields = [
        pa.field(f"c{n}", pa.string(), metadata={NATIVE_TYPE: b"mysql:varchar(2000)"}) for n in range(20)
    ]
    table = pa.table([pa.array(["x"])] * 20, pa.schema(fields))
    assert run(destination, target(table.schema), table) == []
    assert set(declared(place).values()) == {"longtext"}


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def test_keys_that_only_look_alike_are_different(place: Place, destination: MySQLDestination):
    keys = ["a", "A", "á", "a ", "a  ", "ß", "ss", "", " ", "\0", "𝄞", "☃"]
    table = pa.table({"k": keys, "v": range(len(keys))})
    where = target(table.schema, WriteMode.UPSERT, primary_key=("k",))
    assert run(destination, where, table) == []
    assert run(destination, replace(where, run="run_2"), table) == []
    assert dict(place.sql("SELECT k, v FROM t")) == dict(zip(keys, range(len(keys)), strict=True))


def test_keys_that_are_too_long_are_rejected(place: Place, destination: MySQLDestination):
    table = pa.table({"a": ["x" * 384, "x" * 385], "b": [b"y", b"z"], "c": ["1", "2"]})
    where = target(table.schema, WriteMode.UPSERT, primary_key=("a", "c"))
    rejected = run(destination, where, table)
    assert [(one.code, one.record["c"]) for one in rejected] == [("value.too_large", "2")]
    binary = target(table.schema, WriteMode.UPSERT, name="u", primary_key=("b",), run="run_2")
    assert run(destination, binary, table) == []
    assert declared(place, "u")["b"] == "varbinary(3072)"


def test_a_structure_is_no_key(destination: MySQLDestination):
    schema = pa.schema({"k": pa.list_(pa.int64())})
    with pytest.raises(SchemaError) as caught:
        destination.prepare(target(schema, WriteMode.UPSERT, primary_key=("k",)))
    assert caught.value.code == "schema.incompatible"


def test_an_overwrite_has_the_key_that_its_records_keep_to(
    place: Place, destination: MySQLDestination, caplog: pytest.LogCaptureFixture
):
    where = target(pa.schema({"id": pa.int64()}), WriteMode.OVERWRITE, primary_key=("id",))
    run(destination, where, pa.table({"id": [1, 2]}))
    assert place.sql("SHOW INDEX FROM t")
    run(destination, replace(where, run="run_2"), pa.table({"id": [1, 1, None]}))
    assert place.sql("SHOW INDEX FROM t") == []
    assert place.sql("SELECT COUNT(*) FROM t") == [(3,)]
    assert "gets no primary key" in caplog.text


def test_the_last_of_a_key_wins_in_the_order_of_slices(place: Place, destination: MySQLDestination):
    schema = pa.schema({"k": pa.int64(), "v": pa.string()})
    where = target(schema, WriteMode.UPSERT, primary_key=("k",))
    destination.prepare(where)
    receipts = []
    for name, values in (("s2", ["late", "latest"]), ("s1", ["early"])):
        writer = destination.writer(where, Slice(name))
        writer.write(Batch.of_records([{"k": 1, "v": value} for value in values], schema))
        receipts.append(writer.close())
    destination.commit(where, receipts, Checkpoint("run_1", 1, None))
    assert place.sql("SELECT v FROM t") == [("latest",)]


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ("CREATE TABLE t (k BIGINT, v LONGTEXT)", "no unique index"),
        ("CREATE TABLE t (k BIGINT PRIMARY KEY, v VARCHAR(9), UNIQUE (v))", "besides its key"),
        ("CREATE TABLE t (k BIGINT PRIMARY KEY, v LONGTEXT, must INT NOT NULL)", "takes no nulls"),
        ("CREATE TABLE t (k BIGINT PRIMARY KEY, v INT)", "'v'"),
        ("CREATE TABLE t (k BIGINT PRIMARY KEY, v LONGTEXT CHARACTER SET latin1)", "latin1"),
        ("CREATE TABLE t (k BIGINT PRIMARY KEY, v VARCHAR(9) AS ('x'))", "computed"),
    ],
)
def test_tables_that_an_upsert_cannot_be_written_to(
    place: Place, destination: MySQLDestination, table: str, word: str
):
    place.sql(f"{table} CHARACTER SET utf8mb4")
    before = place.sql("SHOW CREATE TABLE t")
    schema = pa.schema({"k": pa.int64(), "v": pa.string()})
    with pytest.raises(SchemaError) as caught:
        destination.prepare(target(schema, WriteMode.UPSERT, primary_key=("k",)))
    assert caught.value.code == "schema.incompatible"
    assert word in str(caught.value)
    assert place.sql("SHOW CREATE TABLE t") == before


def test_text_keys_in_a_collation_that_mixes_them_up_are_refused(place: Place, destination: MySQLDestination):
    place.sql("CREATE TABLE t (k VARCHAR(20) PRIMARY KEY) COLLATE utf8mb4_general_ci")
    where = target(pa.schema({"k": pa.string()}), WriteMode.UPSERT, primary_key=("k",))
    with pytest.raises(SchemaError, match="utf8mb4_general_ci"):
        destination.prepare(where)
    place.sql("ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    rejected = run(destination, where, pa.table({"k": ["a", "A", "a ", "x" * 21]}))
    assert [(one.code, one.record["k"]) for one in rejected] == [
        ("value.too_large", "x" * 21),
        ("value.unrepresentable", "a "),
    ]
    assert place.sql("SELECT k FROM t ORDER BY k") == [("A",), ("a",)]


# ── evolution ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("have", "values", "type"),
    [
        ("SMALLINT", pa.array([2**40], pa.int64()), "bigint(20)"),
        ("BIGINT", pa.array([1], pa.int16()), "bigint(20)"),
        ("INT UNSIGNED", pa.array([-1], pa.int32()), "bigint(20)"),
        ("INT", pa.array([Decimal("1.25")], pa.decimal128(5, 2)), "decimal(12,2)"),
        ("FLOAT", pa.array([0.1]), "double"),
        ("DECIMAL(5,2)", pa.array([Decimal("1.2345")], pa.decimal128(9, 4)), "decimal(9,4)"),
        ("DATETIME", pa.array([1], pa.timestamp("us")), "datetime(6)"),
        ("VARCHAR(3) CHARACTER SET utf8mb4", pa.array(["four"]), "longtext"),
        ("LONGTEXT CHARACTER SET utf8mb4", pa.nulls(1), "longtext"),
        ("INT", pa.nulls(1), "int(11)"),
        ("TINYBLOB", pa.array([b"x" * 256]), "longblob"),
        ("BOOLEAN", pa.array([True]), "tinyint(1)"),
    ],
)
def test_columns_grow_without_loss(
    place: Place, destination: MySQLDestination, have: str, values: pa.Array, type: str
):
    """# Invariant 10"""
    place.sql(f"CREATE TABLE t (v {have})", "INSERT INTO t VALUES (1)" if "INT" in have else "SELECT 1")
    table = pa.table({"v": values})
    assert run(destination, target(table.schema), table) == []
    assert declared(place) == {"v": type}
    found = [value for (value,) in place.sql("SELECT v FROM t")]
    assert values.to_pylist()[0] in found


@pytest.mark.parametrize(
    ("have", "type"),
    [
        ("BIGINT", pa.uint64()),
        ("BIGINT", pa.float64()),
        ("DOUBLE", pa.int64()),
        ("DATE", pa.timestamp("us")),
        ("TIMESTAMP(6) NULL", pa.timestamp("us")),
        ("LONGTEXT", pa.binary()),
        ("VARCHAR(20)", pa.int64()),
        ("ENUM('a')", pa.string()),
        ("BIT(1)", pa.int64()),
        ("BINARY(4)", pa.binary()),
        ("INT DEFAULT 7", pa.int64()),
        ("JSON", pa.string()),
    ],
)
def test_columns_that_would_lose_values_are_refused(
    place: Place, destination: MySQLDestination, have: str, type: pa.DataType
):
    place.sql(f"CREATE TABLE t (v {have})")
    with pytest.raises(SchemaError) as caught:
        destination.prepare(target(pa.schema({"v": type})))
    assert caught.value.code == "schema.incompatible"


def test_an_indexed_text_stays_and_longer_values_are_rejected(place: Place, destination: MySQLDestination):
    place.sql("CREATE TABLE t (v VARCHAR(3), INDEX (v)) CHARACTER SET utf8mb4")
    rejected = run(destination, target(pa.schema({"v": pa.string()})), pa.table({"v": ["☃☃☃", "four"]}))
    assert [one.record["v"] for one in rejected] == ["four"]
    assert place.sql("SELECT v FROM t") == [("☃☃☃",)]


def test_zero_is_a_value_of_a_column_that_counts(place: Place, destination: MySQLDestination):
    place.sql("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v INT)")
    table = pa.table({"id": pa.array([0, 5], pa.int32()), "v": pa.array([1, 2], pa.int32())})
    run(destination, target(table.schema), table)
    assert place.sql("SELECT * FROM t ORDER BY id") == [(0, 1), (5, 2)]


# ── overwrite ────────────────────────────────────────────────────────────────────────────────────

ATTACHED = {
    "index": ["CREATE INDEX own ON t (v)"],
    "trigger": ["CREATE TRIGGER own BEFORE INSERT ON t FOR EACH ROW SET NEW.v = NEW.v"],
    "foreign key": [
        "CREATE TABLE child (id BIGINT, FOREIGN KEY (id) REFERENCES t (id))",
    ],
    "comment": ["ALTER TABLE t COMMENT 'mine'"],
    "default": ["ALTER TABLE t ALTER v SET DEFAULT 7"],
}


@pytest.mark.parametrize("thing", ATTACHED)
def test_an_overwrite_keeps_what_hangs_on_the_table(place: Place, destination: MySQLDestination, thing: str):
    place.sql(
        "CREATE TABLE t (id BIGINT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)", *ATTACHED[thing]
    )
    before = place.sql("SHOW CREATE TABLE t")
    schema = pa.schema({"id": pa.int64(), "v": pa.int32()})
    where = target(schema, WriteMode.OVERWRITE, primary_key=("id",))
    run(destination, where, pa.table({"id": [2], "v": pa.array([2], pa.int32())}, schema))
    assert place.sql("SELECT * FROM t") == [(2, 2)]
    assert place.sql("SHOW CREATE TABLE t") == before
    other = target(pa.schema({"id": pa.string()}), WriteMode.OVERWRITE, run="run_2")
    with pytest.raises(SchemaError) as caught:
        destination.prepare(other)
    assert caught.value.code == "schema.incompatible"


def test_readers_always_see_a_whole_table(place: Place, destination: MySQLDestination):
    """Whatever the moment: never no table, never half of one."""
    where = target(pa.schema({"id": pa.int64()}), WriteMode.OVERWRITE)
    run(destination, where, pa.table({"id": [0] * 1000}))
    seen, done = set(), threading.Event()

    def look() -> None:
        with MySQLSource(place.as_root()) as source:
            stream = next(one for one in source.discover() if one.name == "t")
            while not done.is_set():
                seen.add(len(place.read(source, Selection(stream))))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(5):
        run(destination, replace(where, run=f"run_{number + 2}"), pa.table({"id": [number] * 1000}))
    done.set()
    reader.join(60)
    assert seen == {1000}


# ── names, rights, servers ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "columns", "code"),
    [
        ("x" * 65, ["a"], "name.too_long"),
        ("t", ["x" * 65], "name.too_long"),
        ("t", ["a", "A"], "column.duplicate"),
        ("t", ["ends "], "name.invalid"),
        ("ends ", ["a"], "name.invalid"),
        ("t", ["𝄞"], "name.invalid"),
        ("t", ["n\0l"], "name.invalid"),
        ("t", [], "schema.empty"),
        ("t", [f"c{n}" for n in range(2000)], "schema.too_large"),
    ],
)
def test_names_that_mysql_does_not_take(
    place: Place, destination: MySQLDestination, name: str, columns: list[str], code: str
):
    schema = pa.schema([pa.field(column, pa.int64()) for column in columns])
    where = target(schema, name=name)
    with pytest.raises(TowpathError) as caught:
        destination.prepare(where)
    assert caught.value.code == code
    assert caught.value.hint


def test_another_namespace_is_made(place: Place, destination: MySQLDestination):
    (database,) = place.sql("SELECT CONCAT(DATABASE(), '_other')")[0]
    try:
        where = target(pa.schema({"id": pa.int64()}), namespace=database)
        assert destination.committed(where) is None
        destination.discard(where)
        run(destination, where, pa.table({"id": [1]}))
        assert place.sql(f"SELECT * FROM `{database}`.t") == [(1,)]
    finally:
        place.sql(f"DROP DATABASE IF EXISTS `{database}`")


@pytest.mark.parametrize("kind", ["VIEW t AS SELECT 1 AS id", "TABLE t (id BIGINT) ENGINE=MyISAM"])
def test_only_tables_with_transactions_are_written_to(place: Place, destination: MySQLDestination, kind: str):
    place.sql(f"CREATE {kind}")
    with pytest.raises(ConfigError) as caught:
        destination.prepare(target(pa.schema({"id": pa.int64()})))
    assert caught.value.code == "target.not_a_table"


def test_check_tells_who_answers_and_that_the_user_may_write(place: Place):
    with MySQLDestination(place.as_root()) as destination:
        assert destination.check().startswith("MariaDB ")
    with MySQLDestination(place.config) as destination, pytest.raises(AuthError) as caught:
        destination.check()
    assert caught.value.code == "permission.denied"
    assert place.sql("SHOW TABLES") == []


def test_a_user_without_the_rights_hears_it_before_anything_is_read(place: Place):
    place.sql("CREATE TABLE t (id BIGINT)")
    with MySQLDestination(place.config) as destination, pytest.raises(AuthError) as caught:
        destination.prepare(target(pa.schema({"id": pa.int64()})))
    assert caught.value.code == "permission.denied"


def test_no_file_of_this_machine_is_sent_to_a_server_that_asks_for_it(place: Place):
    place.sql("CREATE TABLE t (v LONGTEXT)")
    connection = connect(place.as_root(), writes=True)
    try:
        with pytest.raises(RuntimeError, match="local_infile option is false"):
            execute(connection, f"LOAD DATA LOCAL INFILE '{__file__}' INTO TABLE t")
    finally:
        connection.close()
    assert place.sql("SELECT * FROM t") == []


def test_a_server_that_takes_no_writes(place: Place):
    place.sql("CREATE USER rw@'%'", "GRANT SELECT, CREATE ON *.* TO rw@'%'", "SET GLOBAL read_only = 1")
    config = place.settings(username="rw", password="")
    try:
        with MySQLDestination(config) as destination, pytest.raises(TowpathError) as caught:
            destination.check()
        assert caught.value.code == "server.read_only"
    finally:
        place.sql("SET GLOBAL read_only = 0", "DROP USER rw@'%'")
