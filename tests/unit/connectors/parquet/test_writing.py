"""Partitions, upserts, types, roll-over, memory."""

import datetime as dt
import logging
import uuid
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.files import by_repr, read_all, run, stage, target_of
from towpath.connectors.parquet import connector
from towpath.connectors.parquet.config import ParquetConfig
from towpath.connectors.parquet.destination import ParquetDestination
from towpath.connectors.parquet.encode import low_cardinality
from towpath.sdk import (
    NATIVE_TYPE,
    Batch,
    Checkpoint,
    Condition,
    ConfigError,
    DataError,
    Operator,
    SchemaError,
    Slice,
    WriteMode,
)
from towpath.sdk.files import writer


@pytest.fixture
def config(tmp_path: Path) -> ParquetConfig:
    return ParquetConfig(path=str(tmp_path / "lake"))


@pytest.fixture
def destination(config: ParquetConfig) -> Iterator[ParquetDestination]:
    with ParquetDestination(config) as destination:
        yield destination


def files(config: ParquetConfig) -> list[Path]:
    return sorted(Path(config.path, "people").rglob("*.parquet"))


VALUES: list[tuple[pa.DataType, list[Any]]] = [
    (pa.int64(), [1, -5, None, 2**62]),
    (
        pa.string(),
        ["a", "a/b", "..", "", None, "é ☃", "a=b%20c", "__HIVE_DEFAULT_PARTITION__", "*?[x]", "007"],
    ),
    (pa.date32(), [dt.date(2024, 2, 29), None]),
    (pa.decimal128(10, 2), [Decimal("1.50"), Decimal("-0.05"), None]),
    (pa.bool_(), [True, False, None]),
    (pa.timestamp("us", "UTC"), [dt.datetime(2024, 1, 1, 12, 0, 0, 5, tzinfo=dt.UTC), None]),
]


@pytest.mark.parametrize(("kind", "values"), VALUES, ids=[str(kind) for kind, _ in VALUES])
def test_partition_values_come_back_exactly(
    config: ParquetConfig, destination: ParquetDestination, kind: pa.DataType, values: list[Any]
):
    table = pa.table({"p": pa.array(values * 2, kind), "v": list(range(len(values) * 2))})
    run(destination, target_of(table, partition_by=("p",)), table)
    assert by_repr(read_all(connector, config)) == by_repr(table.to_pylist())
    only = Condition("p", Operator.IS_NULL), Condition("p", Operator.NOT_NULL)
    found = [row for one in only for row in read_all(connector, config, where=(one,))]
    assert by_repr(found) == by_repr(table.to_pylist())
    assert all(path.resolve().is_relative_to(Path(config.path, "people")) for path in files(config))


def test_plain_readers_understand_the_partitions(config: ParquetConfig, destination: ParquetDestination):
    table = pa.table({"day": ["2024-01-01", "a b/c", None], "n": [2020, 2021, 2020], "v": [1, 2, 3]})
    run(destination, target_of(table, partition_by=("day", "n")), table)
    wanted = {("2024-01-01", 2020, 1), ("a b/c", 2021, 2), (None, 2020, 3)}
    by_arrow = pq.read_table(Path(config.path, "people")).to_pylist()
    assert {(row["day"], row["n"], row["v"]) for row in by_arrow} == wanted
    with duckdb.connect() as db:
        pattern = f"{config.path}/people/**/*.parquet"
        found = db.execute(
            f"SELECT day, n, v FROM read_parquet('{pattern}', hive_partitioning=true)"
        ).fetchall()
    assert set(found) == wanted


def test_many_partitions_stay_within_the_open_files(config: ParquetConfig, destination: ParquetDestination):
    count = writer.OPEN_FILES * 3
    table = pa.table({"p": [n % count for n in range(count * 4)], "v": list(range(count * 4))})
    run(destination, target_of(table, partition_by=("p",)), table)
    assert by_repr(read_all(connector, config)) == by_repr(table.to_pylist())


