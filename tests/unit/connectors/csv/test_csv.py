"""CSV values, dialects, inference and errors."""

import datetime as dt
import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.files import read_all, run, target_of
from towpath.connectors.csv import connector
from towpath.connectors.csv.config import CsvConfig
from towpath.connectors.csv.destination import CsvDestination
from towpath.connectors.csv.format import CsvFormat
from towpath.connectors.csv.source import CsvSource
from towpath.sdk import DataError, SchemaError
from towpath.sdk.files.format import FileRead
from towpath.sdk.files.manifest import DataFile

TEXT = st.text(st.characters(codec="utf-8"), max_size=12) | st.text(
    st.sampled_from("\"',;|\t\r\n\\ \ufeffN0é\0"), max_size=6
)
SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("int", pa.int64()),
        ("float", pa.float64()),
        ("single", pa.float32()),
        ("decimal", pa.decimal128(38, 10)),
        ("bytes", pa.binary()),
        ("flag", pa.bool_()),
        ("at", pa.timestamp("us", "UTC")),
        ("nanos", pa.timestamp("ns")),
        ("day", pa.date32()),
        ("time", pa.time64("us")),
        ("took", pa.duration("us")),
        ("list", pa.list_(pa.struct([("a", pa.decimal128(10, 2)), ("b", pa.string())]))),
        ("map", pa.map_(pa.string(), pa.float64())),
        ("uuid", pa.uuid()),
        ("last", pa.string()),
    ]
)
DECIMALS = st.decimals(-(10**20), 10**20, places=10, allow_nan=False, allow_infinity=False)
SMALL = st.decimals(-1000, 1000, places=2, allow_nan=False, allow_infinity=False)
ROW: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(),
    "single": st.floats(width=32),
    "decimal": DECIMALS,
    "bytes": st.binary(max_size=8),
    "flag": st.booleans(),
    "at": st.datetimes(timezones=st.just(dt.UTC)),
    "nanos": st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),  # noqa: DTZ001 - without a zone
    "day": st.dates(),
    "time": st.times(),
    "took": st.timedeltas(dt.timedelta(-100_000), dt.timedelta(100_000)),
    "list": st.lists(
        st.none() | st.fixed_dictionaries({"a": st.none() | SMALL, "b": st.none() | TEXT}), max_size=3
    ),
    "map": st.dictionaries(TEXT, st.none() | st.floats(allow_nan=False), max_size=2).map(
        lambda d: list(d.items())
    ),
    "uuid": st.uuids(),
    "last": TEXT,
}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, values in ROW.items()}), min_size=1, max_size=5
)
DIALECTS = [
    {},
    {"delimiter": ";", "quote": "'"},
    {"delimiter": "\t", "null_text": "\\N"},
    {"delimiter": "|", "null_text": "NULL", "compression": "gzip"},
    {"header": False},
    {"encoding": "utf-16"},
]


def written(config: CsvConfig, table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    batches = table.to_batches()
    encoder = CsvFormat(config).encoder(sink, batches[0])
    for batch in batches:
        encoder.write(batch)
    encoder.flush()
    return bytes(sink.getvalue().to_pybytes())


def read(config: CsvConfig, data: bytes, schema: pa.Schema) -> list[dict[str, Any]]:
    suffix = ".csv.gz" if config.compression == "gzip" else ".csv"
    wanted = FileRead(tuple(schema.names), schema=schema)
    batches = CsvFormat(config).read(DataFile("x" + suffix, 0, 0), lambda: pa.BufferReader(data), wanted, "x")
    return [row for batch in batches for row in batch.to_pylist()]


@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
@given(rows=ROWS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_every_value_comes_back(dialect: dict[str, Any], rows: list[dict[str, Any]]):
    """# Invariant 6"""
    config = CsvConfig(path="/x", **dialect)
    table = pa.Table.from_pylist(rows, SCHEMA)
    names = [f"column_{number + 1}" for number in range(len(SCHEMA))]
    schema = (
        SCHEMA
        if config.header
        else pa.schema([field.with_name(name) for field, name in zip(SCHEMA, names, strict=True)])
    )
    found = read(config, written(config, table), schema)
    assert [[same(value) for value in row.values()] for row in found] == [
        [same(value) for value in row.values()] for row in table.to_pylist()
    ]


def same(value: Any) -> Any:
    """NaN equals itself, and -0.0 is not 0.0."""
    return repr(value) if isinstance(value, float | list) else value


@given(st.lists(st.none() | TEXT, min_size=1))
def test_one_column_keeps_null_and_empty_apart(values: list[str | None]):
    config = CsvConfig(path="/x")
    table = pa.table({"a": pa.array(values, pa.string())})
    assert [row["a"] for row in read(config, written(config, table), table.schema)] == values


def place(tmp_path: Path, text: str, name: str = "t.csv", **settings: Any) -> CsvConfig:
    (tmp_path / name).write_bytes(text.encode())
    return CsvConfig(path=str(tmp_path), **settings)


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1", "-5", "0"], pa.int64()),
        (["007", "1"], pa.string()),
        (["+1"], pa.string()),
        (["-0"], pa.float64()),
        (["-0", "1.50"], pa.float64()),
        ([" 1"], pa.string()),
        (["1.50", "2"], pa.decimal128(3, 2)),
        (["1e5", "2.5"], pa.float64()),
        (["0.1234567890123456789", "1e5"], pa.string()),
        (["9223372036854775808"], pa.decimal128(19, 0)),
        (["1" * 39], pa.string()),
        (["true", "false"], pa.bool_()),
        (["True"], pa.string()),
        (["2024-02-29"], pa.date32()),
        (["2023-02-29"], pa.string()),
        (["2024-02-29T10:00:00", "2024-02-29 10:00:00.5"], pa.timestamp("us")),
        (["2024-02-29T10:00:00Z"], pa.timestamp("us", "UTC")),
        (["2024-02-29T10:00:00+01:00"], pa.string()),
        (["00000000-0000-0000-0000-00000000000a"], pa.uuid()),
        (["NaN", "1.5"], pa.string()),
        (["1", "x"], pa.string()),
        ([""], pa.string()),
    ],
)
def test_types_are_inferred_only_where_nothing_changes(tmp_path: Path, texts: list[str], kind: pa.DataType):
    config = place(tmp_path, "a,b\n" + "".join(f"{text},x\n" for text in texts))
    with CsvSource(config) as source:
        [stream] = source.discover()
    assert stream.schema.field("a").type == kind
    assert len(read_all(connector, config, "t")) == len(texts)


