"""Whole runs over real tables: what arrives is, by row count and content hash, what left."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import psycopg
import pyarrow as pa
import pytest

from support.command import Towpath, connection, flow
from support.postgres import PostgresServer
from towpath.cli.demo.data import TABLES, load

pytestmark = [pytest.mark.service("postgres"), pytest.mark.slow]

KEYS = {
    "airlines": ["carrier"],
    "airports": ["faa"],
    "planes": ["tailnum"],
    "weather": ["origin", "time_hour"],
    "flights": ["time_hour", "carrier", "flight", "origin"],
}

#: One column per type that PostgreSQL has built in, one row of usual values, one of extremes, one of nulls.
MATRIX = r"""
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TYPE pair AS (a integer, b text);
CREATE TABLE matrix (
  id integer PRIMARY KEY, c_bool boolean, c_int2 smallint, c_int4 integer, c_int8 bigint, c_float4 real,
  c_float8 double precision, c_numeric numeric, c_decimal numeric(38, 10), c_money money, c_text text,
  c_varchar varchar(20), c_char char(5), c_bytea bytea, c_uuid uuid, c_json json, c_jsonb jsonb,
  c_date date, c_time time, c_timetz timetz, c_timestamp timestamp, c_timestamptz timestamptz,
  c_interval interval, c_inet inet, c_cidr cidr, c_macaddr macaddr, c_bit bit(3), c_varbit bit varying,
  c_point point, c_box box, c_tsvector tsvector, c_int4range int4range, c_tstzrange tstzrange,
  c_ints integer[], c_texts text[], c_decimals numeric(10, 2)[], c_matrix integer[][], c_mood mood,
  c_positive positive, c_pair pair, c_oid oid
);
INSERT INTO matrix VALUES
  (1, true, 1, 2, 3, 1.5, 0.1, 123.456, 0.0000000001, '12.34', 'text', 'varchar', 'char', '\x0102ff',
   '6f1ed002-ab5e-4c1a-8b1a-0000000000ff', '{"a": 1,  "b": [null]}', '{"a": 1}',
   '2024-02-29', '12:34:56.789012', '12:34:56.789+05:30', '2024-02-29 12:34:56.789012',
   '2024-03-31 01:30:00+00', '1 year 2 mons 3 days 04:05:06.789', '192.168.1.1/24', '10.0.0.0/8',
   '08:00:2b:01:02:03', B'101', B'1', '(1,2)', '(2,2),(1,1)', 'a fat cat', '[1,5)',
   '[2024-01-01 00:00+00,2024-02-01 00:00+00)', '{1,NULL,3}', '{"a,b","c\"d",NULL,""}', '{1.50,-2.25}',
   '{{1,2},{3,4}}', 'happy', 7, '(1,"x y")', 42),
  (2, false, -32768, -2147483648, -9223372036854775808, '-Infinity', 'NaN', 'NaN',
   -9999999999999999999999999999.9999999999, '-92233720368547758.08', E'é ☃ 𝄞 \t\n''"\\', '', '     ', '',
   '00000000-0000-0000-0000-000000000000', '[]', '12345678901234567890', '0001-01-01', '00:00',
   '24:00:00+00', '0001-01-01 00:00:00', '1970-01-01 00:00:00+00', '-1 mons -1 days -00:00:00.000001', '::1',
   '::/0', 'ff:ff:ff:ff:ff:ff', B'000', B'', '(-1e300,1e-300)', '(0,0),(0,0)', '', 'empty', '(,)', '{}', '{}',
   '{}', '{}', 'sad', 2147483647, '(,)', 4294967295),
  (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
   null,
   null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
   null, null, null, null, null);