@pytest.mark.parametrize(("by", "code"), [(("nope",), "column.not_found"), (("f",), "partition.unsupported")])
def test_bad_partition_columns_are_refused(destination: ParquetDestination, by: tuple[str, ...], code: str):
    table = pa.table({"a": [1], "f": [1.5]})
    with pytest.raises(SchemaError) as caught:
        destination.prepare(target_of(table, partition_by=by))
    assert caught.value.code == code


def test_partitions_by_stretches_of_time(config: ParquetConfig, destination: ParquetDestination):
    moments = [dt.datetime(2024, 1, 31, 23, 59), dt.datetime(2024, 2, 1), None, dt.datetime(2025, 2, 1)]  # noqa: DTZ001
    table = pa.table(
        {"at": pa.array(moments, pa.timestamp("us")), "day(at)": ["a", "a", "b", "b"], "id": range(4)}
    )
    by = ("year(at)", "month(at)", "day(at)")
    target = target_of(table, partition_by=by, mode=WriteMode.UPSERT, primary_key=("id",))
    run(destination, target, table)
    folders = {path.parent.relative_to(Path(config.path, "people")).as_posix() for path in files(config)}
    assert folders == {
        "at_year=2024/at_month=2024-01/day%28at%29=a",
        "at_year=2024/at_month=2024-02/day%28at%29=a",
        "at_year=__HIVE_DEFAULT_PARTITION__/at_month=__HIVE_DEFAULT_PARTITION__/day%28at%29=b",
        "at_year=2025/at_month=2025-02/day%28at%29=b",
    }
    assert by_repr(read_all(connector, config)) == by_repr(table.to_pylist())
    late = (Condition("at", Operator.GE, "2024-02-01"),)
    assert len(read_all(connector, config, where=late)) == 2
    moved = table.slice(0, 1).set_column(0, "at", pa.array([moments[3]], pa.timestamp("us")))
    run(destination, replace(target, run="run_02"), moved)
    wanted = [*moved.to_pylist(), *table.slice(1).to_pylist()]
    assert by_repr(read_all(connector, config)) == by_repr(wanted)
    with duckdb.connect() as db:
        pattern = f"{config.path}/people/**/*.parquet"
        found = db.execute(
            f"SELECT id FROM read_parquet('{pattern}', hive_partitioning=true) WHERE at_month = '2025-02'"
        ).fetchall()
    assert {id for (id,) in found} == {0, 3}


def test_partitions_may_change_with_an_overwrite_only(config: ParquetConfig, destination: ParquetDestination):
    table = pa.table({"a": [1, 2], "b": [3, 4]})
    run(destination, target_of(table, partition_by=("a",)), table)
    with pytest.raises(ConfigError) as caught:
        destination.prepare(target_of(table, mode=WriteMode.APPEND, run="run_02"))
    assert caught.value.code == "partition.changed"
    run(destination, target_of(table, run="run_03"), table)
    assert by_repr(read_all(connector, config)) == by_repr(table.to_pylist())


KEYS: list[tuple[pa.DataType, list[Any]]] = [
    (pa.int32(), [1, 2, 3, 4]),
    (pa.uint64(), [1, 2, 3, 2**64 - 1]),
    (pa.string(), ["a", "b", "c", "é"]),
    (pa.decimal128(38, 10), [Decimal(n) for n in range(4)]),
    (pa.date32(), [dt.date(2024, 1, day) for day in range(1, 5)]),
    (pa.timestamp("us"), [dt.datetime(9000, 1, day) for day in range(1, 5)]),  # noqa: DTZ001 - a type without a zone
    (pa.timestamp("us", "UTC"), [dt.datetime(2024, 1, day, tzinfo=dt.UTC) for day in range(1, 5)]),
    (pa.binary(), [b"a", b"\x00", b"\xff", b""]),
    (pa.uuid(), [uuid.UUID(int=n) for n in range(4)]),
    (pa.bool_(), [True, False, True, False]),
]


