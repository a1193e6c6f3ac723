"""Incremental reading of files: in the order of a cursor, with bounded memory, nothing stored beside."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from towpath.core.filters import Clause, Condition, Operator
from towpath.core.model import Selection, State
from towpath.sdk import cursor
from towpath.sdk.files.cast import storage
from towpath.sdk.files.scan import Scan

#: About how many records are sorted in memory at once.
RANGE_ROWS = 250_000
_BATCH_ROWS = 65_536


def check_nulls(scan: Scan, selection: Selection) -> None:
    """Raise `SchemaError` ``cursor.null`` if any selected record has no cursor value."""
    name = _cursor(selection)
    where = (*selection.where, Condition(name, Operator.IS_NULL))
    count = sum(batch.num_rows for batch in scan.batches([name], where))
    if count:
        raise cursor.null_cursor(selection, count)


def boundary(scan: Scan, selection: Selection) -> State | None:
    """The state after everything that the scan holds now."""
    name = _cursor(selection)
    highest = None
    for batch in scan.batches([name], selection.where):
        top = pc.max(storage(batch.column(name)))
        if highest is None or pc.greater(top, highest).as_py():
            highest = top
    if highest is None:
        return None
    where = (*selection.where, _condition(selection, Operator.GE, highest))
    return cursor.boundary(_selected(scan, selection, where), selection)


def ordered(scan: Scan, selection: Selection, state: State | None) -> Iterator[pa.RecordBatch]:
    """The records from the state on, ordered by the cursor: range after range, each sorted in memory."""
    name = _cursor(selection)
    first = cursor.since(selection, state)
    where = selection.where
    if first is not None:
        plain = first.value if isinstance(first, pa.ExtensionScalar) else first
        where = (*where, _condition(selection, Operator.GE, plain))
    cuts = _cuts(scan, name, where)
    for low, high in zip([None, *cuts], [*cuts, None], strict=True):
        within = list(where)
        if low is not None:
            within.append(_condition(selection, Operator.GE, low))
        if high is not None:
            within.append(_condition(selection, Operator.LT, high))
        yield from _sorted(list(_selected(scan, selection, within)), name)


def _cuts(scan: Scan, name: str, where: Sequence[Clause]) -> list[pa.Scalar]:
    """Cursor values between which about `RANGE_ROWS` records lie, ascending, without the lowest."""
    values = [storage(batch.column(name)) for batch in scan.batches([name], where)]
    if sum(map(len, values)) <= RANGE_ROWS:
        return []
    column = pa.chunked_array(values)
    column = column.take(pc.sort_indices(column)).combine_chunks()
    steps = pc.unique(column.take(pa.array(range(0, len(column), RANGE_ROWS))))
    return [value for value in steps[1:]]  # noqa: C416 - an Arrow array is not a list of scalars


def _sorted(batches: list[pa.RecordBatch], name: str) -> Iterator[pa.RecordBatch]:
    if not batches:
        return
    table = pa.Table.from_batches(batches)
    order = pc.sort_indices(pa.chunked_array([storage(batch.column(name)) for batch in batches]))
    for start in range(0, len(order), _BATCH_ROWS):
        yield table.take(order.slice(start, _BATCH_ROWS)).combine_chunks().to_batches()[0]


def _selected(scan: Scan, selection: Selection, where: Sequence[Clause]) -> Iterator[pa.RecordBatch]:
    names = cursor.columns(selection)
    for batch in scan.batches(names, where):
        yield batch.select(list(names))


def _condition(selection: Selection, operator: Operator, value: pa.Scalar) -> Condition:
    type = selection.stream.schema.field(_cursor(selection)).type
    scalar = pa.ExtensionScalar.from_storage(type, value) if isinstance(type, pa.BaseExtensionType) else value
    return Condition(_cursor(selection), operator, cursor.to_json(scalar))


def _cursor(selection: Selection) -> str:
    assert selection.cursor is not None  # noqa: S101 - set for every incremental selection
    return selection.cursor
