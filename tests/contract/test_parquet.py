"""Parquet against the contracts, in a folder and on S3."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from support.random_filters import RandomFilters
from support.s3 import S3
from towpath.connectors.parquet import connector
from towpath.connectors.parquet.config import ParquetConfig
from towpath.sdk import Target
from towpath.sdk.files.names import encode
from towpath.sdk.files.place import Place
from towpath.sdk.testing.destinations import DestinationContract
from towpath.sdk.testing.sources import SourceContract


def staged(config: ParquetConfig) -> list[str]:
    return [found.path for found in Place(config).files("_towpath") if "/staging/" in found.path]


def rows_of(config: ParquetConfig, target: Target) -> list[dict[str, Any]] | None:
    """What pyarrow finds in the folder, without a word of the manifest."""
    place, folder = Place(config), encode(target.name)
    files = [found.path for found in place.files(folder) if found.path.endswith(".parquet")]
    if not files:
        return [] if place.files(folder) else None
    tables = [pq.read_table(place.full(path), filesystem=place.fs, partitioning=None) for path in files]
    schema = pa.unify_schemas([table.schema for table in tables])
    dataset = pads.dataset([place.full(path) for path in files], schema=schema, filesystem=place.fs)
    return dataset.to_table().to_pylist()


class TestParquetDestination(DestinationContract):
    connector = connector
    knows_partitions = True

    @pytest.fixture
    def config(self, tmp_path: Path) -> ParquetConfig:
        return ParquetConfig(path=str(tmp_path / "lake"))

    def read_back(self, config: ParquetConfig, target: Target) -> list[dict[str, Any]] | None:
        return rows_of(config, target)

    def leftovers(self, config: ParquetConfig) -> list[str]:
        return staged(config)


@pytest.mark.service("s3")
class TestParquetDestinationOnS3(TestParquetDestination):
    @pytest.fixture
    def config(self, s3: S3) -> ParquetConfig:
        return ParquetConfig(**s3.config())


class TestParquetSource(RandomFilters, SourceContract):
    connector = connector
    knows_keys = False
    impossible_names = frozenset({"..", "sla/sh"})

    @pytest.fixture
    def config(self, tmp_path: Path) -> ParquetConfig:
        return ParquetConfig(path=str(tmp_path))

    def load(self, config: ParquetConfig, name: str, table: pa.Table, primary_key: tuple[str, ...]) -> None:
        self.add(config, name, table)

    def add(self, config: ParquetConfig, name: str, table: pa.Table) -> None:
        place = Place(config)
        count = len(place.files(name))
        with place.create(f"{name}/{count:04}.parquet") as file:
            pq.write_table(table, file, row_group_size=50_000)


@pytest.mark.service("s3")
class TestParquetSourceOnS3(TestParquetSource):
    @pytest.fixture
    def config(self, s3: S3) -> ParquetConfig:
        return ParquetConfig(**s3.config())


def test_duckdb_reads_the_folder(tmp_path: Path) -> None:
    contract = TestParquetDestination()
    config = ParquetConfig(path=str(tmp_path))
    assert connector.destination is not None
    with connector.destination(config) as destination:
        contract.run(destination, contract.target())
        contract.run(
            destination, contract.target(run="run_02"), pa.table({"id": [1], "name": ["a"], "age": [1]})
        )
    with duckdb.connect() as db:
        found = db.execute(f"SELECT id, name FROM read_parquet('{tmp_path}/**/*.parquet')").fetchall()
    assert found == [(1, "a")]