@pytest.mark.parametrize(("kind", "values"), KEYS, ids=[str(kind) for kind, _ in KEYS])
def test_upsert_by_any_type_of_key(
    config: ParquetConfig, destination: ParquetDestination, kind: pa.DataType, values: list[Any]
):
    table = pa.table({"k": pa.array(values, kind), "v": [1, 2, 3, 4]})
    target = target_of(table, mode=WriteMode.UPSERT, primary_key=("k",))
    run(destination, target, table)
    change = pa.table({"k": pa.array(values[1:3], kind), "v": [20, 30]})
    run(destination, target_of(change, mode=WriteMode.UPSERT, primary_key=("k",), run="run_02"), change)
    pairs = [*zip(values, [1, 2, 3, 4], strict=True), (values[1], 20), (values[2], 30)]
    wanted = dict(pairs)
    assert {row["k"]: row["v"] for row in read_all(connector, config)} == wanted
    assert len(read_all(connector, config)) == len(wanted)


def test_an_upsert_rewrites_only_files_with_touched_keys(
    config: ParquetConfig, destination: ParquetDestination
):
    pieces = [pa.table({"id": range(n * 100, n * 100 + 100), "v": ["x"] * 100}) for n in range(4)]
    target = target_of(pieces[0], mode=WriteMode.UPSERT, primary_key=("id",))
    run(destination, target, *pieces)
    before = files(config)
    change = pa.table({"id": [150, 999], "v": ["new", "new"]})
    run(destination, target_of(change, mode=WriteMode.UPSERT, primary_key=("id",), run="run_02"), change)
    after = files(config)
    assert len(set(before) & set(after)) == 3
    found = {row["id"]: row["v"] for row in read_all(connector, config)}
    assert len(found) == 401
    assert (found[150], found[999], found[151]) == ("new", "new", "x")


def test_an_upsert_moves_a_record_to_its_new_partition(
    config: ParquetConfig, destination: ParquetDestination
):
    table = pa.table({"id": [1, 2], "p": ["a", "a"]})
    by = {"mode": WriteMode.UPSERT, "primary_key": ("id",), "partition_by": ("p",)}
    run(destination, target_of(table, **by), table.append_column("v", pa.array([1, 2])).select(["id", "p"]))
    change = pa.table({"id": [2], "p": ["b"]})
    run(destination, target_of(change, run="run_02", **by), change)
    assert by_repr(read_all(connector, config)) == by_repr([{"id": 1, "p": "a"}, {"id": 2, "p": "b"}])


def test_an_upsert_by_a_partition_column(config: ParquetConfig, destination: ParquetDestination):
    table = pa.table({"p": ["a", "b"], "id": [1, 1], "v": [1, 2]})
    by = {"mode": WriteMode.UPSERT, "primary_key": ("p", "id"), "partition_by": ("p",)}
    run(destination, target_of(table, **by), table)
    change = pa.table({"p": ["b"], "id": [1], "v": [20]})
    run(destination, target_of(change, run="run_02", **by), change)
    wanted = [{"p": "a", "id": 1, "v": 1}, {"p": "b", "id": 1, "v": 20}]
    assert sorted((row["p"], row["v"]) for row in read_all(connector, config)) == [
        (row["p"], row["v"]) for row in wanted
    ]


def test_an_upsert_widens_what_it_rewrites(config: ParquetConfig, destination: ParquetDestination):
    table = pa.table({"id": pa.array([1, 2], pa.int32()), "v": ["a", "b"]})
    by = {"mode": WriteMode.UPSERT, "primary_key": ("id",)}
    run(destination, target_of(table, **by), table)
    change = pa.table({"id": pa.array([2, 2**40], pa.int64()), "v": ["B", "c"], "x": [1.5, 2.5]})
    run(destination, target_of(change, run="run_02", **by), change)
    assert by_repr(read_all(connector, config)) == by_repr(
        [
            {"id": 1, "v": "a", "x": None},
            {"id": 2, "v": "B", "x": 1.5},
            {"id": 2**40, "v": "c", "x": 2.5},
        ]
    )


