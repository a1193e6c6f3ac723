"""What reaches a real PostgreSQL: values of every type, native types, evolved tables, rejected records."""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.json import set_json_loads
from towpath.connectors.postgres._encode import Frame

from support.arrow import batches
from support.postgres import PostgresServer
from towpath.connectors.postgres import encode_slowly, rows
from towpath.connectors.postgres.config import Arrays, PostgresConfig
from towpath.connectors.postgres.destination import PostgresDestination
from towpath.connectors.postgres.source import PostgresSource
from towpath.sdk import (
    NATIVE_TYPE,
    AuthError,
    Batch,
    BusyError,
    Checkpoint,
    ConfigError,
    DataError,
    Rejected,
    SchemaError,
    Selection,
    Slice,
    Target,
    WriteMode,
)

pytestmark = pytest.mark.service("postgres")
Rows = list[tuple[Any, ...]]


class Interval(Loader):
    """Intervals as (months, days, microseconds): psycopg's own makes days of months."""

    format = Format.BINARY

    def load(self, data: Any) -> tuple[int, int, int]:
        micros, days, months = struct.unpack(">qii", data)
        return months, days, micros


@pytest.fixture
def config(postgres: PostgresServer, postgres_database: str) -> PostgresConfig:
    return PostgresConfig(**postgres.config(postgres_database))


@pytest.fixture
def db(postgres: PostgresServer, postgres_database: str) -> Iterator[psycopg.Connection]:
    with postgres.connect(postgres_database) as connection:
        connection.prepare_threshold = None
        connection.execute("SET timezone = 'UTC'")
        connection.adapters.register_loader("interval", Interval)
        set_json_loads(lambda data: document(bytes(data).decode()), connection)
        yield connection


@pytest.fixture
def destination(config: PostgresConfig) -> Iterator[PostgresDestination]:
    with PostgresDestination(config) as made:
        yield made


def target(schema: pa.Schema, mode: WriteMode = WriteMode.OVERWRITE, **changes: Any) -> Target:
    return replace(Target("t", schema, mode, "run_1", "public.t", "flw_1:0"), **changes)


def run(
    destination: PostgresDestination, where: Target, *tables: pa.Table | pa.RecordBatch, number: int = 1
) -> list[Rejected]:
    """A whole run, with one slice per table."""
    destination.prepare(where)
    receipts, rejected = [], []
    for place, table in enumerate(tables):
        writer = destination.writer(where, Slice(f"s{place}"))
        for batch in [table] if isinstance(table, pa.RecordBatch) else table.to_batches():
            rejected += writer.write(Batch(batch))
        receipts.append(writer.close())
    destination.commit(where, receipts, Checkpoint(where.run, number, None))
    destination.discard(where)
    return rejected


def types_of(db: psycopg.Connection, table: str = "t") -> dict[str, str]:
    query = (
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )
    return dict(db.execute(query, [table]).fetchall())


# ── values ───────────────────────────────────────────────────────────────────────────────────────


def number(text: str) -> str:
    """One spelling for one number: jsonb keeps its value, not its exponent, nor the minus of a zero."""
    return f"{Context(prec=1000).normalize(Decimal(text)) or Decimal(0):f}"


def document(text: str) -> Any:
    """A JSON document, with one order of its names."""
    loaded = json.loads(text, parse_int=number, parse_float=number)
    return json.dumps(loaded, sort_keys=True)


def expected(kind: pa.DataType, value: Any) -> Any:
    """What an ordinary reader finds of a value."""
    if value is None:
        return None
    if isinstance(kind, pa.JsonType):
        return document(value)
    if kind == pa.uint64():
        return Decimal(value)
    if pa.types.is_interval(kind):
        return value.months, value.days, value.nanoseconds // 1000
    if isinstance(value, timedelta):
        return 0, 0, value // timedelta(microseconds=1)
    if type(value).__name__ == "Timestamp":  # a pandas value, if pandas is there
        value = value.to_pydatetime()
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


