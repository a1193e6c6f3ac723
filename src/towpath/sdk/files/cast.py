"""Bringing batches into the schema they are stored or read in, exactly or not at all. # Invariant 6"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from towpath.core.errors import DataError


def align(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with exactly these columns, in this order: missing ones null, others cast without loss.

    Raises `DataError` ``value.unrepresentable`` that names the column.
    """
    if batch.schema.equals(schema, check_metadata=True):
        return batch
    known = {name: index for index, name in enumerate(batch.schema.names)}
    columns = [
        cast(batch.column(known[field.name]), field)
        if field.name in known
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def cast(column: pa.Array, field: pa.Field) -> pa.Array:
    """The column in the field's type. Raises `DataError` ``value.unrepresentable``."""
    type = field.type
    if column.type == type:
        return column
    try:
        if pa.types.is_interval(column.type) and pa.types.is_string(type):
            return pa.array([interval_text(value) for value in column.to_pylist()], type)
        if isinstance(type, pa.BaseExtensionType):
            return type.wrap_array(column.cast(type.storage_type))
        if isinstance(column.type, pa.BaseExtensionType):
            return column.storage.cast(type)
        return column.cast(type)
    except (pa.ArrowException, ValueError) as error:
        raise DataError(
            "value.unrepresentable",
            f"A value of the column {field.name!r} ({column.type}) does not fit {type}: {error}.",
            hint="Leave the column out with `columns:`, or read a view that casts it.",
            column=field.name,
        ) from error


def interval_text(value: Any) -> str | None:
    """A month-day-nano interval as an ISO 8601 duration; None stays None.

    >>> interval_text(pa.MonthDayNano([14, -3, 1_500_000_000]))
    'P14M-3DT1.5S'
    """
    if value is None:
        return None
    sign = "-" if value.nanoseconds < 0 else ""
    seconds, nanos = divmod(abs(value.nanoseconds), 1_000_000_000)
    fraction = f".{nanos:09}".rstrip("0") if nanos else ""
    return f"P{value.months}M{value.days}DT{sign}{seconds}{fraction}S"


def concat(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """One batch of all of them; there is at least one."""
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def storage(column: pa.Array) -> pa.Array:
    """The plain array below an extension type, dictionaries decoded."""
    plain = column.storage if isinstance(column, pa.ExtensionArray) else column
    return pc.dictionary_decode(plain) if pa.types.is_dictionary(plain.type) else plain
