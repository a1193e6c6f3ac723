"""The destination contract against an emulated Snowflake, spoken to by the vendor's own client."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from snowflake.connector.errors import ProgrammingError

from support.snowflake import SnowflakeServer
from towpath.connectors.snowflake import connector, session
from towpath.connectors.snowflake.config import SnowflakeConfig
from towpath.sdk import Target
from towpath.sdk.sql import quote
from towpath.sdk.testing.destinations import DestinationContract

pytestmark = pytest.mark.service("snowflake")


class TestSnowflakeDestination(DestinationContract):
    connector = connector

    @pytest.fixture
    def config(self, snowflake_server: SnowflakeServer, monkeypatch: pytest.MonkeyPatch) -> SnowflakeConfig:
        self.server = snowflake_server
        monkeypatch.setattr(session, "_NETWORK", 10)  # a defect of the emulator is no outage to wait for
        return SnowflakeConfig(**snowflake_server.config(f"DB_{uuid.uuid4().hex.upper()}"))

    def query(self, config: Any, sql: str) -> list[dict[str, Any]]:
        with self.server.connect(config.database) as connection, connection.cursor() as cursor:
            rows = cursor.execute(sql).fetchall()
            described = cursor.description
        return [
            {one.name: _plain(one.type_code, value) for one, value in zip(described, row, strict=True)}
            for row in rows
        ]

    def read_back(self, config: Any, target: Target) -> list[dict[str, Any]] | None:
        try:
            return self.query(config, f"SELECT * FROM {quote(target.name)}")
        except ProgrammingError as error:
            if error.errno == 2003:
                return None
            raise

    def expected(self, kind: pa.DataType, value: Any) -> Any:
        if isinstance(kind, pa.UuidType):
            return str(value)
        if isinstance(kind, pa.JsonType):
            return json.loads(value)
        return _plain(-1, value)

    def leftovers(self, config: Any) -> list[str]:
        rows = self.query(
            config, "SELECT TABLE_NAME AS N FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'PUBLIC'"
        )
        return [row["N"] for row in rows if row["N"].startswith("_TOWPATH_S_")]


def _plain(code: int, value: Any) -> Any:
    if code == 5 and value is not None:  # VARIANT
        return json.loads(value)
    if isinstance(value, bytearray):
        return bytes(value)
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value