def plain(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


@pytest.mark.parametrize("frame", [Frame, encode_slowly.Frame], ids=["compiled", "plain"])
@given(batch=batches())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_written_is_read_back(
    frame: Any,
    destination: PostgresDestination,
    db: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    batch: pa.RecordBatch,
):
    """# Invariant 6"""
    monkeypatch.setattr(rows, "Frame", frame)
    numbered = batch.append_column("n", pa.array(range(batch.num_rows), pa.int64()))
    db.execute("DROP TABLE IF EXISTS t, _towpath_checkpoints")
    assert run(destination, target(numbered.schema), numbered) == []
    found = db.execute("SELECT * FROM t ORDER BY n", binary=True).fetchall()
    wanted = [
        tuple(expected(field.type, row[field.name]) for field in numbered.schema)
        for row in numbered.to_pylist()
    ]
    # By representation: NaN, -0.0 and the scale of a decimal count.
    assert [repr([plain(value) for value in row]) for row in found] == [repr(list(row)) for row in wanted]


#: PostgreSQL type → (values as text, Arrow type that carries them).
NATIVE: dict[str, tuple[list[str], pa.DataType]] = {
    "inet": (["10.0.0.1", "2001:db8::/32"], pa.string()),
    "cidr": (["10.0.0.0/8"], pa.string()),
    "macaddr": (["08:00:2b:01:02:03"], pa.string()),
    "money": (["-$1,234.56", "$0.01"], pa.string()),
    "numeric": (["NaN", "1e-16383", "-12345678901234567890.0123456789", "0.000", "Infinity"], pa.string()),
    "numeric(50,5)": (["1" * 45 + ".54321"], pa.string()),
    "numeric(10,2)": (["12345678.90"], pa.decimal128(10, 2)),
    "time with time zone": (["12:34:56.789+05:30"], pa.string()),
    "int4range": (["[1,10)", "empty"], pa.string()),
    "tstzrange": (['["2024-01-01 00:00:00+00",)'], pa.string()),
    "bit(8)": (["10101010"], pa.string()),
    "bit varying(9)": (["101"], pa.string()),
    "tsvector": (["'a':1 'b':2A"], pa.string()),
    "point": (["(1.5,-2)"], pa.string()),
    "xml": (["<a>b</a>"], pa.string()),
    "json": (['{"b" : 1,  "a":  "\\u0000"}'], pa.json_()),
    "jsonb": (['{"a": 1}'], pa.json_()),
    "character varying(20)": (["é" * 20, ""], pa.string()),
    "character(5)": (["ab   "], pa.string()),
    "name": (["pg_class"], pa.string()),
    '"char"': (["x"], pa.string()),
    "oid": (["4294967295"], pa.uint32()),
    "timestamp(3) without time zone": (["2024-02-29 12:00:00.123"], pa.timestamp("us")),
    "interval": (["1 year 2 mons -3 days 04:05:06.789"], pa.month_day_nano_interval()),
    "mood": (["sad", "oh 'so' happy"], pa.string()),
    "mood[]": (["{sad,NULL,\"oh 'so' happy\"}"], pa.list_(pa.string())),
    "character varying(3)[]": (["{abc,NULL}"], pa.list_(pa.string())),
    "inet[]": (["{10.0.0.1,NULL}"], pa.string()),
    "integer[]": (["{{1,2},{3,4}}", "{}"], pa.string()),
    "numeric(8,3)[]": (["{1.250,NULL}"], pa.list_(pa.decimal128(8, 3))),
    "posint": (["7"], pa.int32()),
    '"Odd Schema"."Odd Type"': (["sad"], pa.string()),
    "pair": (['(1,"a,b")'], pa.string()),
}


def carried(kind: pa.DataType, db: psycopg.Connection, type: str, text: str) -> Any:
    """The value as the Arrow type carries it."""
    if pa.types.is_string(kind) or isinstance(kind, pa.JsonType):
        return text
    row = db.execute(f"SELECT '{text.replace(chr(39), chr(39) * 2)}'::{type}", binary=True).fetchone()
    assert row is not None
    if pa.types.is_interval(kind):
        months, days, micros = row[0]
        return months, days, micros * 1000
    return row[0]


def own_types(db: psycopg.Connection) -> None:
    """The types of the user's making that `NATIVE` names."""
    db.execute("CREATE TYPE mood AS ENUM ('sad', 'oh ''so'' happy')")
    db.execute('CREATE SCHEMA "Odd Schema"; CREATE TYPE "Odd Schema"."Odd Type" AS ENUM (\'sad\')')
    db.execute("CREATE DOMAIN posint AS integer CHECK (VALUE > 0); CREATE TYPE pair AS (a int, b text)")
    db.execute("SET lc_monetary = 'C'")


def has_xml(db: psycopg.Connection) -> bool:
    try:
        db.execute("SELECT '<a/>'::xml")
    except psycopg.errors.FeatureNotSupported:
        return False
    return True


@pytest.mark.parametrize("type", NATIVE)
def test_a_column_from_postgres_gets_its_very_own_type(
    destination: PostgresDestination, db: psycopg.Connection, type: str
):
    own_types(db)
    texts, kind = NATIVE[type]
    if type == "xml" and not has_xml(db):
        pytest.skip("this server was built without XML")
    enum = psycopg.types.TypeInfo.fetch(db, "mood")
    assert enum is not None
    enum.register(db)
    field = pa.field("v", kind, metadata={NATIVE_TYPE: f"postgres:{type}"})
    values = [carried(kind, db, type, text) for text in texts]
    table = pa.table([pa.array([*values, None], kind)], pa.schema([field]))
    for mode in (WriteMode.OVERWRITE, WriteMode.APPEND):  # by a rename, and by an insert
        assert run(destination, target(table.schema, mode, run=f"run_{mode}"), table) == []
    assert types_of(db) == {"v": type}
    wanted = [row[0] for text in texts for row in db.execute(f"SELECT (%s::{type})::text", [text])]
    found = [row[0] for row in db.execute("SELECT v::text FROM t")]
    assert found == [*wanted, None] * 2


@pytest.mark.parametrize("arrays", ["list", "text"])
def test_a_table_goes_from_postgres_to_postgres_as_it_is(
    config: PostgresConfig, destination: PostgresDestination, db: psycopg.Connection, arrays: str
):
    own_types(db)
    left_out = {"xml"} if not has_xml(db) else set()
    left_out |= {"integer[]"} if arrays == "list" else set()  # its values have two dimensions
    types = [type for type in NATIVE if type not in left_out]
    db.execute(f"CREATE TABLE s ({', '.join(f'c{at} {type}' for at, type in enumerate(types))})")
    for row in range(6):
        texts = [(*NATIVE[type][0], None)[row % (len(NATIVE[type][0]) + 1)] for type in types]
        values = ", ".join(f"%s::text::{type}" for type in types)
        db.execute(f"INSERT INTO s VALUES ({values})", texts)
    with PostgresSource(config.model_copy(update={"arrays": Arrays(arrays)})) as source:
        (stream,) = [stream for stream in source.discover() if stream.name == "s"]
        batches = [
            batch.arrow
            for slice in source.plan(Selection(stream), None).slices
            for batch in source.read(Selection(stream), slice, None)
        ]
    for mode in (WriteMode.OVERWRITE, WriteMode.APPEND):  # by a rename, and by an insert
        assert run(destination, target(stream.schema, mode, run=f"run_{mode}"), *batches) == []
    assert list(types_of(db).values()) == list(types_of(db, "s").values()) == types
    wanted = [row[0] for row in db.execute("SELECT s::text FROM s")]
    assert sorted(row[0] for row in db.execute("SELECT t::text FROM t")) == sorted(wanted * 2)


@pytest.mark.parametrize("type", ["no_such_type", "integer; DROP TABLE x", "int4 --", "", "inet)("])
def test_a_native_type_that_is_not_here_becomes_text(
    destination: PostgresDestination, db: psycopg.Connection, type: str
):
    field = pa.field("v", pa.string(), metadata={NATIVE_TYPE: f"postgres:{type}".encode()})
    table = pa.table([pa.array(["a"])], pa.schema([field]))
    run(destination, target(table.schema), table)
    assert types_of(db) == {"v": "text"}
    assert db.execute("SELECT v FROM t").fetchall() == [("a",)]


def test_types_of_other_systems_are_not_looked_at(destination: PostgresDestination, db: psycopg.Connection):
    field = pa.field("v", pa.string(), metadata={NATIVE_TYPE: b"mysql:inet"})
    run(destination, target(pa.schema([field])), pa.table([pa.array(["a"])], pa.schema([field])))
    assert types_of(db) == {"v": "text"}


RARE: dict[str, tuple[pa.Array, str, list[Any]]] = {
    "float16": (pa.array([1.5, None], pa.float16()), "real", [1.5, None]),
    "date64": (pa.array([86_400_000], pa.date64()), "date", ["1970-01-02"]),
    "decimal32": (pa.array([Decimal("1.25")], pa.decimal32(5, 2)), "numeric(5,2)", ["1.25"]),
    "decimal256": (pa.array([Decimal("9" * 50)], pa.decimal256(50, 0)), "numeric(50,0)", ["9" * 50]),
    "scale_below_0": (pa.array([Decimal(1200)], pa.decimal128(5, -2)), "numeric(7,0)", ["1200"]),
    "scale_beyond": (
        pa.Array.from_buffers(pa.decimal128(2, 5), 1, pa.array([Decimal(12)], pa.decimal128(2)).buffers()),
        "numeric(5,5)",
        ["0.00012"],
    ),
    "dictionary": (pa.array(["a", None, "b"]).dictionary_encode(), "text", ["a", None, "b"]),
    "string_view": (pa.array(["é", None], pa.string_view()), "text", ["é", None]),
    "null": (pa.nulls(2), "text", [None, None]),
    "fixed_list": (pa.array([[1, 2], None], pa.list_(pa.int16(), 2)), "smallint[]", ["{1,2}", None]),
    "list_of_uuid": (
        pa.array([[b"\0" * 16]], pa.list_(pa.binary(16))).cast(pa.list_(pa.uuid())),
        "uuid[]",
        ["{00000000-0000-0000-0000-000000000000}"],
    ),
    "list_of_times": (
        pa.array([[1, None]], pa.list_(pa.time32("s"))),
        "time without time zone[]",
        ["{00:00:01,NULL}"],
    ),
    "nested": (pa.array([[[1], None], []]), "jsonb", ["[[1], null]", "[]"]),
    "map": (
        pa.array([[("k", Decimal("1.10"))], None], pa.map_(pa.string(), pa.decimal128(5, 2))),
        "jsonb",
        ['{"k": 1.10}', None],
    ),
    "map_by_number": (
        pa.array([[(1, "a")]], pa.map_(pa.int8(), pa.string())),
        "jsonb",
        ['[{"key": 1, "value": "a"}]'],
    ),
    "struct": (
        pa.array(
            [
                {
                    "b": b"\1",
                    "d": datetime(2024, 1, 2, tzinfo=UTC).date(),
                    "f": float("nan"),
                    "s": timedelta(seconds=-1),
                }
            ],
            pa.struct(
                [("b", pa.binary()), ("d", pa.date32()), ("f", pa.float64()), ("s", pa.duration("us"))]
            ),
        ),
        "jsonb",
        ['{"b": "AQ==", "d": "2024-01-02", "f": "nan", "s": -1.000000}'],
    ),
    "ns": (
        pa.array([1_000], pa.timestamp("ns")),
        "timestamp without time zone",
        ["1970-01-01 00:00:00.000001"],
    ),
    "zone": (
        pa.array([0], pa.timestamp("us", "Europe/Berlin")),
        "timestamp with time zone",
        ["1970-01-01 00:00:00+00"],
    ),
}


@pytest.mark.parametrize("name", RARE)
def test_rare_types(destination: PostgresDestination, db: psycopg.Connection, name: str):
    array, type, values = RARE[name]
    table = pa.table({"v": array})
    assert run(destination, target(table.schema), table) == []
    assert types_of(db) == {"v": type}
    found = [row[0] for row in db.execute("SELECT v::text FROM t")]
    assert found == [value if value is None else str(value) for value in values]


def test_casts_are_told_when_a_run_is_prepared(
    destination: PostgresDestination, caplog: pytest.LogCaptureFixture
):
    schema = pa.schema([("s", pa.struct([("a", pa.int8())])), ("n", pa.timestamp("ns")), ("i", pa.int64())])
    destination.prepare(target(schema))
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [message.split("'")[1] for message in told] == ["s", "n"]


# ── records that are rejected ────────────────────────────────────────────────────────────────────


def test_records_that_cannot_be_stored_are_rejected_and_the_others_written(
    destination: PostgresDestination, db: psycopg.Connection
):
    """# Invariant 7"""
    table = pa.table(
        {
            "id": pa.array(range(6)),
            "text": pa.array([b"a", b"b\0", b"c", b"\xff", None, b"f"]).view(pa.string()),
            "at": pa.array([1000, 1000, 1001, 1000, 1000, None]).view(pa.timestamp("ns")),
        }
    )
    rejected = run(destination, target(table.schema), table.slice(0, 4), table.slice(4))
    assert [
        (one.record["id"], one.code, one.index) for one in sorted(rejected, key=lambda one: one.record["id"])
    ] == [
        (1, "value.unrepresentable", 1),
        (2, "value.unrepresentable", 2),
        (3, "value.unrepresentable", 3),
    ]
    assert {one.record["id"]: one.record["text"] for one in rejected} == {1: "b\0", 2: "c", 3: b"\xff"}
    assert "'text'" in rejected[0].message
    assert db.execute("SELECT id FROM t ORDER BY id").fetchall() == [(0,), (4,), (5,)]


def test_dicts_that_do_not_fit_the_schema_are_rejected(
    destination: PostgresDestination, db: psycopg.Connection
):
    where = target(pa.schema([("id", pa.int32()), ("x", pa.string())]))
    destination.prepare(where)
    writer = destination.writer(where, Slice("s0"))
    records: Sequence[dict[str, Any]] = [{"id": 1}, {"id": "one"}, {"id": 2**40}, {"id": 2, "x": "y"}]
    rejected = writer.write(Batch.of_records(records, where.schema))
    receipt = writer.close()
    destination.commit(where, [receipt], Checkpoint(where.run, 1, None))
    assert [(one.index, one.code) for one in rejected] == [
        (1, "value.unrepresentable"),
        (2, "value.unrepresentable"),
    ]
    assert receipt.rows == 2
    assert db.execute("SELECT * FROM t ORDER BY id").fetchall() == [(1, None), (2, "y")]


def test_what_only_the_server_can_refuse_fails_the_slice_and_nothing_else(
    destination: PostgresDestination, db: psycopg.Connection
):
    db.execute("CREATE TYPE mood AS ENUM ('sad')")
    field = pa.field("v", pa.string(), metadata={NATIVE_TYPE: b"postgres:mood"})
    where = target(pa.schema([field]))
    destination.prepare(where)
    writer = destination.writer(where, Slice("s0"))
    writer.write(Batch(pa.record_batch([pa.array(["glad"])], where.schema)))
    with pytest.raises(DataError) as caught:
        writer.close()
    writer.abandon()
    assert caught.value.code == "value.unrepresentable"
    writer = destination.writer(where, Slice("s0"))
    writer.write(Batch(pa.record_batch([pa.array(["sad"])], where.schema)))
    destination.commit(where, [writer.close()], Checkpoint(where.run, 1, None))
    assert db.execute("SELECT v::text FROM t").fetchall() == [("sad",)]


# ── tables that are there already ────────────────────────────────────────────────────────────────

INT = pa.table({"id": pa.array([1, 2], pa.int64())})


@pytest.mark.parametrize(
    ("have", "array", "becomes"),
    [
        ("smallint", pa.array([2**40]), "bigint"),
        ("bigint", pa.array([1], pa.int16()), "bigint"),
        ("real", pa.array([0.1]), "double precision"),
        ("double precision", pa.array([1], pa.int32()), "double precision"),
        ("numeric(5,2)", pa.array([Decimal("1.2345")], pa.decimal128(8, 4)), "numeric(8,4)"),
        ("numeric(8,1)", pa.array([Decimal("1.2345")], pa.decimal128(8, 4)), "numeric(11,4)"),
        ("integer", pa.array([Decimal("1.5")], pa.decimal128(3, 1)), "numeric(11,1)"),
        ("numeric", pa.array([2**63 - 1]), "numeric"),
        ("character varying(3)", pa.array(["longer"]), "text"),
        ("character varying", pa.array(["x"]), "character varying"),
        ("timestamp(0) with time zone", pa.array([1], pa.timestamp("us", "UTC")), "timestamp with time zone"),
        ("integer[]", pa.array([[2**40]]), "bigint[]"),
        ("date", pa.nulls(1), "date"),
    ],
)
def test_columns_widen_where_nothing_is_lost(
    destination: PostgresDestination, db: psycopg.Connection, have: str, array: pa.Array, becomes: str
):
    """# Invariant 10"""
    db.execute(f"CREATE TABLE t (v {have})")
    table = pa.table({"v": array})
    run(destination, target(table.schema, WriteMode.APPEND), table)
    assert types_of(db) == {"v": becomes}
    wanted = db.execute("SELECT %s::text", [str(array[0].as_py())]).fetchone()
    if not pa.types.is_nested(array.type) and not pa.types.is_temporal(array.type) and wanted != ("None",):
        assert db.execute("SELECT v::text FROM t").fetchone() == wanted


@pytest.mark.parametrize(
    ("have", "kind"),
    [
        ("text", pa.int64()),
        ("integer", pa.string()),
        ("date", pa.timestamp("us")),
        ("timestamp", pa.timestamp("us", "UTC")),
        ("bigint", pa.float64()),
        ("double precision", pa.int64()),
        ("jsonb", pa.string()),
        ("bytea", pa.string()),
        ("integer GENERATED ALWAYS AS (1) STORED", pa.int32()),
    ],
)
def test_types_that_do_not_fit_are_refused_before_anything_is_read(
    destination: PostgresDestination, db: psycopg.Connection, have: str, kind: pa.DataType
):
    db.execute(f"CREATE TABLE t (v {have})")
    with pytest.raises(SchemaError) as caught:
        destination.prepare(target(pa.schema([("v", kind)]), WriteMode.APPEND))
    assert caught.value.code == "schema.incompatible"
    assert caught.value.context["column"] == "v"


def test_a_column_that_must_have_a_value_and_gets_none_is_refused(
    destination: PostgresDestination, db: psycopg.Connection
):
    db.execute("CREATE TABLE t (id bigint, must text NOT NULL, has text NOT NULL DEFAULT 'x')")
    with pytest.raises(SchemaError, match="must"):
        destination.prepare(target(INT.schema, WriteMode.APPEND))
    db.execute("ALTER TABLE t ALTER must SET DEFAULT 'y'")
    run(destination, target(INT.schema, WriteMode.APPEND), INT)
    assert db.execute("SELECT must, has FROM t").fetchall() == [("y", "x")] * 2


def test_a_view_is_no_target(destination: PostgresDestination, db: psycopg.Connection):
    db.execute("CREATE VIEW t AS SELECT 1 AS id")
    with pytest.raises(ConfigError) as caught:
        destination.prepare(target(INT.schema))
    assert caught.value.code == "target.not_a_table"


def test_a_view_on_a_column_that_must_change_is_a_clear_error(
    destination: PostgresDestination, db: psycopg.Connection
):
    db.execute("CREATE TABLE t (id integer); CREATE VIEW v AS SELECT id FROM t; INSERT INTO t VALUES (7)")
    with pytest.raises(SchemaError) as caught:
        run(destination, target(INT.schema, WriteMode.APPEND), INT)
    assert caught.value.code == "schema.incompatible"
    assert db.execute("SELECT * FROM t").fetchall() == [(7,)]


@pytest.mark.parametrize("unique", [True, False], ids=["with a unique index", "without one"])
def test_an_upsert_keeps_columns_that_the_stream_has_not(
    destination: PostgresDestination, db: psycopg.Connection, unique: bool
):
    db.execute(f"CREATE TABLE t (id bigint {'UNIQUE' if unique else ''}, v text, mine text DEFAULT 'new')")
    db.execute("INSERT INTO t VALUES (1, 'a', 'kept'), (2, 'b', 'kept')")
    table = pa.table({"id": [2, 3, 3], "v": ["B", "c", "C"]})
    run(
        destination,
        target(table.schema, WriteMode.UPSERT, primary_key=("id",)),
        table.slice(0, 2),
        table.slice(2),
    )
    assert db.execute("SELECT * FROM t ORDER BY id").fetchall() == [
        (1, "a", "kept"),
        (2, "B", "kept"),
        (3, "C", "new"),
    ]


def test_the_last_record_of_a_key_wins_in_the_order_of_slices(
    destination: PostgresDestination, db: psycopg.Connection
):
    """Whichever slice was loaded first; a column may have any name."""
    table = pa.table({"slice": [1] * 4, "xid": ["a", "b", "c", "d"]})
    where = target(table.schema, WriteMode.UPSERT, primary_key=("slice",))
    destination.prepare(where)
    receipts = []
    for name, part in (("s2", table.slice(2)), ("s1", table.slice(0, 2))):
        writer = destination.writer(where, Slice(name))
        writer.write(Batch(part.to_batches()[0]))
        receipts.append(writer.close())
    destination.commit(where, receipts, Checkpoint(where.run, 1, None))
    assert db.execute("SELECT * FROM t").fetchall() == [(1, "d")]
    assert list(types_of(db)) == ["slice", "xid"]


def test_an_upsert_of_keys_alone(destination: PostgresDestination, db: psycopg.Connection):
    where = target(INT.schema, WriteMode.UPSERT, primary_key=("id",))
    for number in (1, 2):
        run(destination, replace(where, run=f"run_{number}"), INT)
    assert db.execute("SELECT id FROM t ORDER BY id").fetchall() == [(1,), (2,)]


def test_only_named_slices_are_published(destination: PostgresDestination, db: psycopg.Connection):
    for mode in WriteMode:
        where = target(
            INT.schema, mode, run=f"run_{mode}", name=f"t_{mode}", stream=mode, primary_key=("id",)
        )
        destination.prepare(where)
        receipts = []
        for number in range(2):
            writer = destination.writer(where, Slice(f"s{number}"))
            writer.write(Batch(INT.slice(number, 1).to_batches()[0]))
            receipts.append(writer.close())
        destination.commit(where, receipts[1:], Checkpoint(where.run, 1, None))
        assert db.execute(f"SELECT id FROM t_{mode}").fetchall() == [(2,)]
        with pytest.raises(Exception, match="no longer there") as caught:
            destination.commit(where, receipts[:1], Checkpoint(where.run, 2, None))
        assert caught.value.code == "staging.lost"


# ── names and rights ─────────────────────────────────────────────────────────────────────────────


def test_names_are_never_cut(destination: PostgresDestination, db: psycopg.Connection):
    longest = "é" * 31 + "x"
    table = pa.table({longest: [1]})
    where = target(table.schema, name=longest, namespace=longest, stream=longest, primary_key=(longest,))
    for number in (1, 2):
        run(destination, replace(where, run=f"run_{number}"), table)
    found = db.execute(f'SELECT * FROM "{longest}"."{longest}"').fetchall()
    assert found == [(1,)]
    for change in ({"name": longest + "x"}, {"namespace": longest + "x"}):
        with pytest.raises(SchemaError) as caught:
            destination.prepare(replace(where, **change))
        assert caught.value.code == "name.too_long"
    for name, code in (
        (longest + "x", "name.too_long"),
        ("", "name.invalid"),
        ("ctid", "name.invalid"),
        ("a\0", "name.invalid"),
    ):
        with pytest.raises(SchemaError) as caught:
            destination.prepare(target(pa.schema([(name, pa.int8())])))
        assert caught.value.code == code


def test_two_columns_of_one_name_are_refused(destination: PostgresDestination):
    with pytest.raises(SchemaError) as caught:
        destination.prepare(target(pa.schema([("a", pa.int8()), ("a", pa.int8())])))
    assert caught.value.code == "column.duplicate"


def test_a_wrong_password(config: PostgresConfig):
    wrong = PostgresConfig(**(config.model_dump() | {"password": "wrong"}))
    with PostgresDestination(wrong) as destination, pytest.raises(AuthError) as caught:
        destination.check()
    assert caught.value.code == "connection.auth_failed"
    assert "wrong" not in str(caught.value.to_json())


@pytest.fixture
def weak(db: psycopg.Connection, config: PostgresConfig) -> Iterator[PostgresConfig]:
    """A user who may log in and no more."""
    role = f"weak_{config.database}"
    db.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'weak'")
    yield PostgresConfig(**(config.model_dump() | {"username": role, "password": "weak"}))
    db.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_user_without_rights_is_told_so(weak: PostgresConfig, db: psycopg.Connection):
    with PostgresDestination(weak) as destination:
        for attempt in (destination.check, lambda: destination.prepare(target(INT.schema))):
            with pytest.raises(AuthError) as caught:
                attempt()
            assert caught.value.code == "permission.denied"
        db.execute(f"GRANT CREATE ON SCHEMA public TO {weak.username}; CREATE TABLE t (id bigint)")
        assert destination.check().startswith("PostgreSQL")
        for mode in WriteMode:
            with pytest.raises(AuthError) as caught:
                destination.prepare(target(INT.schema, mode, primary_key=("id",)))
            assert caught.value.code == "permission.denied"
        db.execute(f"GRANT INSERT ON t TO {weak.username}")
        run(destination, target(INT.schema, WriteMode.APPEND), INT)
        wider = pa.schema([*INT.schema, ("more", pa.int8())])
        with pytest.raises(AuthError) as caught:
            destination.prepare(target(wider, WriteMode.APPEND))
        assert caught.value.code == "permission.denied"
    assert db.execute("SELECT count(*) FROM t").fetchone() == (2,)


def test_a_locked_target_is_an_error_that_passes(
    destination: PostgresDestination, db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
):
    from towpath.connectors.postgres import connection

    monkeypatch.setattr(connection, "SESSION", [one.replace("60s", "200ms") for one in connection.SESSION])
    db.execute("CREATE TABLE t (id bigint); INSERT INTO t VALUES (9)")
    for mode in WriteMode:
        where = target(INT.schema, mode, run=f"run_{mode}", primary_key=("id",) if mode == "upsert" else ())
        destination.prepare(where)
        writer = destination.writer(where, Slice("s0"))
        writer.write(Batch(INT.to_batches()[0]))
        receipt = writer.close()
        with db.transaction():
            db.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(BusyError) as caught:
                destination.commit(where, [receipt], Checkpoint(where.run, 1, None))
        assert caught.value.code == "lock.timeout"
        assert caught.value.retryable
        assert db.execute("SELECT * FROM t").fetchall() == [(9,)]
        destination.discard(where)
