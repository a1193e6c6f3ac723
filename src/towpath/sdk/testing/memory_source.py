"""The reference source."""

import fcntl
import uuid
from collections.abc import Iterator, Sequence
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from towpath.core.errors import SchemaError, UnreachableError
from towpath.core.model import (
    Batch,
    Plan,
    ReadMode,
    Selection,
    Slice,
    State,
    Stream,
)
from towpath.sdk import cursor
from towpath.sdk.files import filters
from towpath.sdk.testing.world import World


class MemorySource:
    """Reads tables to which rows are only ever added: a state is how many of them were there."""

    def __init__(
        self, world: World, *, slice_rows: int, batch_rows: int, ordered: bool, pinned: bool
    ) -> None:
        self._world = world
        self._slice_rows = slice_rows
        self._batch_rows = batch_rows
        self._ordered = ordered
        self._pinned = pinned
        self._snapshots: list[IO[str]] = []

    def close(self) -> None:
        for snapshot in self._snapshots:
            snapshot.close()

    def check(self) -> str:
        return "Memory"

    def discover(self) -> Sequence[Stream]:
        self._world.strike("discover")
        return [
            Stream(
                name=name,
                schema=table.rows.schema,
                primary_key=table.primary_key,
                read_modes=frozenset({ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL}),
                cursors=tuple(table.rows.schema.names),
                rows=table.rows.num_rows,
            )
            for name, table in sorted(self._world.look().tables.items())
        ]

    def plan(self, selection: Selection, state: State | None) -> Plan:
        self._world.strike(f"plan:{selection.stream.key}")
        cursor.check(selection, state)
        rows = self._rows(selection)
        after = None
        if selection.mode is ReadMode.INCREMENTAL:
            _check_cursor(selection, rows)
            after = {"at": rows.num_rows}
            if state is not None or self._ordered:
                return Plan((Slice("s0"),), ordered=True)
        spec = {"snapshot": self._snapshot()} if self._pinned else {}
        slices = [
            Slice(f"s{at:06}", {**spec, "from": at, "to": min(at + self._slice_rows, rows.num_rows)})
            for at in range(0, rows.num_rows, self._slice_rows)
        ]
        return Plan(tuple(slices), after, pinned=self._pinned)

    def read(self, selection: Selection, slice: Slice, state: State | None) -> Iterator[Batch]:
        self._world.strike(f"read:{selection.stream.key}:{slice.id}")
        rows = self._rows(selection)
        ordered = "from" not in slice.spec
        start: int = slice.spec["from"] if not ordered else 0 if state is None else state["at"]
        end: int = rows.num_rows if ordered else slice.spec["to"]
        for number, at in enumerate(range(start, end, self._batch_rows)):
            self._world.strike(f"batch:{selection.stream.key}:{slice.id}:{number}")
            self._check_snapshot(slice)
            upto = min(at + self._batch_rows, end)
            yield from _batches(selection, rows.slice(at, upto - at), {"at": upto} if ordered else None)

    def ack(self, selection: Selection, state: State) -> None:
        self._world.strike(f"ack:{selection.stream.key}")
        with self._world.change() as world:
            world.acks.append((selection.stream.key, dict(state)))

    def _rows(self, selection: Selection) -> pa.Table:
        table = self._world.look().tables.get(selection.stream.name)
        if table is None:
            raise SchemaError(
                "stream.not_found", f"There is no table {selection.stream.name!r}.", hint="Look again."
            )
        return table.rows

    def _snapshot(self) -> str:
        """A file that is locked as long as this process has it open: as an exported snapshot lives."""
        assert self._world.path is not None
        path = self._world.path.with_suffix(f".{uuid.uuid4().hex}.snapshot")
        snapshot = path.open("w")
        fcntl.flock(snapshot, fcntl.LOCK_EX)
        self._snapshots.append(snapshot)
        return str(path)

    def _check_snapshot(self, slice: Slice) -> None:
        if "snapshot" not in slice.spec:
            return
        with open(slice.spec["snapshot"]) as snapshot:  # noqa: PTH123 - a path that came as JSON
            try:
                fcntl.flock(snapshot, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return
        raise UnreachableError("source.snapshot_lost", "The snapshot is gone.", hint="Plan again.")


def _check_cursor(selection: Selection, rows: pa.Table) -> None:
    nulls = pc.coalesce(*(rows.column(name) for name in cursor.names(selection))).null_count
    if nulls:
        raise cursor.null_cursor(selection, nulls)


def _batches(selection: Selection, rows: pa.Table, state: State | None) -> Iterator[Batch]:
    for whole in rows.combine_chunks().to_batches():
        batch = filters.apply(whole, selection.where)
        if batch.num_rows:
            yield Batch(batch.select(selection.schema.names), state)
