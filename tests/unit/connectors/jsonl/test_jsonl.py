"""JSON Lines values, inference, conflicts and errors."""

import datetime as dt
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.files import read_all, run, target_of
from towpath.connectors.jsonl import connector
from towpath.connectors.jsonl.blocks import blocks, parse
from towpath.connectors.jsonl.config import JsonlConfig
from towpath.connectors.jsonl.decode import Decoder
from towpath.connectors.jsonl.destination import JsonlDestination
from towpath.connectors.jsonl.format import JsonlFormat
from towpath.connectors.jsonl.source import JsonlSource
from towpath.sdk import DataError, ReadMode, Selection
from towpath.sdk.files.format import FileRead
from towpath.sdk.files.manifest import DataFile

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
SMALL = st.decimals(-1000, 1000, places=2, allow_nan=False, allow_infinity=False)
DEEP = pa.struct(
    [("a", pa.list_(pa.decimal128(10, 2))), ("b", pa.string()), ("c", pa.struct([("d", pa.int8())]))]
)
SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("int", pa.int64()),
        ("big", pa.uint64()),
        ("float", pa.float64()),
        ("single", pa.float32()),
        ("decimal", pa.decimal128(38, 10)),
        ("bytes", pa.large_binary()),
        ("flag", pa.bool_()),
        ("at", pa.timestamp("us", "UTC")),
        ("day", pa.date32()),
        ("time", pa.time64("us")),
        ("took", pa.duration("ms")),
        ("deep", pa.list_(DEEP)),
        ("pair", pa.list_(pa.int32(), 2)),
        ("map", pa.map_(pa.string(), pa.float64())),
        ("uuid", pa.uuid()),
        ("json", pa.json_()),
    ]
)
JSON = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: (
        st.lists(inner | st.none(), max_size=3) | st.dictionaries(TEXT, inner | st.none(), max_size=3)
    ),
    max_leaves=5,
)
ROW: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "int": st.integers(-(2**63), 2**63 - 1),
    "big": st.integers(0, 2**64 - 1),
    "float": st.floats(),
    "single": st.floats(width=32),
    "decimal": st.decimals(-(10**20), 10**20, places=10, allow_nan=False, allow_infinity=False),
    "bytes": st.binary(max_size=8),
    "flag": st.booleans(),
    "at": st.datetimes(timezones=st.just(dt.UTC)),
    "day": st.dates(),
    "time": st.times(),
    "took": st.integers(-(10**12), 10**12).map(lambda ms: dt.timedelta(milliseconds=ms)),
    "deep": st.lists(
        st.none()
        | st.fixed_dictionaries(
            {
                "a": st.none() | st.lists(st.none() | SMALL, max_size=3),
                "b": st.none() | TEXT,
                "c": st.none() | st.fixed_dictionaries({"d": st.none() | st.integers(-128, 127)}),
            }
        ),
        max_size=3,
    ),
    "pair": st.lists(st.none() | st.integers(-5, 5), min_size=2, max_size=2),
    "map": st.dictionaries(TEXT, st.none() | st.floats(allow_nan=False), max_size=2).map(
        lambda d: list(d.items())
    ),
    "uuid": st.uuids(),
    "json": JSON.map(json.dumps),
}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, values in ROW.items()}), min_size=1, max_size=5
)


def written(table: pa.Table, *, packed: bool = False) -> bytes:
    sink = pa.BufferOutputStream()
    encoder = JsonlFormat(JsonlConfig(path="/x", compression="gzip" if packed else "none")).encoder(
        sink, table.to_batches()[0]
    )
    for batch in table.to_batches():
        encoder.write(batch)
    encoder.flush()
    return bytes(sink.getvalue().to_pybytes())


def read(data: bytes, schema: pa.Schema, *names: str) -> list[dict[str, Any]]:
    wanted = FileRead(names or tuple(schema.names), schema=schema)
    format = JsonlFormat(JsonlConfig(path="/x"))
    batches = format.read(DataFile("x.jsonl", 0, 0), lambda: pa.BufferReader(data), wanted, "x.jsonl")
    return [row for batch in batches for row in batch.to_pylist()]


