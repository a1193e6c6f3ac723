"""The promises of a source, kept by MySQL's: with the compiled decoder and without it."""

import datetime as dt
import itertools
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from support.mariadb import PASSWORD, USER, MariaDB
from support.random_filters import RandomFilters
from towpath.connectors.mysql import connector
from towpath.connectors.mysql.config import MySQLConfig
from towpath.connectors.mysql.reading import COMPILED
from towpath.connectors.mysql.source import MySQLSource
from towpath.sdk import Connector, Source
from towpath.sdk.testing.sources import SourceContract

pytestmark = pytest.mark.service("mysql")

_numbers = itertools.count()

COLUMN_TYPES: dict[pa.DataType, str] = {
    pa.bool_(): "BIT(1)",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INT",
    pa.int64(): "BIGINT",
    pa.uint8(): "TINYINT UNSIGNED",
    pa.uint16(): "SMALLINT UNSIGNED",
    pa.uint32(): "INT UNSIGNED",
    pa.uint64(): "BIGINT UNSIGNED",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "LONGTEXT",
    pa.large_string(): "LONGTEXT",
    pa.binary(): "LONGBLOB",
    pa.date32(): "DATE",
    pa.time64("us"): "TIME(6)",
    pa.timestamp("us"): "DATETIME(6)",
    pa.uuid(): "UUID",
    pa.json_(): "JSON",
}


def column_type(type: pa.DataType) -> str:
    if pa.types.is_decimal(type):
        return f"DECIMAL({type.precision},{type.scale})"
    return COLUMN_TYPES[type]


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def parameter(value: Any) -> Any:
    """What the driver writes into the statement; it knows no uuid, and a time only as a timedelta."""
    if isinstance(value, bool):
        return bytes([value])
    return value if isinstance(value, int | float | bytes | type(None)) else str(value)


class TestMySQLSource(RandomFilters, SourceContract):
    connector: ClassVar[Connector[Any]] = connector
    filters: ClassVar[int] = 20
    #: TIMESTAMP ends in 2038; tests/services/test_mysql_source.py has one of its own.
    unsupported_types: ClassVar[frozenset[str]] = frozenset(
        {"list", "list_string", "struct", "timestamp_utc"}
    )
    compiled: ClassVar[bool] = COMPILED

    @pytest.fixture
    def config(self, mariadb: MariaDB) -> Iterator[MySQLConfig]:
        self.server = mariadb
        with mariadb.database(f"contract_{next(_numbers)}") as database:
            yield MySQLConfig(
                host=mariadb.host, port=mariadb.port, database=database, username=USER, password=PASSWORD
            )

    def open(self, config: Any) -> AbstractContextManager[Source]:
        return MySQLSource(config, compiled=self.compiled)

    def load(self, config: Any, name: str, table: pa.Table, primary_key: tuple[str, ...]) -> None:
        columns = [f"{quoted(field.name)} {column_type(field.type)}" for field in table.schema]
        key = f", PRIMARY KEY ({', '.join(map(quoted, primary_key))})"
        with closing(self.server.connect(config.database)) as root:
            root.cursor().execute(f"CREATE TABLE {quoted(name)} ({', '.join(columns)}{key})")
        self.add(config, name, table)

    def add(self, config: Any, name: str, table: pa.Table) -> None:
        marks = ", ".join(["%s"] * table.num_columns)
        rows = [[parameter(value) for value in row.values()] for row in table.to_pylist()]
        insert = f"INSERT INTO {quoted(name)} VALUES ".replace("%", "%%") + f"({marks})"
        with closing(self.server.connect(config.database)) as root:
            root.begin()
            root.cursor().executemany(insert, rows)
            root.commit()

    def expected(self, kind: pa.DataType, value: Any) -> Any:
        if isinstance(value, dt.time):
            day = dt.date(2000, 1, 1)
            return dt.datetime.combine(day, value) - dt.datetime.combine(day, dt.time())
        return value


class TestMySQLSourceWithoutDecoder(TestMySQLSource):
    compiled: ClassVar[bool] = False
