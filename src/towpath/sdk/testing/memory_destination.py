"""The reference destination."""

from collections.abc import Sequence

import pyarrow as pa

from towpath.core.errors import IntegrityError, SchemaError
from towpath.core.model import (
    Batch,
    Checkpoint,
    Receipt,
    Rejected,
    Slice,
    Target,
    WriteMode,
)
from towpath.sdk.targets import check_unpartitioned
from towpath.sdk.testing.world import State, Table, World


class MemoryWriter:
    """Stages one slice; of two attempts the first one closed wins."""

    def __init__(self, world: World, target: Target, slice: Slice) -> None:
        self._world = world
        self._target = target
        self._slice = slice
        self._batches: list[pa.RecordBatch] = []

    def write(self, batch: Batch) -> Sequence[Rejected]:
        self._world.strike(f"write:{self._target.stream}:{self._slice.id}")
        arrow = batch.arrow
        if self._target.mode is not WriteMode.UPSERT:
            self._batches.append(arrow)
            return []
        keys = [arrow.column(name) for name in self._target.primary_key]
        whole = [all(key[row].is_valid for key in keys) for row in range(arrow.num_rows)]
        self._batches.append(arrow.filter(pa.array(whole, pa.bool_())))
        return [
            Rejected(batch.records[row], "key.null", "The primary key is null.", row)
            for row, ok in enumerate(whole)
            if not ok
        ]

    def close(self) -> Receipt:
        self._world.strike(f"close:{self._target.stream}:{self._slice.id}")
        rows = pa.Table.from_batches(self._batches, self._target.schema)
        with self._world.change() as world:
            staged = world.staging.get(_place(self._target))
            if staged is None:
                raise IntegrityError("staging.lost", "The staging of the run is gone.", hint="Run again.")
            receipt = Receipt(self._slice.id, rows.num_rows, rows.nbytes)
            receipt, _ = staged.setdefault(self._slice.id, (receipt, rows))
        self._world.strike(f"closed:{self._target.stream}:{self._slice.id}")
        return receipt

    def abandon(self) -> None:
        self._batches.clear()


class MemoryDestination:
    """Keeps tables in a `World`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def check(self) -> str:
        return "Memory"

    def prepare(self, target: Target) -> None:
        self._world.strike(f"prepare:{target.stream}")
        check_unpartitioned(target, "Memory")
        if target.mode is WriteMode.UPSERT and not target.primary_key:
            raise SchemaError("upsert.no_key", "An upsert needs a primary key.", hint="Name one.")
        with self._world.change() as world:
            known = world.tables.get(target.name)
            if known is not None and target.mode is not WriteMode.OVERWRITE:
                _evolved(known.rows.schema, target.schema)
            lineage, stream, run = _place(target)
            for place in [place for place in world.staging if place[:2] == (lineage, stream)]:
                if place[2] != run:
                    del world.staging[place]
            world.staging.setdefault(_place(target), {})

    def writer(self, target: Target, slice: Slice) -> MemoryWriter:
        return MemoryWriter(self._world, target, slice)

    def commit(self, target: Target, receipts: Sequence[Receipt], checkpoint: Checkpoint) -> None:
        self._world.strike(f"commit:{target.stream}:{checkpoint.number}")
        with self._world.change() as world:
            line = (target.lineage, target.stream)
            last = world.checkpoints.get(line)
            if last is not None and last.run == checkpoint.run and last.number >= checkpoint.number:
                return
            _publish(world, target, receipts)
            world.checkpoints[line] = checkpoint
            world.commits.append((target.stream, checkpoint.run, checkpoint.number))
        self._world.strike(f"committed:{target.stream}:{checkpoint.number}")

    def committed(self, target: Target) -> Checkpoint | None:
        self._world.strike(f"ask:{target.stream}")
        return self._world.look().checkpoints.get((target.lineage, target.stream))

    def discard(self, target: Target) -> None:
        self._world.strike(f"discard:{target.stream}")
        with self._world.change() as world:
            world.staging.pop(_place(target), None)


def _place(target: Target) -> tuple[str, str, str]:
    return target.lineage, target.stream, target.run


def _publish(world: State, target: Target, receipts: Sequence[Receipt]) -> None:
    staged = world.staging.get(_place(target), {})
    pieces = []
    for receipt in sorted(receipts, key=lambda receipt: receipt.slice):
        if receipt.slice not in staged:
            raise IntegrityError("staging.lost", f"Slice {receipt.slice} is not staged.", hint="Run again.")
        pieces.append(staged.pop(receipt.slice)[1])
    fresh = pa.concat_tables(pieces) if pieces else target.schema.empty_table()
    known = world.tables.get(target.name)
    if known is None or target.mode is WriteMode.OVERWRITE:
        rows = fresh
    else:
        schema = _evolved(known.rows.schema, target.schema)
        rows = pa.concat_tables([_shaped(known.rows, schema), _shaped(fresh, schema)])
    if target.mode is WriteMode.UPSERT:
        rows = _last_of_each_key(rows, target.primary_key)
    if pieces or target.mode is WriteMode.OVERWRITE:
        world.tables[target.name] = Table(rows, target.primary_key)


def _last_of_each_key(rows: pa.Table, key: Sequence[str]) -> pa.Table:
    columns = [rows.column(name).to_pylist() for name in key]
    last = {values: row for row, values in enumerate(zip(*columns, strict=True))}
    return rows.take(pa.array(sorted(last.values()), pa.int64()))


def _shaped(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        rows.column(field.name).cast(field.type)
        if field.name in rows.schema.names
        else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _evolved(old: pa.Schema, new: pa.Schema) -> pa.Schema:
    """Invariant 10: columns are added and widened, never lost."""
    fields = [
        pa.field(field.name, _widened(field, new.field(field.name).type))
        if field.name in new.names
        else field
        for field in old
    ]
    return pa.schema(fields + [field for field in new if field.name not in old.names])


def _widened(field: pa.Field, wanted: pa.DataType) -> pa.DataType:
    held = field.type
    if held.equals(wanted):
        return held
    for family in (pa.types.is_signed_integer, pa.types.is_unsigned_integer, pa.types.is_floating):
        if family(held) and family(wanted):
            return max(held, wanted, key=lambda kind: int(kind.bit_width))
    raise SchemaError(
        "schema.incompatible",
        f"Column {field.name!r} is {held} in the target, and {wanted} now.",
        hint="Write to another target, or overwrite.",
    )
