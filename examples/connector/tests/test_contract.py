"""The connector keeps the promises of every source."""

from pathlib import Path

import pyarrow as pa
import pytest

from towpath.sdk.testing.sources import SourceContract
from towpath_arrow import ArrowConfig, connector


class TestArrowSource(SourceContract):
    connector = connector
    knows_keys = False
    impossible_names = frozenset({"sla/sh", ".."})

    @pytest.fixture
    def config(self, tmp_path: Path) -> ArrowConfig:
        return ArrowConfig(path=tmp_path)

    def load(self, config: ArrowConfig, name: str, table: pa.Table, primary_key: tuple[str, ...]) -> None:
        with pa.ipc.new_file(config.path / f"{name}.arrow", table.schema) as file:
            file.write_table(table)
