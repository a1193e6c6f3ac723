"""DuckDB's types and Arrow's: nearly all are the same; here is what is not."""

import re
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from towpath.connectors.duckdb.connection import run
from towpath.sdk import NATIVE_TYPE
from towpath.sdk.sql import quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Types that Arrow has no equal of, and what they are read as. Quoted parts of a type's text are names.
_READ_AS = {
    "HUGEINT": "DECIMAL(38,0)",
    "UHUGEINT": "DECIMAL(38,0)",
    "BIGNUM": "VARCHAR",
    "BIT": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
    "GEOMETRY": "VARCHAR",
    "VARIANT": "JSON",
}
_WORD = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\b(" + "|".join(_READ_AS) + r"|UNION)\b")


def read_expression(name: str, type: str) -> str:
    """The column as SQL that Arrow can hold exactly.

    >>> print(read_expression("a", "HUGEINT[]"), read_expression("b", "ENUM('BIT')"))
    CAST("a" AS DECIMAL(38,0)[]) AS "a" "b"
    """
    column = quote(name)
    if any(found[1] == "UNION" for found in _WORD.finditer(type)):
        return f"to_json({column}) AS {column}"
    readable = _WORD.sub(lambda found: _READ_AS.get(found[1] or "", found[0]), type)
    return column if readable == type else f"CAST({column} AS {readable}) AS {column}"


def plain(type: pa.DataType) -> pa.DataType:
    """The type that columns are cast to before DuckDB sees them: one that it takes as it is."""
    if pa.types.is_dictionary(type):
        return plain(type.value_type)
    if pa.types.is_float16(type):
        return pa.float32()
    if pa.types.is_decimal256(type):
        return pa.string()
    return pa.duration("us") if pa.types.is_duration(type) else type


def is_cast(type: pa.DataType) -> bool:
    """Whether `plain` makes something else of the type, which users should be told."""
    return bool(pa.types.is_decimal256(type))


def column_type(connection: "DuckDBPyConnection", field: pa.Field) -> str:
    """DuckDB's type for a field: its own old one if it came from DuckDB, else the one Arrow's maps to."""
    native = (field.metadata or {}).get(NATIVE_TYPE, b"")
    if native.startswith(b"duckdb:"):
        own = str(native.removeprefix(b"duckdb:"), "utf-8")
        if _arrow_type(connection, own) in (field.type, plain(field.type)):
            return own
    return type_of(connection, field.type)


def type_of(connection: "DuckDBPyConnection", type: pa.DataType) -> str:
    """The type that DuckDB gives to Arrow data of this type."""
    empty = pa.table({"x": pa.array([], plain(type))})
    connection.register("_towpath_empty", empty)
    try:
        described = run(connection, "DESCRIBE SELECT * FROM _towpath_empty")
    finally:
        connection.unregister("_towpath_empty")
    return str(described[0][1])


def _arrow_type(connection: "DuckDBPyConnection", type: str) -> pa.DataType | None:
    """The Arrow type that a column of DuckDB's type is read as; None if there is no such type any more."""
    try:
        expression = read_expression("x", type)
        query = f"SELECT {expression} FROM (SELECT CAST(NULL AS {type}) AS x) LIMIT 0"
        return schema_of(connection, query).field(0).type
    except duckdb.Error:
        return None


def schema_of(connection: "DuckDBPyConnection", query: str) -> pa.Schema:
    """The Arrow schema of what the query yields."""
    return connection.sql(query).to_arrow_reader(1).schema
