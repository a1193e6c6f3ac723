"""Every built-in PostgreSQL type, value by value against psycopg, through both readers."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Any
from uuid import UUID

import psycopg
import pyarrow as pa
import pytest

from support.postgres import PostgresServer
from towpath.connectors.postgres.config import PostgresConfig
from towpath.connectors.postgres.fallback import AdbcReader
from towpath.connectors.postgres.reading import CompiledReader
from towpath.connectors.postgres.source import PostgresSource
from towpath.sdk import NATIVE_TYPE, DataError, Selection, Stream

pytestmark = pytest.mark.service("postgres")

HOSTILE = [
    "''",
    "'NULL'",
    r"E'\\N'",
    "E'tab\\t nl\\n cr\\r'",
    "'quote '' \" `'",
    "'{a,\"b\"}'",
    "'☃ 𝄞 é'",
    r"E'\u0001\u007f'",
    "repeat('long ', 50000)",
    "'; drop table x'",
]
MILLION = "repeat('x', 1000000)"

#: Declared type → (Arrow type, SQL of its values). Nulls are added to all.
NATIVE: dict[str, tuple[pa.DataType, list[str]]] = {
    "boolean": (pa.bool_(), ["true", "false"]),
    "smallint": (pa.int16(), ["0", "-32768", "32767"]),
    "integer": (pa.int32(), ["0", "-2147483648", "2147483647"]),
    "bigint": (pa.int64(), ["0", "-9223372036854775808", "9223372036854775807"]),
    "oid": (pa.uint32(), ["0", "4294967295", "2147483648"]),
    "real": (pa.float32(), ["0", "-0.0", "1.1", "3.4028235e38", "1e-45", "'infinity'", "'-infinity'"]),
    "double precision": (
        pa.float64(),
        ["0", "'-0'", "0.1", "1.7976931348623157e308", "5e-324", "'infinity'", "'-infinity'"],
    ),
    "numeric(10,2)": (pa.decimal128(10, 2), ["0", "0.01", "-0.10", "99999999.99", "-99999999.99", "1e7"]),
    "numeric(38,0)": (pa.decimal128(38, 0), ["0", "1e37", "-99999999999999999999999999999999999999"]),
    "numeric(38,38)": (pa.decimal128(38, 38), ["0", "1e-38", "0.99999999999999999999999999999999999999"]),
    "numeric(20,10)": (pa.decimal128(20, 10), ["1234567890.0123456789", "0.0000000001", "-1000000000"]),
    "numeric(19)": (pa.decimal128(19, 0), ["9999999999999999999", "10000", "-1"]),
    "numeric(3,-2)": (pa.decimal128(5, 0), ["99900", "-100", "0"]),
    "numeric(2,5)": (pa.decimal128(5, 5), ["0.00099", "-0.00001", "0"]),
    "text": (pa.string(), [*HOSTILE, MILLION]),
    "varchar": (pa.string(), HOSTILE),
    "varchar(7)": (pa.string(), ["'a'", "'1234567'", "'☃☃☃☃☃☃☃'", "''"]),
    "char(4)": (pa.string(), ["'a'", "'abcd'", "''", "'☃'"]),
    "name": (pa.string(), ["'a'", "repeat('n', 63)"]),
    "bytea": (pa.binary(), ["''", r"'\x00ff0a'", r"decode(repeat('00ff', 70000), 'hex')"]),
    "uuid": (pa.uuid(), ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"]),
    "json": (
        pa.json_(),
        ['\'{ "a" : [1, null] , "a": 2}\'', "'\"☃\"'", "'null'", "'12345678901234567890.10'"],
    ),
    "jsonb": (pa.json_(), ['\'{"b": 1, "a": {"x": [1.50, null]}}\'', "'\"☃\"'", "'null'", "'[]'"]),
    "date": (pa.date32(), ["'2024-02-29'", "'0001-01-01'", "'9999-12-31'", "'1969-12-31'"]),
    "time": (pa.time64("us"), ["'00:00'", "'23:59:59.999999'", "'12:34:56.000001'"]),
    "time(0)": (pa.time64("us"), ["'00:00'", "'23:59:59'"]),
    "timestamp": (
        pa.timestamp("us"),
        [
            "'2024-02-29 12:34:56.789012'",
            "'0001-01-01'",
            "'9999-12-31 23:59:59.999999'",
            "'1969-12-31 23:59'",
        ],
    ),
    "timestamptz": (
        pa.timestamp("us", "UTC"),
        [
            "'2024-03-31 02:30:00+02'",
            "'0001-01-02 00:00+00'",
            "'9999-12-30 00:00+00'",
            "'1900-01-01+05:53:28'",
        ],
    ),
    "timestamptz(3)": (pa.timestamp("us", "UTC"), ["'2024-03-31 02:30:00.123+02'"]),
    "integer[]": (pa.list_(pa.int32()), ["'{1,NULL,-3}'", "'{}'", "'{NULL}'"]),
    "text[]": (pa.list_(pa.string()), ["array['', 'NULL', null, 'a,\"b\"', '☃']", "'{}'"]),
    "boolean[]": (pa.list_(pa.bool_()), ["'{t,f,NULL,t}'"]),
    "numeric(6,2)[]": (pa.list_(pa.decimal128(6, 2)), ["'{1.50,NULL,-9999.99}'"]),
    "uuid[]": (pa.list_(pa.uuid()), ["array['00000000-0000-0000-0000-000000000001'::uuid, null]"]),
    "bytea[]": (pa.list_(pa.binary()), [r"array['\x00'::bytea, '', null]"]),
    "date[]": (pa.list_(pa.date32()), ["'{2024-02-29,NULL}'"]),
    "timestamp[]": (pa.list_(pa.timestamp("us")), ["'{\"2024-02-29 01:02:03\",NULL}'"]),
    "timestamptz[]": (pa.list_(pa.timestamp("us", "UTC")), ["'{\"2024-02-29 01:02:03+01\",NULL}'"]),
    "double precision[]": (pa.list_(pa.float64()), ["'{0.1,-Infinity,NULL}'"]),
    "jsonb[]": (pa.list_(pa.json_()), ["array['{\"a\": 1}'::jsonb, null]"]),
    "mood": (pa.string(), ["'happy'", "'so, \"so\"'"]),
    "mood[]": (pa.list_(pa.string()), ["'{happy,NULL}'"]),
    "positive": (pa.int32(), ["1"]),
    "price": (pa.decimal128(8, 2), ["19.99"]),
    "costly": (pa.decimal128(8, 2), ["19.99"]),
    "positive[]": (pa.list_(pa.int32()), ["'{1,2}'"]),
}

#: Types without an equal in Arrow: they come as PostgreSQL's own text.
AS_TEXT: dict[str, list[str]] = {
    "numeric": ["0", "1.50", "-1e-20", "1e200", "'NaN'", "'Infinity'", "'-Infinity'"],
    "numeric(39,2)": ["1.50"],
    "numeric[]": ["'{1.50,NaN}'"],
    '"char"': ["'a'", "''"],
    "inet": ["'192.168.0.1/24'", "'::1'"],
    "cidr": ["'10.0.0.0/8'"],
    "macaddr": ["'08:00:2b:01:02:03'"],
    "macaddr8": ["'08:00:2b:01:02:03:04:05'"],
    "money": ["'-1234.56'", "'92233720368547758.07'"],
    "bit(5)": ["B'10101'"],
    "bit varying": ["B'1'", "B''"],
    "int4range": ["'[1,5)'", "'empty'", "'(,)'"],
    "tstzrange": ["'[2024-01-01 00:00+00,infinity)'"],
    "int4multirange": ["'{[1,2),[5,9)}'"],
    "tsvector": ["'a:1 fat:2'"],
    "tsquery": ["'a & !b'"],
    "point": ["'(1.5,-2)'"],
    "line": ["'{1,2,3}'"],
    "box": ["'(1,1),(0,0)'"],
    "path": ["'((0,0),(1,1))'"],
    "polygon": ["'((0,0),(1,1),(1,0))'"],
    "circle": ["'<(0,0),2>'"],
    "timetz": ["'12:34:56.789+05:30'"],
    "pg_lsn": ["'16/B374D848'"],
    "xid8": ["'18446744073709551615'"],
    "jsonpath": ["'$.a'"],
    "regclass": ["'pg_class'"],
    "pair": ['\'(1,"a ""b""")\'', "'(,)'"],
    "pair[]": ["array[row(1,'x')::pair]"],
    "integer[][]": ["'{{1,2},{3,4}}'", "'{5}'"],
    "interval[]": ["'{1 day}'"],
    "inet[]": ["'{::1}'"],
    "int2vector": ["'1 2'"],
}

