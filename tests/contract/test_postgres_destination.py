"""The destination contract against a real PostgreSQL."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from support.postgres import PostgresServer
from towpath.connectors.postgres import connector
from towpath.connectors.postgres.config import PostgresConfig
from towpath.sdk import Target
from towpath.sdk.testing.destinations import DestinationContract

pytestmark = pytest.mark.service("postgres")


def in_utc(value: Any) -> Any:
    """Drivers call the same zone by different names."""
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


class TestPostgresDestination(DestinationContract):
    connector = connector

    @pytest.fixture
    def config(self, postgres: PostgresServer, postgres_database: str) -> PostgresConfig:
        self.server = postgres
        return PostgresConfig(**postgres.config(postgres_database))

    def connect(self, config: PostgresConfig) -> psycopg.Connection:
        return self.server.connect(config.database)

    def read_back(self, config: Any, target: Target) -> list[dict[str, Any]] | None:
        with self.connect(config) as connection:
            connection.row_factory = dict_row
            connection.execute("SET timezone = 'UTC'")
            table = sql.Identifier(target.namespace or "public", target.name)
            try:
                # In binary, so that float4 is exact.
                query = sql.SQL("SELECT * FROM {}").format(table)
                rows = connection.execute(query, binary=True).fetchall()
            except psycopg.errors.UndefinedTable:
                return None
        return [{name: in_utc(value) for name, value in row.items()} for row in rows]

    def expected(self, kind: pa.DataType, value: Any) -> Any:
        if kind == pa.uint64():
            return Decimal(value)  # numeric(20,0)
        return json.loads(value) if isinstance(kind, pa.JsonType) else in_utc(value)

    def leftovers(self, config: Any) -> list[str]:
        with self.connect(config) as connection:
            rows = connection.execute(
                "SELECT relname FROM pg_class WHERE relname LIKE '\\_towpath\\_%' AND relkind = 'r'"
                " AND relname <> '_towpath_checkpoints'"
            ).fetchall()
        return [name for (name,) in rows]
