"""Fills PostgreSQL tables with Arrow rows, by psycopg and text: another way than the connector's."""

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pyarrow as pa
from psycopg import sql

from towpath.connectors.postgres.config import PostgresConfig

_TYPES = {
    pa.bool_(): "boolean",
    pa.int8(): "smallint",
    pa.int16(): "smallint",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.uint8(): "smallint",
    pa.uint16(): "integer",
    pa.uint32(): "bigint",
    pa.uint64(): "numeric(20)",
    pa.float32(): "real",
    pa.float64(): "double precision",
    pa.string(): "text",
    pa.large_string(): "text",
    pa.binary(): "bytea",
    pa.date32(): "date",
    pa.time64("us"): "time",
    pa.timestamp("us"): "timestamp",
    pa.timestamp("us", "UTC"): "timestamptz",
    pa.uuid(): "uuid",
    pa.json_(): "json",
}


def make_table(config: PostgresConfig, name: str, table: pa.Table, primary_key: tuple[str, ...]) -> None:
    """Create the table in the schema public, with the key, and fill it."""
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(field.name), sql.SQL(_type(field.type)))
        for field in table.schema
    ]
    if primary_key:
        key = sql.SQL(", ").join(map(sql.Identifier, primary_key))
        columns.append(sql.SQL("PRIMARY KEY ({})").format(key))
    with _connected(config) as connection:
        statement = sql.SQL("CREATE TABLE {} ({})")
        connection.execute(statement.format(sql.Identifier(name), sql.SQL(", ").join(columns)))
    add_rows(config, name, table)


def add_rows(config: PostgresConfig, name: str, table: pa.Table) -> None:
    """Insert the rows."""
    names = sql.SQL(", ").join(map(sql.Identifier, table.column_names))
    copy = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(name), names)
    with _connected(config) as connection, connection.cursor() as cursor, cursor.copy(copy) as rows:
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            rows.write_row([_text(value) for value in row])


def _connected(config: PostgresConfig) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=config.host,
        port=config.port,
        dbname=config.database,
        user=config.username,
        password=config.password.get_secret_value(),
    )


def _type(type: pa.DataType) -> str:
    if pa.types.is_decimal(type):
        return f"numeric({type.precision}, {type.scale})"
    if pa.types.is_list(type):
        return f"{_type(type.value_type)}[]"
    return _TYPES[type]


def _text(value: Any) -> Any:
    """Text that PostgreSQL reads as the value; None is null."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, list):
        return (
            "{"
            + ",".join("NULL" if one is None else json.dumps(one, ensure_ascii=False) for one in value)
            + "}"
        )
    if isinstance(value, Decimal | date | datetime | time | UUID | bool):
        return str(value)
    return value