SETUP = """
CREATE TYPE mood AS ENUM ('happy', 'so, "so"');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN price AS numeric(8,2);
CREATE DOMAIN costly AS price CHECK (VALUE > 1);
CREATE TYPE pair AS (a integer, b text);
"""


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[str]:
    name = postgres.create_database()
    with postgres.connect(name) as connection:
        connection.execute(SETUP)
    yield name
    postgres.drop_database(name)


@pytest.fixture
def connection(postgres: PostgresServer, database: str) -> Iterator[psycopg.Connection[Any]]:
    with postgres.connect(database) as connection:
        connection.execute("SET timezone = 'UTC'; SET lc_monetary = 'C'")
        yield connection
        connection.execute("DROP TABLE IF EXISTS t CASCADE")


@pytest.fixture(params=[CompiledReader, AdbcReader], ids=["compiled", "fallback"])
def reader(request: pytest.FixtureRequest) -> Any:
    return request.param


class Reading:
    """Reads the table ``t``."""

    def __init__(self, server: PostgresServer, database: str, reader: Any, **more: Any) -> None:
        self.source = PostgresSource(PostgresConfig(**server.config(database), **more), reader)

    def stream(self) -> Stream:
        with self.source as source:
            return next(stream for stream in source.discover() if stream.name == "t")

    def table(self) -> pa.Table:
        selection = Selection(self.stream())
        with self.source as source:
            plan = source.plan(selection, None)
            batches = [b.arrow for slice in plan.slices for b in source.read(selection, slice, None)]
        table = pa.Table.from_batches(batches, selection.schema)
        table.validate(full=True)
        return table