def test_native_types_and_extensions_stay_in_the_file(config: ParquetConfig, destination: ParquetDestination):
    field = pa.field("address", pa.string(), metadata={NATIVE_TYPE: b"postgres:inet"})
    schema = pa.schema(
        [field, pa.field("u", pa.uuid()), pa.field("j", pa.json_()), pa.field("d", pa.duration("us"))]
    )
    table = pa.Table.from_pylist(
        [{"address": "::1", "u": uuid.UUID(int=7), "j": "{}", "d": dt.timedelta(1)}], schema
    )
    run(destination, target_of(table), table)
    found = pq.read_schema(files(config)[0])
    assert found.field("address").metadata[NATIVE_TYPE] == b"postgres:inet"
    assert [found.field(name).type for name in "ujd"] == [pa.uuid(), pa.json_(), pa.duration("us")]
    assert connector.source is not None
    with connector.source(config) as source:
        [stream] = source.discover()
    assert stream.schema.equals(schema, check_metadata=True)
    assert read_all(connector, config) == table.to_pylist()


def test_casts_are_logged_once(
    config: ParquetConfig, destination: ParquetDestination, caplog: pytest.LogCaptureFixture
):
    table = pa.table(
        {
            "i": pa.array([pa.MonthDayNano([14, -3, -1_500_000_000]), None], pa.month_day_nano_interval()),
            "s": pa.array([1, None], pa.timestamp("s")),
            "c": pa.array(["a", "b"]).dictionary_encode(),
        }
    )
    with caplog.at_level(logging.WARNING, "towpath.connectors.parquet"):
        run(destination, target_of(table), table)
    assert len(caplog.records) == 2
    assert read_all(connector, config)[0]["i"] == "P14M-3DT-1.5S"


def test_what_parquet_cannot_hold_is_refused(destination: ParquetDestination):
    table = pa.table({"u": pa.array([{}], pa.struct([]))})
    with pytest.raises(SchemaError) as caught:
        destination.prepare(target_of(table))
    assert caught.value.code == "type.unsupported"


def test_large_slices_roll_over(
    config: ParquetConfig, destination: ParquetDestination, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "FILE_BYTES", 200_000)
    table = pa.table({"id": range(600_000)})
    run(destination, target_of(table), table)
    assert len(files(config)) > 1
    assert sorted(row["id"] for row in read_all(connector, config)) == list(range(600_000))


def test_an_error_of_the_encoder_reaches_the_writer(destination: ParquetDestination):
    table = pa.table({"p": ["x" * 500], "v": [1]})
    target = target_of(table, partition_by=("p",))
    destination.prepare(target)
    staged = destination.writer(target, Slice("s0000"))
    staged.write(Batch(table.to_batches()[0]))
    with pytest.raises(DataError) as caught:
        staged.close()
    staged.abandon()
    assert caught.value.code == "value.unrepresentable"


def test_dictionaries_only_where_values_repeat():
    batch = pa.record_batch(
        {
            "id": pa.array(range(1000)),
            "kind": pa.array(["a", "b"] * 500),
            "flag": pa.array([True] * 1000),
            "list": pa.array([[1]] * 1000),
        }
    )
    assert low_cardinality(batch) == ["kind"]


def test_compression_is_as_configured(tmp_path: Path):
    table = pa.table({"id": [1]})
    for name in ("zstd", "snappy", "lz4", "none"):
        config = ParquetConfig(path=str(tmp_path / name), compression=name)
        with ParquetDestination(config) as destination:
            run(destination, target_of(table), table)
        column = pq.read_metadata(files(config)[0]).row_group(0).column(0)
        assert column.compression == {"none": "UNCOMPRESSED"}.get(name, name.upper())


def test_a_twin_commit_does_nothing(config: ParquetConfig, destination: ParquetDestination):
    table = pa.table({"id": [1]})
    target = target_of(table, mode=WriteMode.APPEND)
    destination.prepare(target)
    receipt = stage(destination, target, table)
    with ParquetDestination(config) as twin:
        twin.commit(target, [receipt], Checkpoint("run_01", 1, None))
        destination.commit(target, [receipt], Checkpoint("run_01", 1, None))
    assert read_all(connector, config) == [{"id": 1}]
