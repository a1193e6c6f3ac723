"""CSV against the contracts."""

import base64
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from towpath.connectors.csv import connector
from towpath.connectors.csv.config import CsvConfig
from towpath.sdk import Target
from towpath.sdk.files.names import encode
from towpath.sdk.files.place import Place
from towpath.sdk.testing.destinations import DestinationContract
from towpath.sdk.testing.sources import SourceContract

EVENT_TYPES = {"id": "int64", "kind": "text", "amount": "decimal(10,2)", "at": "timestamp"}


def text_of(kind: pa.DataType, value: Any) -> str:
    """The text of a value, written down here a second time on purpose."""
    match value:
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        case bool():
            return "true" if value else "false"
        case bytes():
            return base64.b64encode(value).decode()
        case Decimal():
            return f"{value:f}"
        case dt.datetime() | dt.time():
            return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
        case _:
            return str(value)


class TestCsvDestination(DestinationContract):
    connector = connector
    knows_partitions = True

    @pytest.fixture
    def config(self, tmp_path: Path) -> CsvConfig:
        return CsvConfig(path=str(tmp_path / "lake"))

    def expected(self, kind: pa.DataType, value: Any) -> Any:
        if pa.types.is_floating(kind):
            return value
        return text_of(kind, value)

    def read_back(self, config: CsvConfig, target: Target) -> list[dict[str, Any]] | None:
        place, folder = Place(config), encode(target.name)
        files = [found.path for found in place.files(folder) if found.path.endswith(config_suffix(config))]
        if not files:
            return [] if place.files(folder) else None
        tables = [self.table(place.full(path)) for path in files]
        names = list(dict.fromkeys(name for table in tables for name in table.schema.names))
        floats = {field.name for field in target.schema if pa.types.is_floating(field.type)}
        return [
            {name: float(row[name]) if name in floats and row.get(name) else row.get(name) for name in names}
            for table in tables
            for row in table.to_pylist()
        ]

    def table(self, path: str) -> pa.Table:
        parse = pacsv.ParseOptions(newlines_in_values=True)
        names = pacsv.open_csv(path, parse_options=parse).schema.names
        return pacsv.read_csv(
            path,
            parse_options=parse,
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )

    def leftovers(self, config: CsvConfig) -> list[str]:
        return [found.path for found in Place(config).files("_towpath") if "/staging/" in found.path]


def config_suffix(config: CsvConfig) -> str:
    return ".csv.gz" if config.compression == "gzip" else ".csv"


class TestPackedCsvDestination(TestCsvDestination):
    @pytest.fixture
    def config(self, tmp_path: Path) -> CsvConfig:
        return CsvConfig(path=str(tmp_path / "lake"), compression="gzip")


class TestCsvSource(SourceContract):
    connector = connector
    knows_keys = False
    impossible_names = frozenset({"..", "sla/sh"})

    @pytest.fixture
    def config(self, tmp_path: Path) -> CsvConfig:
        return CsvConfig(path=str(tmp_path), types={"events": EVENT_TYPES})

    def expected(self, kind: pa.DataType, value: Any) -> Any:
        """What has no type of its own in CSV stays text; numbers are exact."""
        if pa.types.is_nested(kind) or isinstance(value, bytes | dt.time) or kind == pa.json_():
            return text_of(kind, value)
        if kind == pa.uint64():
            return Decimal(value)
        return UUID(str(value)) if kind == pa.uuid() else value

    def load(self, config: CsvConfig, name: str, table: pa.Table, primary_key: tuple[str, ...]) -> None:
        self.add(config, name, table)

    def add(self, config: CsvConfig, name: str, table: pa.Table) -> None:
        place = Place(config)
        header = ",".join(quoted(column) for column in table.schema.names)
        rows = [
            ",".join(
                "" if row[field.name] is None else quoted(text_of(field.type, row[field.name]))
                for field in table.schema
            )
            for row in table.to_pylist()
        ]
        with place.create(f"{name}/{len(place.files(name)):04}.csv") as file:
            file.write("\n".join([header, *rows, ""]).encode())


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
