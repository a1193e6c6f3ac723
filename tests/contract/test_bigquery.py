"""The destination contract against a server of BigQuery's REST API, spoken to by the vendor's own client."""

import json
import uuid
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
import pytest

from support.bigquery import BigqueryServer
from towpath.connectors.bigquery import connector
from towpath.connectors.bigquery.columns import kind_of
from towpath.connectors.bigquery.config import BigqueryConfig
from towpath.connectors.bigquery.names import column_id, table_id
from towpath.sdk import Target
from towpath.sdk.testing.destinations import DestinationContract

pytestmark = pytest.mark.service("bigquery")


class TestBigqueryDestination(DestinationContract):
    connector = connector

    @pytest.fixture
    def config(self, bigquery_server: BigqueryServer) -> BigqueryConfig:
        self.server = bigquery_server
        return BigqueryConfig(**bigquery_server.config(f"ds_{uuid.uuid4().hex}"))

    def read_back(self, config: Any, target: Target) -> list[dict[str, Any]] | None:
        rows = self.server.rows(target.namespace or config.bq_dataset, table_id(target.name))
        given = {column_id(field.name): field for field in target.schema}
        if rows is None:
            return None
        return [
            {
                given[name].name if name in given else name: _read(given.get(name), value)
                for name, value in row.items()
            }
            for row in rows
        ]

    def expected(self, kind: pa.DataType, value: Any) -> Any:
        if isinstance(kind, pa.UuidType):
            return str(value)
        if isinstance(kind, pa.JsonType):
            return json.loads(value)
        return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value

    def leftovers(self, config: Any) -> list[str]:
        return [
            name
            for dataset, name in self.server.tables
            if dataset == config.bq_dataset and name.startswith("_towpath_s_")
        ]


def _read(field: pa.Field | None, value: Any) -> Any:
    if value is None or field is None:
        return value
    if kind_of(field.type).type == "JSON":
        return json.loads(value)
    if isinstance(value, Decimal):
        if pa.types.is_integer(field.type):
            return int(value)
        return value.quantize(Decimal(1).scaleb(-field.type.scale), context=Context(prec=76))
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value
