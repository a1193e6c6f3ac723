"""Incremental reading of records that come in no order: the state is known only at the end."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from towpath.core.model import Batch, Selection, State
from towpath.sdk.cursor import Follower, values
from towpath.sdk.digests import digests


def gather(
    batches: Iterable[pa.RecordBatch],
    selection: Selection,
    state: State | None,
    latest: Callable[[], pa.Scalar | None] = lambda: None,
) -> Iterator[Batch]:
    """As `cursor.follow`, for batches that come in no order: only the last batch carries a state.

    ``latest`` is asked while batches are read: the highest value that the state may name. What changes
    behind the reader's back has at least that value, and comes with the next read even if this one has seen
    higher ones; these are among the ``seen`` and do not come again. None: no such limit.
    """
    gatherer = _Gatherer(selection, state, latest)
    selected = selection.schema.names
    held: pa.RecordBatch | None = None
    for read in batches:
        fresh = gatherer.unseen(read)
        gatherer.advance(read)
        if fresh.num_rows:
            if held is not None:
                yield Batch(held)
            held = fresh.select(selected)
    if held is not None:
        yield Batch(held, gatherer.state)


class _Gatherer(Follower):
    """The same for a read without order. It knows all records at and above the value that it will name."""

    def __init__(
        self, selection: Selection, state: State | None, latest: Callable[[], pa.Scalar | None]
    ) -> None:
        super().__init__(selection, state)
        self._latest = latest
        self._highest: pa.Scalar | None = None
        self._above: list[tuple[Any, bytes]] = []

    def maybe_seen(self, cursor: pa.Array) -> pa.Array:
        return pc.greater_equal(cursor, self.first)

    def advance(self, batch: pa.RecordBatch) -> None:
        """Take in all records of a batch, seen before or not."""
        if not batch.num_rows:
            return
        cursor = self.cursor(batch)
        self._highest = _higher(self._highest, pc.max(cursor))
        value, latest = self._highest, self._latest()
        if latest is not None and _higher(latest, value) is value:
            value = latest
        value = _higher(value, self.first)
        above = batch.filter(pc.greater_equal(cursor, value))
        bound = value.as_py()
        self._above = [pair for pair in self._above if pair[0] >= bound]
        self._above += zip(values(above, self.selection).to_pylist(), digests(above), strict=True)
        self.remember(value, [digest for _, digest in self._above])


def _higher(one: pa.Scalar | None, other: pa.Scalar | None) -> pa.Scalar:
    if one is None or other is None:
        return other if one is None else one
    return other if pc.less(one, other).as_py() else one
