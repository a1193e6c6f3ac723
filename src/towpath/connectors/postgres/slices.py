"""Cuts a full read into slices: ranges of a table's blocks, exact under the snapshot."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from towpath.connectors.postgres.catalog import Relation
from towpath.connectors.postgres.snapshot import Snapshot
from towpath.sdk import Slice
from towpath.sdk.sql import quote

_MIB = 1 << 20
#: Bytes of a slice: some seconds of reading, so that the cost of a slice does not count.
_SLICE = 256 * _MIB
#: Smaller tables are not cut.
_SMALL = 64 * _MIB
#: The first version that can find a range of blocks without reading the others.
_TID_RANGE_SCAN = 140_000

_HEAP = """
SELECT n.nspname, c.relname, pg_catalog.pg_relation_size(c.oid) / current_setting('block_size')::int,
       pg_catalog.pg_table_size(c.oid), greatest(c.reltuples, 0)::bigint
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s
"""
_LEAVES = """
SELECT n.nspname, c.relname,
       coalesce(pg_catalog.pg_relation_size(c.oid), 0) / current_setting('block_size')::int,
       coalesce(pg_catalog.pg_table_size(c.oid), 0), greatest(c.reltuples, 0)::bigint,
       c.relkind = 'r' AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
       AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
FROM pg_catalog.pg_partition_tree(%s) p JOIN pg_catalog.pg_class c ON c.oid = p.relid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE p.isleaf ORDER BY n.nspname, c.relname
"""


@dataclass(frozen=True)
class Part:
    """A range of blocks of one table; of all its blocks from ``first`` on if ``end`` is None."""

    namespace: str
    table: str
    first: int = 0
    end: int | None = None
    blocks: int = 0
    bytes: int = 0
    rows: int = 0

    @property
    def relation(self) -> str:
        return f"{quote(self.namespace)}.{quote(self.table)}"

    @property
    def conditions(self) -> tuple[str, ...]:
        low = (f"t.ctid >= '({self.first},0)'",) if self.first else ()
        high = (f"t.ctid < '({self.end},0)'",) if self.end is not None else ()
        return low + high

    def to_json(self) -> list[Any]:
        return [self.namespace, self.table, self.first, self.end]


def parts_of(spec: Mapping[str, Any]) -> list[Part]:
    """The parts that a slice was planned of."""
    return [Part(*part) for part in spec["parts"]]


def cut(snapshot: Snapshot, relation: Relation, parallel: int) -> tuple[Slice, ...]:
    """Slices of about 256 MB that together are the whole relation, at least ``parallel`` of a table that
    is not small. Views and foreign tables are one slice.
    """
    whole = Part(relation.namespace, relation.name, rows=relation.rows or 0)
    tables = _tables(snapshot, relation) or [whole]
    total = sum(part.bytes for part in tables)
    ranges = snapshot.connection.info.server_version >= _TID_RANGE_SCAN
    wanted = max(parallel, -(-total // _SLICE)) if total > _SMALL and ranges else 1
    size = -(-total // wanted)
    pieces = [piece for table in tables for piece in (_pieces(table, size) if wanted > 1 else [table])]
    return tuple(_slice(number, group, snapshot.id) for number, group in enumerate(_groups(pieces, size)))


def _tables(snapshot: Snapshot, relation: Relation) -> list[Part]:
    """The tables with blocks of their own that make up the relation; empty if it is to be read as a whole."""
    if relation.kind in ("r", "m"):
        row = snapshot.connection.execute(_HEAP, [relation.oid]).fetchone()
        return [_part(row)] if row else []
    if relation.kind != "p" or relation.row_security:
        return []
    leaves = snapshot.connection.execute(_LEAVES, [relation.oid]).fetchall()
    # A leaf that may be read only through the partitioned table, or has no blocks: all through it.
    return [_part(row) for row in leaves] if all(row[5] for row in leaves) else []


def _part(row: tuple[Any, ...]) -> Part:
    namespace, table, blocks, nbytes, rows = row[:5]
    return Part(namespace, table, blocks=blocks, bytes=nbytes, rows=rows)


def _pieces(table: Part, size: int) -> list[Part]:
    """The table in equal ranges of about ``size`` bytes. The last is open: no row is ever beyond it."""
    count = max(1, round(table.bytes / size))
    marks = sorted({table.blocks * number // count for number in range(count)})
    nbytes, rows = table.bytes // len(marks), table.rows // len(marks)
    return [
        Part(table.namespace, table.table, first, end, bytes=nbytes, rows=rows)
        for first, end in zip(marks, [*marks[1:], None], strict=True)
    ]


def _groups(parts: list[Part], size: int) -> Iterator[list[Part]]:
    """Neighbours together, up to ``size``: many small partitions are not many slices."""
    group: list[Part] = []
    for part in parts:
        if group and sum(one.bytes for one in group) + part.bytes > size:
            yield group
            group = []
        group.append(part)
    yield group


def _slice(number: int, parts: list[Part], snapshot: str) -> Slice:
    spec = {"snapshot": snapshot, "parts": [part.to_json() for part in parts]}
    return Slice(f"s{number:06d}", spec, sum(part.rows for part in parts) or None)
