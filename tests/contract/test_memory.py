from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from support.random_filters import RandomFilters
from towpath.core.model import Target
from towpath.sdk.testing import memory
from towpath.sdk.testing.destinations import DestinationContract
from towpath.sdk.testing.memory import MemoryConfig, Table
from towpath.sdk.testing.sources import SourceContract


@pytest.fixture
def config(request: pytest.FixtureRequest) -> Iterator[MemoryConfig]:
    config = MemoryConfig(name=request.node.nodeid, slice_rows=50_000, batch_rows=20_000)
    yield config
    memory._WORLDS.pop(config.name, None)


class TestMemorySource(RandomFilters, SourceContract):
    connector = memory.connector

    # Its state is a number of rows: what lies below the cursor's value comes too, and there is no lookback.
    test_the_fallback_counts_where_the_cursor_is_null = None  # type: ignore[assignment]  # switched off
    test_a_lookback_counts_from_the_value_of_both = None  # type: ignore[assignment]  # switched off

    @pytest.fixture
    def config(self, config: MemoryConfig) -> MemoryConfig:
        return config

    def load(self, config: MemoryConfig, name: str, table: pa.Table, primary_key: tuple[str, ...]) -> None:
        with config.world.change() as world:
            world.tables[name] = Table(table, primary_key)

    def add(self, config: MemoryConfig, name: str, table: pa.Table) -> None:
        with config.world.change() as world:
            known = world.tables[name]
            world.tables[name] = Table(pa.concat_tables([known.rows, table]), known.primary_key)


class TestMemoryDestination(DestinationContract):
    connector = memory.connector

    @pytest.fixture
    def config(self, config: MemoryConfig) -> MemoryConfig:
        return config

    def read_back(self, config: MemoryConfig, target: Target) -> list[dict[str, Any]] | None:
        table = config.world.look().tables.get(target.name)
        return None if table is None else table.rows.to_pylist()

    def leftovers(self, config: MemoryConfig) -> list[str]:
        return [str(place) for place in config.world.look().staging]