"""


@pytest.fixture(scope="module")
def flights(postgres: PostgresServer) -> Iterator[str]:
    database = postgres.create_database()
    with psycopg.connect(postgres.url(database)) as server:
        load(server)
    yield database
    postgres.drop_database(database)


@pytest.fixture(scope="module")
def originals(postgres: PostgresServer, flights: str) -> dict[str, pa.Table]:
    """The five tables, read by another driver."""
    with adbc.connect(postgres.url(flights)) as server, server.cursor() as cursor:
        return {table: _ask(cursor, table) for table in TABLES}


def _ask(cursor: Any, table: str) -> pa.Table:
    cursor.execute(f"SELECT * FROM {table}")
    return cursor.fetch_arrow_table()


def digest(table: pa.Table) -> tuple[int, int]:
    """Count and hash of the rows: equal for equal content, in whatever order and chunks."""
    with duckdb.connect() as database:
        database.register("content", table)
        return database.sql("SELECT count(*), sum(hash(content)) FROM content").fetchall()[0]


def from_duckdb(place: Path, table: str, schema: pa.Schema) -> pa.Table:
    with duckdb.connect(str(place / "out.duckdb"), read_only=True) as database:
        return database.sql(f'SELECT * FROM "{table}"').to_arrow_table()


def from_parquet(place: Path, table: str, schema: pa.Schema) -> pa.Table:
    with duckdb.connect() as database:
        return database.sql(f"SELECT * FROM read_parquet('{place}/out/{table}/*.parquet')").to_arrow_table()


def from_sqlite(place: Path, table: str, schema: pa.Schema) -> pa.Table:
    with sqlite3.connect(place / "out.sqlite") as database:
        rows = database.execute(f"SELECT * FROM {table}").fetchall()
    database.close()
    arrays = []
    for values, field in zip(zip(*rows, strict=True), schema, strict=True):
        text = pa.types.is_timestamp(field.type)
        array = pa.array(values, pa.string() if text else field.type)
        arrays.append(array.cast(field.type) if text else array)
    return pa.table(arrays, schema)


READERS: dict[str, tuple[str, Callable[[Path, str, pa.Schema], pa.Table]]] = {
    "duckdb": ("out.duckdb", from_duckdb),
    "parquet": ("out", from_parquet),
    "sqlite": ("out.sqlite", from_sqlite),
}


def run(towpath: Towpath, tmp_path: Path, source: dict[str, Any], sink: str, **config: Any) -> list[Any]:
    """Move every table of the source's schema public in one run."""
    document = connection("source", "postgres", **source) + connection("sink", sink, **config)
    (tmp_path / "flow.yaml").write_text(document + flow("copy", "source", "sink"))
    towpath("apply", "-f", tmp_path / "flow.yaml")
    towpath("run", "copy")
    (latest,) = towpath.json("runs", "list")
    return towpath.json("runs", "show", latest["id"])["streams"]


def secretless(towpath: Towpath, postgres: PostgresServer, database: str) -> dict[str, Any]:
    towpath.environment["PG_PASSWORD"] = postgres.password
    return postgres.config(database) | {"password": "${env:PG_PASSWORD}"}


@pytest.mark.parametrize("sink", READERS)
def test_all_five_tables_arrive_as_they_left(
    towpath: Towpath,
    tmp_path: Path,
    postgres: PostgresServer,
    flights: str,
    originals: dict[str, pa.Table],
    sink: str,
):
    file, read = READERS[sink]
    streams = run(towpath, tmp_path, secretless(towpath, postgres, flights), sink, path=str(tmp_path / file))
    assert {one["stream"]: one["read"] for one in streams} == {
        f"public.{table}": original.num_rows for table, original in originals.items()
    }
    for table, original in originals.items():
        copy = read(tmp_path, table, original.schema)
        copy = copy.select(original.column_names).cast(original.schema)
        assert digest(copy) == digest(original)


def test_from_postgres_to_postgres_not_one_value_or_type_differs(
    towpath: Towpath, tmp_path: Path, postgres: PostgresServer, flights: str
):
    target = postgres.create_database()
    config = secretless(towpath, postgres, target)
    run(towpath, tmp_path, secretless(towpath, postgres, flights), "postgres", **config)
    for table in TABLES:
        assert _content(postgres, target, table) == _content(postgres, flights, table)
        assert _types(postgres, target, table) == _types(postgres, flights, table)


def test_the_type_matrix_survives_from_postgres_to_postgres(
    towpath: Towpath, tmp_path: Path, postgres: PostgresServer
):
    source, target = postgres.create_database(), postgres.create_database()
    with postgres.connect(source) as server:
        server.execute(MATRIX)
    config = secretless(towpath, postgres, target)
    run(towpath, tmp_path, secretless(towpath, postgres, source), "postgres", **config)
    with postgres.connect(source) as one, postgres.connect(target) as two:
        names = [field for (field,) in one.execute(_NAMES, ["matrix"])]
        for name in names:
            query = f"SELECT id, {name}::text FROM matrix ORDER BY matrix.id"
            assert two.execute(query).fetchall() == one.execute(query).fetchall(), name


_NAMES = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum"


def _content(postgres: PostgresServer, database: str, table: str) -> tuple[int, str]:
    keys = ", ".join(KEYS[table])
    with postgres.connect(database) as server:
        server.execute("SET timezone = 'UTC'")
        query = f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY {keys})) FROM {table} AS t"
        return server.execute(query).fetchone()


def _types(postgres: PostgresServer, database: str, table: str) -> list[Any]:
    query = """SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
               WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum"""
    with postgres.connect(database) as server:
        return server.execute(query, [table]).fetchall()
