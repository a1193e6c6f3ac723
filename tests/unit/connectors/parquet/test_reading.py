"""Files of others, pieces of large files, pushed-down reads."""

from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from support.files import by_repr, read_all
from towpath.connectors.parquet import connector
from towpath.connectors.parquet import format as parquet_format
from towpath.connectors.parquet.config import ParquetConfig
from towpath.connectors.parquet.source import ParquetSource
from towpath.sdk import (
    Condition,
    ConfigError,
    DataError,
    NotFoundError,
    Operator,
    ReadMode,
    SchemaError,
    Selection,
)
from towpath.sdk.files import follow, source

TABLE = pa.table({"id": range(10), "v": [f"v{n}" for n in range(10)], "p": [n % 3 for n in range(10)]})


@pytest.fixture
def config(tmp_path: Path) -> ParquetConfig:
    return ParquetConfig(path=str(tmp_path))


def test_files_and_folders_of_others_are_streams(config: ParquetConfig, tmp_path: Path):
    pq.write_table(TABLE, tmp_path / "single.parquet")
    pads.write_dataset(
        TABLE, tmp_path / "hive", format="parquet", partitioning=["p"], partitioning_flavor="hive"
    )
    (tmp_path / "_hidden").mkdir()
    pq.write_table(TABLE, tmp_path / "_hidden" / "x.parquet")
    (tmp_path / "readme.txt").write_text("no stream")
    with ParquetSource(config) as opened:
        streams = {stream.name: stream for stream in opened.discover()}
    assert sorted(streams) == ["hive", "single"]
    assert streams["hive"].schema.field("p").type == pa.int64()
    assert streams["single"].rows == streams["hive"].rows == 10
    for name in streams:
        assert by_repr([dict(sorted(row.items())) for row in read_all(connector, config, name)]) == by_repr(
            [dict(sorted(row.items())) for row in TABLE.to_pylist()]
        )


def test_partition_columns_can_be_read_alone(config: ParquetConfig, tmp_path: Path):
    pads.write_dataset(
        TABLE, tmp_path / "hive", format="parquet", partitioning=["p"], partitioning_flavor="hive"
    )
    rows = read_all(connector, config, "hive", columns=("p",), where=(Condition("p", Operator.EQ, 1),))
    assert rows == [{"p": 1}] * 3


def test_files_of_different_ages_have_one_schema(config: ParquetConfig, tmp_path: Path):
    (tmp_path / "t").mkdir()
    pq.write_table(pa.table({"id": pa.array([1], pa.int32())}), tmp_path / "t" / "a.parquet")
    pq.write_table(pa.table({"id": pa.array([2], pa.int64()), "x": ["new"]}), tmp_path / "t" / "b.parquet")
    assert by_repr(read_all(connector, config, "t")) == by_repr([{"id": 1, "x": None}, {"id": 2, "x": "new"}])
    assert read_all(connector, config, "t", where=(Condition("x", Operator.EQ, "new"),)) == [
        {"id": 2, "x": "new"}
    ]


def test_files_that_do_not_fit_together_are_named(config: ParquetConfig, tmp_path: Path):
    (tmp_path / "t").mkdir()
    pq.write_table(pa.table({"id": [1]}), tmp_path / "t" / "a.parquet")
    pq.write_table(pa.table({"id": ["x"]}), tmp_path / "t" / "b.parquet")
    with ParquetSource(config) as opened, pytest.raises(SchemaError, match="'id' of 't'"):
        opened.discover()


def test_a_damaged_file_is_named(config: ParquetConfig, tmp_path: Path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    with ParquetSource(config) as opened, pytest.raises(DataError, match="broken") as caught:
        opened.discover()
    assert caught.value.code == "file.invalid"


def test_a_missing_folder_fails_the_check(tmp_path: Path):
    with ParquetSource(ParquetConfig(path=str(tmp_path / "nowhere"))) as opened:
        with pytest.raises(NotFoundError) as caught:
            opened.check()
        assert list(opened.discover()) == []
    assert caught.value.code == "path.not_found"


def test_large_files_are_read_in_pieces(
    config: ParquetConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(parquet_format, "_PIECE_ROWS", 20)
    monkeypatch.setattr(source, "SLICE_ROWS", 20)
    pq.write_table(pa.table({"id": range(100)}), tmp_path / "t.parquet", row_group_size=7)
    with ParquetSource(config) as opened:
        [stream] = opened.discover()
        assert len(opened.plan(Selection(stream), None).slices) == 5
    assert [row["id"] for row in read_all(connector, config, "t")] == list(range(100))


def test_an_ordered_read_is_cut_into_ranges(
    config: ParquetConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(follow, "RANGE_ROWS", 10)
    values = [n * 37 % 101 for n in range(101)] * 2
    pq.write_table(pa.table({"at": values, "n": range(202)}), tmp_path / "t.parquet", row_group_size=20)
    with ParquetSource(config) as opened:
        [stream] = opened.discover()
        selection = Selection(stream, ReadMode.INCREMENTAL, cursor="at")
        state = {"cursor": 50, "seen": ""}
        plan = opened.plan(selection, state)
        found = [row for batch in opened.read(selection, plan.slices[0], state) for row in batch.records]
    assert [row["at"] for row in found] == sorted(value for value in values if value >= 50)


def test_a_filter_value_that_does_not_fit_is_refused_early(config: ParquetConfig, tmp_path: Path):
    pq.write_table(TABLE, tmp_path / "t.parquet")
    with ParquetSource(config) as opened:
        [stream] = opened.discover()
        with pytest.raises(ConfigError) as caught:
            opened.plan(Selection(stream, where=(Condition("id", Operator.EQ, "x"),)), None)
    assert caught.value.code == "filter.invalid"
