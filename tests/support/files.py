"""Runs of file destinations, and plain and manifest views of what they published."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from towpath.sdk import (
    Batch,
    Checkpoint,
    Connector,
    Destination,
    Receipt,
    Selection,
    Slice,
    Target,
    WriteMode,
)


def target_of(table: pa.Table, **changes: Any) -> Target:
    plain = Target("people", table.schema, WriteMode.OVERWRITE, "run_01", "public.people", "flw:0")
    return replace(plain, **changes)


def stage(destination: Destination, target: Target, table: pa.Table, slice: str = "s0000") -> Receipt:
    """One slice, closed."""
    writer = destination.writer(target, Slice(slice))
    try:
        for batch in table.to_batches():
            writer.write(Batch(batch))
        return writer.close()
    except BaseException:
        writer.abandon()
        raise


def run(destination: Destination, target: Target, *tables: pa.Table) -> None:
    """A whole run; each table is a slice."""
    destination.prepare(target)
    receipts = [stage(destination, target, table, f"s{n:04}") for n, table in enumerate(tables)]
    destination.commit(target, receipts, Checkpoint(target.run, 1, {"run": target.run}))
    destination.discard(target)


def read_all(
    connector: Connector[Any], config: Any, name: str = "people", **selection: Any
) -> list[dict[str, Any]]:
    """The stream's records through the connector's own source."""
    assert connector.source is not None
    with connector.source(config) as source:
        stream = next(one for one in source.discover() if one.name == name)
        chosen = Selection(stream, **selection)
        plan = source.plan(chosen, None)
        return [
            record
            for slice in plan.slices
            for batch in source.read(chosen, slice, None)
            for record in batch.records
        ]


def by_repr(records: Sequence[dict[str, Any]]) -> list[str]:
    """For comparing records in any order."""
    return sorted(map(repr, records))
