"""The source contract, read by the compiled decoder and by its fallback."""

from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from support.postgres import PostgresServer
from support.postgres_tables import add_rows, make_table
from support.random_filters import RandomFilters
from towpath.connectors.postgres import connector
from towpath.connectors.postgres.config import PostgresConfig
from towpath.connectors.postgres.fallback import AdbcReader
from towpath.connectors.postgres.reading import CompiledReader
from towpath.connectors.postgres.source import PostgresSource
from towpath.sdk import Source
from towpath.sdk.testing.sources import SourceContract

pytestmark = pytest.mark.service("postgres")


class PostgresContract(RandomFilters, SourceContract):
    connector = connector
    filters: ClassVar[int] = 20
    reader: ClassVar[Any]
    unsupported_types = frozenset({"struct"})  # read as PostgreSQL's text: tests/services covers it

    @pytest.fixture
    def config(self, postgres: PostgresServer, postgres_database: str) -> PostgresConfig:
        return PostgresConfig(**postgres.config(postgres_database))

    def open(self, config: Any) -> AbstractContextManager[Source]:
        return PostgresSource(config, self.reader)

    def load(self, config: Any, name: str, table: pa.Table, primary_key: tuple[str, ...]) -> None:
        make_table(config, name, table, primary_key)

    def expected(self, kind: pa.DataType, value: Any) -> Any:
        return Decimal(value) if kind == pa.uint64() else value

    def add(self, config: Any, name: str, table: pa.Table) -> None:
        add_rows(config, name, table)


class TestCompiled(PostgresContract):
    reader = CompiledReader


class TestFallback(PostgresContract):
    reader = AdbcReader