@given(rows=ROWS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_every_value_comes_back(rows: list[dict[str, Any]]):
    """# Invariant 6"""
    table = pa.Table.from_pylist(rows, SCHEMA)
    data = written(table)
    assert all(isinstance(json.loads(line), dict) for line in data.splitlines())
    assert list(map(repr, read(data, SCHEMA))) == list(map(repr, table.to_pylist()))
    assert gzip.decompress(written(table, packed=True)) == data


QUICK = pa.schema(
    [field for field in SCHEMA if field.name in ("text", "int", "float", "decimal", "at", "flag")]
)


@given(rows=ROWS)
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_both_ways_of_reading_agree(rows: list[dict[str, Any]]):
    table = pa.Table.from_pylist(rows, QUICK)
    data = written(table)
    for block in blocks(pa.BufferReader(data)):
        decoder = Decoder(QUICK.names, QUICK, "x")
        quick = decoder._quick(block)
        if quick is not None:
            assert repr(quick.to_pylist()) == repr(decoder._slow(block).to_pylist())


@given(st.dictionaries(TEXT, JSON | st.none(), max_size=4))
def test_parsing_agrees_with_the_standard_library(record: dict[str, Any]):
    for text in (json.dumps(record), json.dumps(record, ensure_ascii=False, indent=1).replace("\n", " ")):
        assert parse(text.encode()) == json.loads(text, parse_float=Decimal)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "{",
        '{"a"}',
        '{"a": 1,}',
        '{"a": 1 "b": 2}',
        '{"a": 1} x',
        "{a: 1}",
        '{"a": NaN}',
        '{"a": 1, "a": 2}',
        "\xff",
    ],
)
def test_what_is_no_record_is_refused(line: str):
    with pytest.raises(ValueError, match=r"."):
        parse(line.encode("latin-1"))


def place(tmp_path: Path, *lines: str, **settings: Any) -> JsonlConfig:
    (tmp_path / "t.jsonl").write_bytes("\n".join(lines).encode())
    return JsonlConfig(path=str(tmp_path), **settings)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "null", "-5"], pa.int64()),
        (["1", "2.5"], pa.float64()),
        (["18446744073709551615"], pa.uint64()),
        (["18446744073709551616"], pa.decimal128(20, 0)),
        (["0.1234567890123456789"], pa.decimal128(20, 19)),
        (["9007199254740993", "0.5"], pa.decimal128(17, 1)),
        (["1e400"], pa.json_()),
        (["true"], pa.bool_()),
        (['"x"', "null"], pa.string()),
        (["1", '"x"'], pa.json_()),
        (['{"a": 1}', "[1]"], pa.json_()),
        (['{"a": 1}', '{"b": "x"}'], pa.struct([("a", pa.int64()), ("b", pa.string())])),
        (["[1]", "[null, 2]", "[]"], pa.list_(pa.int64())),
        (['["x", 1]'], pa.json_()),
        (["[]"], pa.json_()),
        (["null"], pa.json_()),
        (['{"a": 1}', '{"a": "x"}'], pa.json_()),
    ],
)
def test_types_hold_every_value(tmp_path: Path, values: list[str], kind: pa.DataType):
    config = place(tmp_path, *(f'{{"a": {value}}}' for value in values))
    with JsonlSource(config) as source:
        [stream] = source.discover()
    assert stream.schema.field("a").type == kind
    found = [row["a"] for row in read_all(connector, config, "t")]
    if kind == pa.json_():
        assert found == [None if value == "null" else value for value in values]
    else:
        assert len(found) == len(values)


def test_numbers_keep_every_digit(tmp_path: Path):
    config = place(tmp_path, '{"a": 0.1234567890123456789, "b": 12345678901234567890}')
    assert read_all(connector, config, "t") == [
        {"a": Decimal("0.1234567890123456789"), "b": 12345678901234567890}
    ]


