"""Incremental reading of files: in the order of a cursor, with bounded memory, nothing stored beside."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from towpath.core.filters import AnyOf, Clause, Condition, Operator
from towpath.core.model import Selection, State
from towpath.sdk import cursor
from towpath.sdk.files.cast import storage
from towpath.sdk.files.scan import Scan

#: About how many records are sorted in memory at once.
RANGE_ROWS = 250_000
_BATCH_ROWS = 65_536


def check_nulls(scan: Scan, selection: Selection) -> None:
    """Raise `SchemaError` ``cursor.null`` if any selected record has no cursor value."""
    names = cursor.names(selection)
    where = (*selection.where, *(Condition(name, Operator.IS_NULL) for name in names))
    count = sum(batch.num_rows for batch in scan.batches(names, where))
    if count:
        raise cursor.null_cursor(selection, count)


def boundary(scan: Scan, selection: Selection) -> State | None:
    """The state after everything that the scan holds now."""
    highest = None
    for batch in scan.batches(cursor.names(selection), selection.where):
        top = pc.max(_values(batch, selection))
        if highest is None or pc.greater(top, highest).as_py():
            highest = top
    if highest is None:
        return None
    where = (*selection.where, *_conditions(selection, Operator.GE, highest))
    return cursor.boundary(_selected(scan, selection, where), selection)


def ordered(scan: Scan, selection: Selection, state: State | None) -> Iterator[pa.RecordBatch]:
    """The records from the state on, ordered by the cursor: range after range, each sorted in memory."""
    first = cursor.since(selection, state)
    where = selection.where
    if first is not None:
        plain = first.value if isinstance(first, pa.ExtensionScalar) else first
        where = (*where, *_conditions(selection, Operator.GE, plain))
    cuts = _cuts(scan, selection, where)
    for low, high in zip([None, *cuts], [*cuts, None], strict=True):
        within = list(where)
        if low is not None:
            within += _conditions(selection, Operator.GE, low)
        if high is not None:
            within += _conditions(selection, Operator.LT, high)
        yield from _sorted(list(_selected(scan, selection, within)), selection)


def _cuts(scan: Scan, selection: Selection, where: Sequence[Clause]) -> list[pa.Scalar]:
    """Cursor values between which about `RANGE_ROWS` records lie, ascending, without the lowest."""
    values = [_values(batch, selection) for batch in scan.batches(cursor.names(selection), where)]
    if sum(map(len, values)) <= RANGE_ROWS:
        return []
    column = pa.chunked_array(values)
    column = column.take(pc.sort_indices(column)).combine_chunks()
    steps = pc.unique(column.take(pa.array(range(0, len(column), RANGE_ROWS))))
    return [value for value in steps[1:]]  # noqa: C416 - an Arrow array is not a list of scalars


def _sorted(batches: list[pa.RecordBatch], selection: Selection) -> Iterator[pa.RecordBatch]:
    if not batches:
        return
    table = pa.Table.from_batches(batches)
    order = pc.sort_indices(pa.chunked_array([_values(batch, selection) for batch in batches]))
    for start in range(0, len(order), _BATCH_ROWS):
        yield table.take(order.slice(start, _BATCH_ROWS)).combine_chunks().to_batches()[0]


def _selected(scan: Scan, selection: Selection, where: Sequence[Clause]) -> Iterator[pa.RecordBatch]:
    names = cursor.columns(selection)
    for batch in scan.batches(names, where):
        yield batch.select(list(names))


def _conditions(selection: Selection, operator: Operator, value: pa.Scalar) -> list[Clause]:
    """That the cursor, or else its fallback, compares so with the value; in words that files can judge."""
    type = selection.stream.schema.field(selection.cursor).type
    scalar = pa.ExtensionScalar.from_storage(type, value) if isinstance(type, pa.BaseExtensionType) else value
    first, *fallback = (Condition(name, operator, cursor.to_json(scalar)) for name in cursor.names(selection))
    if not fallback:
        return [first]
    return [AnyOf((first, Condition(first.column, Operator.IS_NULL))), AnyOf((first, *fallback))]


def _values(batch: pa.RecordBatch, selection: Selection) -> pa.Array:
    return storage(cursor.values(batch, selection))
