"""A Snowflake that is an emulator (fakesnow) over real HTTP, in a process of its own.

The vendor's own client logs in, uploads files and runs SQL there. What the emulator does not do is told in
the connector's README.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from support.ports import free_port

_PROGRAM = """
import string, sys
import fakesnow
import pyarrow as pa
import pyarrow.compute as pc
from fakesnow import arrow, cursor, info_schema

def escaped(value):
    if isinstance(value, str):
        return value.replace("'", "''")
    return [(escaped(name), length) for name, length in value] if isinstance(value, list) else value

# The emulator records texts about tables in a database of its own: it does not escape names, and does so for
# the helper table of a MERGE too, although a transaction of DuckDB's may write to one database only.
def repaired(original):
    def sql(catalog, schema, table, texts):
        if table.lower() == "merge_candidates":
            return "SELECT 1"
        return original(escaped(catalog), escaped(schema), escaped(table), escaped(texts))
    return sql

for name in ("insert_table_comment_sql", "insert_text_lengths_sql"):
    setattr(info_schema, name, repaired(getattr(info_schema, name)))

# It gives a null timestamp out as 1970.
def with_nulls(original):
    def struct(column):
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        made = original(pc.fill_null(column, 0))
        return pa.StructArray.from_arrays(made.flatten(), fields=list(made.type), mask=pc.is_null(column))
    return struct

arrow.timestamp_to_sf_struct = with_nulls(arrow.timestamp_to_sf_struct)

class Escaping(string.Template):
    def substitute(self, *maps, **given):
        return super().substitute(*maps, **{name: escaped(text) for name, text in given.items()})

for name, template in list(vars(cursor).items()):
    if isinstance(template, string.Template):
        setattr(cursor, name, Escaping(template.template))

with fakesnow.server(port=int(sys.argv[1])):
    sys.stdin.read()
"""


@dataclass(frozen=True)
class SnowflakeServer:
    """Where it listens. Every database name is a fresh, empty account of its own."""

    port: int

    def config(self, database: str) -> dict[str, Any]:
        return {
            "account": "emulated",
            "username": "towpath",
            "password": "any",
            "database": database,
            "host": "127.0.0.1",
            "port": self.port,
            "protocol": "http",
        }

    def connect(self, database: str) -> Any:
        import snowflake.connector

        return snowflake.connector.connect(
            account="emulated",
            user="reader",
            password="any",
            database=database,
            schema="PUBLIC",
            host="127.0.0.1",
            port=self.port,
            protocol="http",
            network_timeout=10,
            session_parameters={"TIMEZONE": "UTC", "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False},
        )


@pytest.fixture(scope="session")
def snowflake_server() -> Iterator[SnowflakeServer]:
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-c", _PROGRAM, str(port)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait(port, process)
            yield SnowflakeServer(port)
        finally:
            process.kill()


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the Snowflake emulator does not start")