def test_declared_types_win(tmp_path: Path):
    config = place(tmp_path, "a,b\n1,2\n", types={"t": {"a": "text", "b": "decimal(10,2)"}})
    assert read_all(connector, config, "t") == [{"a": "1", "b": Decimal("2.00")}]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('a,b\n1,"x\ny"\n2,z\nthree,w\n', 5, "'a'"),
        ('a,b\n1,x\n\n"2\n",y\n', 4, "'a'"),
        ("a,b\n1,x\n2,y,z\n", 3, "3 fields"),
        ("a,b\n007,x\n", 2, "'a'"),
    ],
)
def test_a_misfit_names_file_and_line(tmp_path: Path, text: str, line: int, says: str):
    config = place(tmp_path, text, types={"t": {"a": "int64", "b": "text"}})
    with pytest.raises(DataError) as caught:
        read_all(connector, config, "t")
    assert caught.value.code == "file.invalid"
    assert f"t.csv, line {line}:" in str(caught.value) or (
        f"line {line}:" in str(caught.value) and "fields" in says
    )
    assert says in str(caught.value)


def test_two_columns_of_one_name_are_refused(tmp_path: Path):
    with CsvSource(place(tmp_path, "a,a\n1,2\n")) as source, pytest.raises(SchemaError) as caught:
        source.discover()
    assert caught.value.code == "column.duplicate"


def test_packed_files_of_others_are_read(tmp_path: Path):
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,b\n1,x\n"))
    assert read_all(connector, CsvConfig(path=str(tmp_path)), "t") == [{"a": 1, "b": "x"}]


def test_other_encodings_are_read_and_written_or_refused(tmp_path: Path):
    (tmp_path / "t.csv").write_bytes("a,b\n1,é\n".encode("cp1252"))
    config = CsvConfig(path=str(tmp_path), encoding="cp1252")
    assert read_all(connector, config, "t") == [{"a": 1, "b": "é"}]
    with pytest.raises(DataError) as caught:
        written(config, pa.table({"a": ["☃"]}))
    assert caught.value.code == "value.unrepresentable"


def test_bytes_that_are_not_of_the_encoding_are_named(tmp_path: Path):
    (tmp_path / "t.csv").write_bytes(b"a,b\n1,\xff\n")
    with CsvSource(CsvConfig(path=str(tmp_path))) as source, pytest.raises(DataError) as caught:
        source.discover()
    assert caught.value.code == "file.invalid"


@pytest.mark.parametrize("text", ["", "a,b\n", "\n"])
def test_empty_files_have_no_records(tmp_path: Path, text: str):
    assert read_all(connector, place(tmp_path, text), "t") == []


def test_a_year_beyond_text_is_refused():
    table = pa.table({"d": pa.array([3_000_000], pa.date32())})
    with pytest.raises(DataError) as caught:
        written(CsvConfig(path="/x"), table)
    assert caught.value.code == "value.unrepresentable"


def test_duckdb_reads_what_we_write(tmp_path: Path):
    config = CsvConfig(path=str(tmp_path))
    table = pa.table({"id": [1, 2], "text": ['say "hi", you\nthere', ""], "price": [Decimal("1.50"), None]})
    with CsvDestination(config) as destination:
        run(destination, target_of(table), table)
    with duckdb.connect() as db:
        found = db.execute(
            f"SELECT * FROM read_csv('{tmp_path}/people/*.csv', header=true, quote='\"', delim=',', "
            "columns={'id': 'BIGINT', 'text': 'VARCHAR', 'price': 'DECIMAL(10,2)'}, allow_quoted_nulls=false)"
        ).fetchall()
    assert found == [(1, 'say "hi", you\nthere', Decimal("1.50")), (2, "", None)]
    assert read_all(connector, config) == table.to_pylist()
