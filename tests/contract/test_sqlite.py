"""SQLite against both contracts; rows are put in and read back with Python's own sqlite3."""

import datetime as dt
import json
import sqlite3
import uuid
from contextlib import closing
from decimal import Context, Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from support.random_filters import RandomFilters
from towpath.connectors.sqlite import connector
from towpath.connectors.sqlite.config import SqliteConfig
from towpath.sdk.sql import quote
from towpath.sdk.testing.destinations import DestinationContract
from towpath.sdk.testing.sources import SourceContract


def stored(value, kind):
    """What a careful user of sqlite3 stores for a value; None stays None."""
    if value is None or isinstance(value, int | float | str | bytes):
        return str(value) if kind == pa.uint64() and value is not None else value
    if isinstance(value, list | dict):
        return json.dumps(value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def loaded(value, kind):
    """The value that `stored` stands for."""
    if value is None or kind is None:
        return value
    if pa.types.is_boolean(kind):
        return bool(value)
    if pa.types.is_list(kind) or pa.types.is_struct(kind):
        return json.loads(value)
    if pa.types.is_decimal(kind):
        return Decimal(str(value)).quantize(Decimal(1).scaleb(-kind.scale), context=Context(prec=50))
    parsers = {
        pa.uint64(): int,
        pa.uuid(): uuid.UUID,
        pa.date32(): dt.date.fromisoformat,
        pa.time64("us"): dt.time.fromisoformat,
        pa.timestamp("us"): dt.datetime.fromisoformat,
        pa.timestamp("us", "UTC"): lambda text: dt.datetime.fromisoformat(text).astimezone(ZoneInfo("UTC")),
    }
    return parsers.get(kind, lambda same: same)(value)


DECLARED = {
    pa.bool_(): "BOOLEAN",
    pa.uint64(): "UNSIGNED TEXT",
    pa.float32(): "FLOAT4",
    pa.float64(): "DOUBLE PRECISION",
    pa.decimal128(10, 2): "DECIMAL(10,2)",
    pa.decimal128(38, 10): "DECIMAL TEXT(38,10)",
    pa.string(): "VARCHAR(100)",
    pa.large_string(): "TEXT",
    pa.binary(): "BLOB",
    pa.date32(): "DATE",
    pa.time64("us"): "TIME",
    pa.timestamp("us"): "DATETIME",
    pa.timestamp("us", "UTC"): "TIMESTAMPTZ",
    pa.uuid(): "UUID",
    pa.json_(): "JSON TEXT",
}


class TestSqliteSource(RandomFilters, SourceContract):
    connector = connector
    unsupported_types = frozenset({"list", "list_string", "struct"})

    @pytest.fixture
    def config(self, tmp_path):
        path = tmp_path / "source.db"
        sqlite3.connect(path).close()
        return SqliteConfig(path=path)

    def load(self, config, name, table, primary_key):
        parts = [f"{quote(field.name)} {DECLARED.get(field.type, 'INTEGER')}" for field in table.schema]
        keys = ", ".join(map(quote, primary_key))
        with closing(sqlite3.connect(config.path)) as database:
            database.execute(f"CREATE TABLE {quote(name)} ({', '.join(parts)}, PRIMARY KEY ({keys}))")
        self.add(config, name, table)

    def add(self, config, name, table):
        marks = ", ".join("?" * table.num_columns)
        rows = [
            [stored(value, field.type) for value, field in zip(row.values(), table.schema, strict=True)]
            for row in table.to_pylist()
        ]
        with closing(sqlite3.connect(config.path)) as database, database:
            database.executemany(f"INSERT INTO {quote(name)} VALUES ({marks})", rows)


class TestSqliteDestination(DestinationContract):
    connector = connector

    @pytest.fixture
    def config(self, tmp_path):
        return SqliteConfig(path=tmp_path / "target.db")

    def read_back(self, config, target):
        with closing(sqlite3.connect(config.path)) as database:
            database.row_factory = sqlite3.Row
            try:
                rows = database.execute(f"SELECT * FROM {quote(target.name)}").fetchall()
            except sqlite3.OperationalError:
                return None
        types = {field.name: field.type for field in target.schema}
        return [{name: loaded(row[name], types.get(name)) for name in row.keys()} for row in rows]  # noqa: SIM118

    def leftovers(self, config):
        return [str(path) for path in config.path.parent.glob(".*")]