def test_a_number_that_a_float_column_cannot_hold_is_an_error(tmp_path: Path):
    config = place(tmp_path, '{"a": 0.5}', '{"a": 0.12345678901234567891}', types={"t": {"a": "float64"}})
    with pytest.raises(DataError, match=r"t\.jsonl, line 2:") as caught:
        read_all(connector, config, "t")
    assert caught.value.code == "file.invalid"


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (['{"a": 1}', "", "{bad}"], 3),
        (['{"a": 1}', '{"a": 1} trailing'], 2),
        (['{"a": 1}', '{"a": 2, "a": 3}'], 2),
    ],
)
def test_a_bad_line_names_file_and_number(tmp_path: Path, lines: list[str], line: int):
    with JsonlSource(place(tmp_path, *lines)) as source, pytest.raises(DataError) as caught:
        source.discover()
    assert f"t.jsonl, line {line}:" in str(caught.value)
    assert caught.value.code == "file.invalid"


def test_a_member_that_was_never_seen_is_an_error_not_a_loss(tmp_path: Path):
    config = place(tmp_path, '{"a": 1}')
    with JsonlSource(config) as source:
        [stream] = source.discover()
        place(tmp_path, '{"a": 1}', '{"a": 2, "new": true}')
        plan = source.plan(Selection(stream, ReadMode.FULL_REFRESH), None)
        with pytest.raises(DataError, match=r"line 2: the member 'new'"):
            list(source.read(Selection(stream), plan.slices[0], None))


def test_a_later_misfit_is_an_error_not_a_change(tmp_path: Path):
    config = place(tmp_path, '{"a": 1}')
    with JsonlSource(config) as source:
        [stream] = source.discover()
        place(tmp_path, '{"a": 1}', '{"a": "x"}')
        plan = source.plan(Selection(stream), None)
        with pytest.raises(DataError, match=r"line 2: the member 'a' holds no int64"):
            list(source.read(Selection(stream), plan.slices[0], None))


def test_foreign_layouts_are_read(tmp_path: Path):
    (tmp_path / "t.ndjson.gz").write_bytes(gzip.compress(b'\xef\xbb\xbf{"a": 1}\r\n\r\n {"a": 2} \r\n'))
    assert read_all(connector, JsonlConfig(path=str(tmp_path)), "t") == [{"a": 1}, {"a": 2}]


def test_long_lines_span_blocks(tmp_path: Path):
    long = "x" * (9 << 20)
    config = place(tmp_path, json.dumps({"a": long}), '{"a": "y"}')
    assert [len(row["a"]) for row in read_all(connector, config, "t")] == [len(long), 1]


def test_some_columns_only(tmp_path: Path):
    config = place(tmp_path, '{"a": 1, "b": [1, "x"], "c": 2.5}', '{"a": 2, "c": 3}')
    assert read_all(connector, config, "t", columns=("c", "a")) == [{"c": 2.5, "a": 1}, {"c": 3.0, "a": 2}]


def test_invalid_json_text_is_refused():
    table = pa.table({"j": pa.array(["{"], pa.json_())})
    with pytest.raises(DataError) as caught:
        written(table)
    assert caught.value.code == "value.unrepresentable"


def test_duckdb_reads_what_we_write(tmp_path: Path):
    config = JsonlConfig(path=str(tmp_path))
    table = pa.table({"id": [1, 2], "text": ['say "hi"\n', None], "list": [[1, None], []]})
    with JsonlDestination(config) as destination:
        run(destination, target_of(table), table)
    with duckdb.connect() as db:
        found = db.execute(f"SELECT id, text, list FROM read_json('{tmp_path}/people/*.jsonl')").fetchall()
    assert found == [(1, 'say "hi"\n', [1, None]), (2, None, [])]
    assert read_all(connector, config) == table.to_pylist()