def make(connection: psycopg.Connection[Any], kind: str, values: list[str]) -> None:
    connection.execute(f"CREATE TABLE t (id serial PRIMARY KEY, v {kind})")
    for value in [*values, "NULL", *values]:
        connection.execute(f"INSERT INTO t (v) VALUES (CAST({value} AS {kind}))")


def wanted(connection: psycopg.Connection[Any], expression: str = "v") -> list[Any]:
    return [row[0] for row in connection.execute(f"SELECT {expression} FROM t ORDER BY id")]


def found(table: pa.Table) -> list[Any]:
    return [row["v"] for row in table.sort_by("id").to_pylist()]


def plain(value: Any) -> Any:
    """The value in a form in which equal means the same: signs of zero, scales and zones included."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dt.datetime) and value.tzinfo:
        return (value.astimezone(dt.UTC).replace(tzinfo=None), "UTC")
    if isinstance(value, float | Decimal | UUID | bytes):
        return (type(value).__name__, str(value))
    return value


@pytest.mark.parametrize("kind", NATIVE)
def test_types_with_an_equal_in_arrow(
    postgres: PostgresServer, database: str, connection: psycopg.Connection[Any], reader: Any, kind: str
) -> None:
    arrow, values = NATIVE[kind]
    make(connection, kind, values)
    table = Reading(postgres, database, reader).table()
    assert table.schema.field("v").type == arrow
    json = kind.startswith("json")
    element = "v::text[]" if kind == "jsonb[]" else "v::text" if json else "v"
    element = "v::text[]" if kind == "mood[]" else "v::int[]" if kind == "positive[]" else element
    expected = wanted(connection, element)
    got = found(table)
    if pa.types.is_decimal(arrow):  # the Arrow type has one scale for all
        with localcontext(prec=80):
            one = Decimal(1).scaleb(-arrow.scale)
            expected = [None if value is None else value.quantize(one) for value in expected]
    if kind == "real":
        expected = [None if value is None else pa.scalar(value, pa.float32()).as_py() for value in expected]
    assert list(map(plain, got)) == list(map(plain, expected))


@pytest.mark.parametrize("kind", AS_TEXT)
def test_other_types_come_as_text(
    postgres: PostgresServer, database: str, connection: psycopg.Connection[Any], reader: Any, kind: str
) -> None:
    make(connection, kind, AS_TEXT[kind])
    table = Reading(postgres, database, reader).table()
    assert table.schema.field("v").type == pa.string()
    assert found(table) == wanted(connection, "v::text")


@pytest.mark.parametrize("kind", [*NATIVE, *AS_TEXT])
def test_the_native_type_makes_the_very_same_column(
    postgres: PostgresServer, database: str, connection: psycopg.Connection[Any], kind: str
) -> None:
    make(connection, kind, [])
    field = Reading(postgres, database, CompiledReader).stream().schema.field("v")
    native = field.metadata[NATIVE_TYPE].decode().removeprefix("postgres:")
    connection.execute("SET search_path = ''")
    connection.execute(f"CREATE TABLE public.copy (v {native})")
    types = connection.execute(
        "SELECT atttypid, atttypmod FROM pg_attribute WHERE attname = 'v' "
        "AND attrelid IN ('public.t'::regclass, 'public.copy'::regclass)"
    ).fetchall()
    connection.execute("DROP TABLE public.copy; RESET search_path")
    assert types[0] == types[1]


def test_intervals(
    postgres: PostgresServer, database: str, connection: psycopg.Connection[Any], reader: Any
) -> None:
    values = ["'1 year 2 months 3 days 04:05:06.789012'", "'-1 day +00:00:01'", "'0'", "'-178000000 years'"]
    make(connection, "interval", [*values, "'2562047 hours 47 minutes 16.854775 seconds'"])
    intervals = [value for value in found(Reading(postgres, database, reader).table()) if value is not None]
    assert [tuple(value) for value in intervals[:3]] == [
        (14, 3, 14_706_789_012_000),
        (0, -1, 10**9),
        (0, 0, 0),
    ]
    assert tuple(intervals[4]) == (0, 0, 9_223_372_036_854_775_000)


def test_days_and_moments_beyond_pythons_range(
    postgres: PostgresServer, database: str, connection: psycopg.Connection[Any], reader: Any
) -> None:
    connection.execute("CREATE TABLE t (id int PRIMARY KEY, d date, s timestamp, z timestamptz)")
    connection.execute("INSERT INTO t VALUES (1, '4713-01-01 BC', '4713-01-01 BC', '294247-01-09 00:00+00')")
    connection.execute("INSERT INTO t VALUES (2, '5874897-12-31', '294247-01-09', '4713-01-01 00:00+00 BC')")
    table = Reading(postgres, database, reader).table().sort_by("id")
    days = connection.execute("SELECT d - '1970-01-01'::date FROM t ORDER BY id").fetchall()
    moments = connection.execute(
        "SELECT extract(epoch FROM s), extract(epoch FROM z) FROM t ORDER BY id"
    ).fetchall()
    assert table.column("d").cast(pa.int32()).to_pylist() == [row[0] for row in days]
    assert table.column("s").cast(pa.int64()).to_pylist() == [int(row[0] * 1_000_000) for row in moments]
    assert table.column("z").cast(pa.int64()).to_pylist() == [int(row[1] * 1_000_000) for row in moments]


def test_not_a_number_in_floats(
    postgres: PostgresServer, database: str, connection: psycopg.Connection[Any], reader: Any
) -> None:
    make(connection, "double precision", ["'NaN'"])
    assert [str(value) for value in found(Reading(postgres, database, reader).table())] == [
        "nan",
        "None",
        "nan",
    ]


SPECIAL = {
    "numeric(10,2)": "'NaN'",
    "date": "'infinity'",
    "timestamp": "'-infinity'",
    "timestamptz": "'infinity'",
    "time": "'24:00'",
    "interval": "'infinity'",
    "interval ": "'3000000 hours'",
    "timestamp ": "'294276-12-31'",
    "integer[]": "'{{1,2},{3,4}}'",
    "integer[] ": "'[0:1]={1,2}'",
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_special_values_are_an_error_that_names_the_column(
    postgres: PostgresServer, database: str, connection: psycopg.Connection[Any], reader: Any, kind: str
) -> None:
    make(connection, kind, [SPECIAL[kind]])
    with pytest.raises(DataError) as caught:
        Reading(postgres, database, reader).table()
    assert caught.value.code == "value.unrepresentable"
    assert "'v'" in str(caught.value)
    assert caught.value.context["column"] == "v"
    assert ("arrays" if "[]" in kind else "special_values") in caught.value.hint
    assert not caught.value.retryable


@pytest.mark.parametrize("kind", SPECIAL)
def test_special_values_may_be_null(
    postgres: PostgresServer, database: str, connection: psycopg.Connection[Any], reader: Any, kind: str
) -> None:
    make(connection, kind, [SPECIAL[kind]])
    assert found(Reading(postgres, database, reader, special_values="null").table()) == [None, None, None]


def test_a_special_element_may_be_null(
    postgres: PostgresServer, database: str, connection: psycopg.Connection[Any], reader: Any
) -> None:
    make(connection, "date[]", ["'{2024-01-01,infinity,NULL}'"])
    with pytest.raises(DataError):
        Reading(postgres, database, reader).table()
    first = found(Reading(postgres, database, reader, special_values="null").table())[0]
    assert first == [dt.date(2024, 1, 1), None, None]


def test_arrays_may_be_text(
    postgres: PostgresServer, database: str, connection: psycopg.Connection[Any], reader: Any
) -> None:
    make(connection, "integer[]", ["'{1,2}'", "'[0:1]={1,2}'", "'{{1},{2}}'"])
    table = Reading(postgres, database, reader, arrays="text").table()
    assert found(table)[:3] == ["{1,2}", "[0:1]={1,2}", "{{1},{2}}"]


def test_text_that_is_not_utf8(postgres: PostgresServer, reader: Any) -> None:
    name = postgres.create_database("ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        with postgres.connect(name) as connection:
            connection.execute(r"CREATE TABLE t (v text); INSERT INTO t VALUES (E'caf\xe9')")
        with pytest.raises(DataError) as caught:
            Reading(postgres, name, reader).table()
        assert caught.value.code == "value.unrepresentable"
    finally:
        postgres.drop_database(name)
