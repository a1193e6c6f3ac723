"""JSON Lines against the contracts."""

import base64
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from towpath.connectors.jsonl import connector
from towpath.connectors.jsonl.config import JsonlConfig
from towpath.sdk import Target
from towpath.sdk.files.names import encode
from towpath.sdk.files.place import Place
from towpath.sdk.testing.data import TYPES
from towpath.sdk.testing.destinations import DestinationContract
from towpath.sdk.testing.sources import SourceContract

#: Types that JSON lacks, and what a user declares to get them.
DECLARED = {
    "decimal": "decimal(10,2)",
    "decimal_big": "decimal(38,10)",
    "binary": "binary",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp",
    "timestamp_utc": "timestamp_utc",
    "uuid": "uuid",
    "json": "json",
}
EVENT_TYPES = {"id": "int64", "kind": "text", "amount": "decimal(10,2)", "at": "timestamp"}
TICKET_TYPES = {"id": "int64", "number": "int64", "made": "timestamp", "changed": "timestamp"}


def json_of(kind: pa.DataType, value: Any) -> Any:
    """The JSON value for a value, written down here a second time on purpose."""
    match value:
        case str() if kind == pa.json_():
            return json.loads(value)
        case bytes():
            return base64.b64encode(value).decode()
        case Decimal():
            return f"{value:f}"
        case dt.datetime() | dt.time():
            return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
        case dt.date() | UUID():
            return str(value)
    return value


def line_of(schema: pa.Schema, row: dict[str, Any]) -> str:
    members = [
        f"{json.dumps(field.name)}: "
        + (
            row[field.name] or "null"
            if field.type == pa.json_()
            else json.dumps(json_of(field.type, row[field.name]))
        )
        for field in schema
    ]
    return "{" + ", ".join(members) + "}\n"


class TestJsonlDestination(DestinationContract):
    connector = connector
    knows_partitions = True

    @pytest.fixture
    def config(self, tmp_path: Path) -> JsonlConfig:
        return JsonlConfig(path=str(tmp_path / "lake"))

    def expected(self, kind: pa.DataType, value: Any) -> Any:
        return json_of(kind, value)

    def read_back(self, config: JsonlConfig, target: Target) -> list[dict[str, Any]] | None:
        place, folder = Place(config), encode(target.name)
        found = place.files(folder)
        files = [place.at(one.path) for one in found if one.path.endswith(".jsonl")]
        if not files:
            return [] if found else None
        records = [json.loads(line) for file in files for line in file.read_bytes().splitlines()]
        names = list(dict.fromkeys(name for record in records for name in record))
        return [{name: record.get(name) for name in names} for record in records]

    def leftovers(self, config: JsonlConfig) -> list[str]:
        return [found.path for found in Place(config).files("_towpath") if "/staging/" in found.path]


class TestJsonlSource(SourceContract):
    connector = connector
    knows_keys = False
    impossible_names = frozenset({"..", "sla/sh"})

    @pytest.fixture
    def config(self, tmp_path: Path, request: pytest.FixtureRequest) -> JsonlConfig:
        name = request.node.callspec.params.get("name") if hasattr(request.node, "callspec") else None
        types = {name: DECLARED[name]} if name in DECLARED else {} if name in TYPES else EVENT_TYPES
        types = {} if "hostile_values" in request.node.name else types
        return JsonlConfig(path=str(tmp_path), types={"events": types, "tickets": TICKET_TYPES})

    def load(self, config: JsonlConfig, name: str, table: pa.Table, primary_key: tuple[str, ...]) -> None:
        self.add(config, name, table)

    def add(self, config: JsonlConfig, name: str, table: pa.Table) -> None:
        place = Place(config)
        lines = [line_of(table.schema, row) for row in table.to_pylist()]
        with place.create(f"{name}/{len(place.files(name)):04}.jsonl") as file:
            file.write("".join(lines).encode())
