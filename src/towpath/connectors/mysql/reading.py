"""Reads one query, by the compiled decoder where there is one."""

from collections.abc import Callable, Collection, Iterator
from typing import TypeAlias

import pyarrow as pa

from towpath.connectors.mysql import rows
from towpath.connectors.mysql.connection import Connection
from towpath.connectors.mysql.query import Query

try:
    from towpath.connectors.mysql import binary
except ImportError:  # built without a compiler: slower, and otherwise the same
    COMPILED = False
else:
    COMPILED = True

#: The batches of a query, of the schema that its fields make. Left early, the connection is closed.
Read: TypeAlias = Callable[[Connection, Query], Iterator[pa.RecordBatch]]


def reader(strict: Collection[str], *, compiled: bool = COMPILED) -> Read:
    """``strict`` names the columns in which a date that is none is an error, and not a null."""

    def read(connection: Connection, query: Query) -> Iterator[pa.RecordBatch]:
        schema = pa.schema(query.fields)
        if compiled:
            return binary.batches(connection, query.sql(), schema, strict)
        return rows.batches(connection, query.sql(exact_floats=True), schema, strict)

    return read
