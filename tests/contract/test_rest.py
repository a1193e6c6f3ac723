"""Declarative REST connectors against the contract, on two services of different shape.

A file describes fixed streams; here it is written for whatever tables a test has loaded.
"""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import quote

import orjson
import pyarrow as pa
import pytest
from pydantic import BaseModel, ConfigDict

from support import pms, shop
from towpath.sdk import Category, Connector, ReadMode, SchemaError
from towpath.sdk.rest.config import config_class
from towpath.sdk.rest.definition import Definition
from towpath.sdk.rest.source import RestSource
from towpath.sdk.testing.data import TYPES
from towpath.sdk.testing.source_harness import EVENTS, event
from towpath.sdk.testing.sources import SourceContract

KINDS = {
    pa.string(): "string",
    pa.large_string(): "string",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp_local",
    pa.timestamp("us", "UTC"): "timestamp",
    pa.json_(): "json",
}


def kind_of(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind):
        return "number"
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    return KINDS.get(kind, "json")


def json_of(value: Any, kind: pa.DataType, *, decimals_as_text: bool) -> Any:
    match value:
        case Decimal():
            return f"{value:f}" if decimals_as_text else orjson.Fragment(f"{value:f}")
        case dt.datetime():
            return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
        case dt.date():
            return value.isoformat()
        case str() if kind == pa.json_():
            return orjson.Fragment(value)
    return value


@dataclass
class Place:
    """A service, and the streams of the file that describes it."""

    server: Any
    cursor: str
    streams: dict[str, Any] = field(default_factory=dict)

    def definition(self) -> Definition:
        raise NotImplementedError

    def paging(self) -> dict[str, Any]:
        raise NotImplementedError

    def describe(self, name: str, table: pa.Table, key: tuple[str, ...]) -> dict[str, Any]:
        return {
            "path": self.root + quote(name, safe=""),
            "primary_key": list(key),
            "schema": {one.name: kind_of(one.type) for one in table.schema},
            **self.paging(),
        } | ({"incremental": self.incremental()} if self.cursor in table.schema.names else {})


class PmsPlace(Place):
    root = "/"
    decimals_as_text = False

    def definition(self) -> Definition:
        return Definition.model_validate(
            {
                "name": "pms",
                "title": "PMS",
                "fields": {"token": {"title": "Token", "secret": True}},
                "auth": [{"type": "api_key", "header": "Authorization", "value": "Bearer {token}"}],
                "base_url": self.server.url,
                "check": {"path": "/ping"},
                "streams": self.streams,
            }
        )

    def credentials(self) -> dict[str, str]:
        return {"token": self.server.token}

    def paging(self) -> dict[str, Any]:
        return {
            "records": "results",
            "paging": {"type": "offset", "parameter": "skip", "size_parameter": "limit", "size": 7000},
        }

    def incremental(self) -> dict[str, Any]:
        value = '"{since}"' if self.cursor == "at" else "{since}"
        return {
            "cursor": self.cursor,
            "parameter": "filters",
            "value": f'[{{{{"operator":"$gte","field":"{self.cursor}","value":{value}}}}}]',
            "format": "iso" if self.cursor == "at" else "number",
            "query": {"sort": self.cursor},
            "ordered": True,
        }


class ShopPlace(Place):
    root = "/wp-json/wc/v3/"
    decimals_as_text = True

    def definition(self) -> Definition:
        return Definition.model_validate(
            {
                "name": "shop",
                "title": "Shop",
                "fields": {"key": {"title": "Key"}, "secret": {"title": "Secret", "secret": True}},
                "auth": [{"type": "basic", "username": "{key}", "password": "{secret}"}],
                "base_url": self.server.url,
                "check": {"path": "/wp-json/wc/v3/ping"},
                "streams": self.streams,
            }
        )

    def credentials(self) -> dict[str, str]:
        return {"key": self.server.key, "secret": self.server.secret}

    def paging(self) -> dict[str, Any]:
        return {
            "records": "$",
            "query": {"orderby": "id", "order": "asc"},
            "paging": {"type": "link_header", "size_parameter": "per_page", "size": 5000},
        }

    def incremental(self) -> dict[str, Any]:
        return {
            "cursor": self.cursor,
            "parameter": "modified_after",
            "inclusive": False,
            "format": "iso" if self.cursor == "at" else "number",
        }


