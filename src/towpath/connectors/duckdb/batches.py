"""Batches of a useful size, without the values that only DuckDB knows."""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from towpath.sdk import DataError

_ROWS, _BYTES = 65_536, 32 * 2**20
#: DuckDB's infinite dates and times, as the numbers that come in their place.
_INFINITE = {32: (-(2**31) + 1, 2**31 - 1), 64: (-(2**63) + 1, 2**63 - 1)}


def coalesced(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same records in batches of up to `_ROWS` records and about `_BYTES` bytes."""
    held, rows, size = list[pa.RecordBatch](), 0, 0
    for batch in batches:
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= _ROWS or size >= _BYTES:
            yield pa.concat_batches(held)
            held, rows, size = [], 0, 0
    if rows:
        yield pa.concat_batches(held)


def refuse_infinities(batch: pa.RecordBatch, stream: str) -> None:
    """Raise `DataError` ``value.unrepresentable`` for an infinite date or timestamp. # Invariant 6"""
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if not pa.types.is_timestamp(field.type) and not pa.types.is_date32(field.type):
            continue
        numbers = column.view(pa.int32() if field.type.bit_width == 32 else pa.int64())  # noqa: PLR2004 - bits
        ends = pc.min_max(numbers).as_py()
        if {ends["min"], ends["max"]} & set(_INFINITE[field.type.bit_width]):
            raise DataError(
                "value.unrepresentable",
                f"The column {field.name!r} of {stream!r} holds an infinite {field.type}.",
                hint="Correct the value, leave the column out, or read a view that casts it to text.",
                stream=stream,
                column=field.name,
            )
