"""DuckDB against both contracts; rows are put in and read back by plain DuckDB SQL."""

import duckdb
import pytest

from support.random_filters import RandomFilters
from towpath.connectors.duckdb import connector
from towpath.connectors.duckdb.config import DuckdbConfig
from towpath.sdk.sql import quote
from towpath.sdk.testing.destinations import DestinationContract
from towpath.sdk.testing.sources import SourceContract


def connect(config):
    database = duckdb.connect(config.path)
    database.execute("SET TimeZone = 'UTC'; SET arrow_lossless_conversion = true")
    return database


class TestDuckdbSource(RandomFilters, SourceContract):
    connector = connector

    @pytest.fixture
    def config(self, tmp_path):
        duckdb.connect(tmp_path / "source.duckdb").close()
        return DuckdbConfig(path=tmp_path / "source.duckdb")

    def load(self, config, name, rows, primary_key):
        with connect(config) as database:
            database.execute(f"CREATE TABLE {quote(name)} AS FROM rows").fetchall()
            keys = ", ".join(map(quote, primary_key))
            database.execute(f"ALTER TABLE {quote(name)} ADD PRIMARY KEY ({keys})")

    def add(self, config, name, rows):
        with connect(config) as database:
            database.execute(f"INSERT INTO {quote(name)} FROM rows").fetchall()


class TestDuckdbDestination(DestinationContract):
    connector = connector

    @pytest.fixture
    def config(self, tmp_path):
        return DuckdbConfig(path=tmp_path / "target.duckdb")

    def read_back(self, config, target):
        with connect(config) as database:
            try:
                found = database.sql(f"FROM {quote(target.name)}").to_arrow_table()
            except duckdb.CatalogException:
                return None
        return found.to_pylist()

    def leftovers(self, config):
        return [str(path) for path in config.path.parent.glob(".*")]
