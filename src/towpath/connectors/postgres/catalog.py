"""What the database's own catalogue says about its relations. Two queries, whatever their number."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa

from towpath.connectors.postgres.config import Arrays
from towpath.connectors.postgres.types import Column, TypeRow, resolve
from towpath.sdk import ReadMode, SchemaError, Stream
from towpath.sdk.cursor import candidates
from towpath.sdk.sql import quote

_RELATIONS = """
SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relrowsecurity,
       CASE WHEN c.relkind = 'p' THEN leaves.rows ELSE nullif(c.reltuples, -1) END::bigint AS rows,
       CASE WHEN c.relkind = 'p' THEN leaves.bytes
            WHEN c.relkind IN ('r', 'm') THEN c.relpages::bigint * current_setting('block_size')::bigint
       END::bigint AS bytes,
       ARRAY(SELECT a.attname FROM pg_catalog.pg_index i, unnest(i.indkey) WITH ORDINALITY k (number, place)
             JOIN pg_catalog.pg_attribute a ON a.attnum = k.number
             WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid
               AND k.place <= i.indnkeyatts
             ORDER BY k.place)::text[] AS key,
       columns.names, columns.types, columns.natives, columns.modifiers, columns.dimensions,
       columns.required, columns.exact
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT sum(l.reltuples) FILTER (WHERE l.reltuples >= 0) AS rows,
           sum(l.relpages::bigint * current_setting('block_size')::bigint) AS bytes
    FROM pg_catalog.pg_partition_tree(c.oid) p JOIN pg_catalog.pg_class l ON l.oid = p.relid
    WHERE c.relkind = 'p' AND p.isleaf
) leaves ON c.relkind = 'p'
JOIN LATERAL (
    SELECT array_agg(a.attname::text ORDER BY a.attnum) AS names,
           array_agg(a.atttypid::bigint ORDER BY a.attnum) AS types,
           array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS natives,
           array_agg(a.atttypmod ORDER BY a.attnum) AS modifiers,
           array_agg(a.attndims::int ORDER BY a.attnum) AS dimensions,
           array_agg(a.attnotnull ORDER BY a.attnum) AS required,
           array_agg(coalesce(l.collisdeterministic, true) ORDER BY a.attnum) AS exact
    FROM pg_catalog.pg_attribute a
    LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
) columns ON columns.names IS NOT NULL
WHERE {condition}
ORDER BY n.nspname, c.relname
"""
_ALL = """
    c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'
    AND c.relname NOT LIKE '\\_towpath\\_%%'
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
"""
_ONE = "n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"

_TYPES = """
SELECT t.oid::bigint,
       CASE WHEN n.nspname = 'pg_catalog' OR t.typcategory = 'A' THEN t.typname ELSE '' END,
       t.typtype::text, CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END::bigint,
       t.typbasetype::bigint, t.typtypmod
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype <> 'c' AND t.typtype <> 'p'
"""


@dataclass(frozen=True)
class Relation:
    """A table, view or the like, with the columns that we may read."""

    oid: int
    namespace: str
    name: str
    kind: str
    """``relkind``: r table, p partitioned table, v view, m materialized view, f foreign table."""
    row_security: bool
    rows: int | None
    bytes: int | None
    primary_key: tuple[str, ...]
    columns: Mapping[str, Column]

    @property
    def sql(self) -> str:
        return f"{quote(self.namespace)}.{quote(self.name)}"

    @property
    def stream(self) -> Stream:
        schema = pa.schema([column.field for column in self.columns.values()])
        ordered = pa.schema([column.field for column in self.columns.values() if column.cursor])
        cursors = candidates(ordered, self.primary_key)
        incremental = {ReadMode.INCREMENTAL} if cursors else set()
        return Stream(
            name=self.name,
            schema=schema,
            namespace=self.namespace,
            primary_key=self.primary_key,
            read_modes=frozenset({ReadMode.FULL_REFRESH} | incremental),
            cursors=cursors,
            rows=self.rows,
            bytes=self.bytes,
        )


def relations(connection: psycopg.Connection[Any], arrays: Arrays) -> list[Relation]:
    """Every relation that the user may read, ordered by name: not the system's own and not Towpath's."""
    return _relations(connection, arrays, _ALL, ())


def relation(connection: psycopg.Connection[Any], stream: Stream, arrays: Arrays) -> Relation:
    """The relation that a stream names, as it is now. Raises `SchemaError` ``stream.not_found``."""
    found = _relations(connection, arrays, _ONE, (stream.namespace, stream.name))
    if not found:
        raise SchemaError(
            "stream.not_found",
            f"There is no table or view {stream.key!r}, or the user may not read it.",
            hint="Discover the streams again; check its name and the user's rights.",
            stream=stream.key,
        )
    return found[0]


def _relations(
    connection: psycopg.Connection[Any], arrays: Arrays, condition: str, values: Sequence[str | None]
) -> list[Relation]:
    # Without a search path, the names of all types outside of pg_catalog are written in full.
    with connection.transaction():
        connection.execute("SET LOCAL search_path = ''")
        rows = connection.execute(_RELATIONS.format(condition=condition), values).fetchall()
        types = {oid: TypeRow(*row) for oid, *row in connection.execute(_TYPES)}
        connection.execute("RESET search_path")
    return [_relation(row, types, arrays) for row in rows]


def _relation(row: Sequence[Any], types: Mapping[int, TypeRow], arrays: Arrays) -> Relation:
    oid, namespace, name, kind, security, rows, nbytes, key, names, *facts = row
    columns = _columns(zip(names, *facts, strict=True), types, arrays)
    known = tuple(key) if set(key) <= columns.keys() else ()
    return Relation(oid, namespace, name, kind, security, rows, nbytes, known, columns)


def _columns(
    facts: Iterable[tuple[str, int, str, int, int, bool, bool]], types: Mapping[int, TypeRow], arrays: Arrays
) -> dict[str, Column]:
    found = {}
    for name, oid, native, modifier, dimensions, required, exact in facts:
        kind, wire, ordered = resolve(types, oid, modifier, dimensions, arrays)
        found[name] = Column(name, kind, wire, native, ordered and exact, required)
    return found