class PlaceConfig(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    place: Place


def _open(config: PlaceConfig) -> RestSource:
    definition = config.place.definition()
    return RestSource(definition, config_class(definition)(**config.place.credentials()))


class RestContract(SourceContract):
    connector = Connector(
        name="rest",
        title="A declarative connector",
        version="1.0.0",
        categories=(Category.APPLICATION,),
        config=PlaceConfig,
        source=_open,
        read_modes=frozenset({ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL}),
    )
    unsupported_types: ClassVar = frozenset(
        {"uint64", "binary", "time", "uuid", "list", "list_string", "struct"}
    )
    knows_fallback: ClassVar = False
    impossible_names: ClassVar = frozenset({".."})  # no path of a URL

    def cursor(self, request: pytest.FixtureRequest) -> str:
        return "id" if "may_be_a_number" in request.node.name else "at"

    def load(self, config: PlaceConfig, name: str, table: pa.Table, primary_key: tuple[str, ...]) -> None:
        config.place.streams[name] = config.place.describe(name, table, primary_key)
        config.place.server.add(name)
        self.add(config, name, table)

    def add(self, config: PlaceConfig, name: str, table: pa.Table) -> None:
        as_text = config.place.decimals_as_text
        config.place.server.add(
            name,
            *(
                {one.name: json_of(row[one.name], one.type, decimals_as_text=as_text) for one in table.schema}
                for row in table.to_pylist()
            ),
        )

    def expected(self, kind: pa.DataType, value: Any) -> Any:
        if kind == pa.json_():
            return json.dumps(json.loads(value), sort_keys=True, separators=(",", ":"))
        return value

    def assert_same(self, found: list[dict[str, Any]], *tables: pa.Table) -> None:
        super().assert_same([{k: v for k, v in row.items() if k != "_other"} for row in found], *tables)

    def test_discover_tells_names_types_and_key(self, config: PlaceConfig) -> None:
        stream = self.loaded(config)
        assert stream.schema.names == [*EVENTS.schema.names, "_other"]
        assert stream.schema.remove(4).equals(EVENTS.schema)
        assert stream.primary_key == ("id",)
        assert stream.read_modes == {ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL}
        assert stream.cursors == ("at",)

    def test_a_null_cursor_is_refused(self, config: PlaceConfig) -> None:
        """When it is read: no system says beforehand if there are any."""
        selection = self.by_cursor(self.loaded(config))
        self.add(config, "events", event(6, 1).set_column(3, "at", pa.nulls(1, pa.timestamp("us"))))
        with pytest.raises(SchemaError) as caught:
            self.read(config, selection)
        assert caught.value.code == "cursor.null"
        assert "at" in str(caught.value)


class TestPms(RestContract):
    """Offsets, an inclusive filter as JSON, records in the order of the cursor, decimals as numbers."""

    @pytest.fixture
    def config(self, request: pytest.FixtureRequest) -> Iterator[PlaceConfig]:
        with pms.running() as server:
            server.most = 5_000
            server.add("ping")
            yield PlaceConfig(place=PmsPlace(server, self.cursor(request)))


class TestShop(RestContract):
    """Links, an exclusive filter, records in another order, decimals as text."""

    # Without an order a read cannot be resumed in the middle: only its last batch has a state.
    test_resume_after_any_batch_loses_and_doubles_nothing = None  # type: ignore[assignment]  # switched off

    @pytest.fixture
    def config(self, request: pytest.FixtureRequest) -> Iterator[PlaceConfig]:
        with shop.running() as server:
            server.most = 5_000
            server.modified = self.cursor(request)
            server.add("ping")
            yield PlaceConfig(place=ShopPlace(server, self.cursor(request)))


def test_types_that_are_not_tested_are_known() -> None:
    assert TYPES.keys() >= RestContract.unsupported_types
