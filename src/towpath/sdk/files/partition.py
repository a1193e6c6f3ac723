"""Splits batches by the values of the partition columns, which become folders."""

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from towpath.core.errors import SchemaError
from towpath.sdk.files import names
from towpath.sdk.files.cast import cast, storage

Values = tuple[str | None, ...]


def check(schema: pa.Schema, columns: Sequence[str]) -> None:
    """Raise `SchemaError` for partition columns that are missing, or whose values have no exact text."""
    for name in columns:
        if name not in schema.names:
            raise SchemaError(
                "column.not_found",
                f"There is no column {name!r} to partition by.",
                hint=f"The columns are: {', '.join(schema.names)}.",
                column=name,
            )
        if not _has_text(schema.field(name).type):
            raise SchemaError(
                "partition.unsupported",
                f"The column {name!r} is {schema.field(name).type}: its values cannot be folder names.",
                hint="Partition by whole numbers, decimals, text, booleans, dates or timestamps.",
                column=name,
            )
    if columns and len(columns) == len(schema.names):
        raise SchemaError(
            "partition.unsupported",
            "At least one column must stay in the files; all of them are partition columns.",
            hint="Partition by fewer columns.",
        )


def _has_text(type: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_boolean(type)
        or types.is_integer(type)
        or types.is_decimal(type)
        or types.is_string(type)
        or types.is_large_string(type)
        or types.is_date32(type)
        or types.is_timestamp(type)
    )


def split(batch: pa.RecordBatch, columns: Sequence[str]) -> Iterator[tuple[Values, pa.RecordBatch]]:
    """The batch's records by partition, in their order, without the partition columns."""
    if not columns:
        yield (), batch
        return
    keys = pa.table([_text(batch.column(name)) for name in columns], names=_keys(columns))
    places = keys.append_column("place", pa.array(range(batch.num_rows), pa.int64()))
    groups = places.group_by(_keys(columns), use_threads=False).aggregate([("place", "list")])
    rest = batch.select([name for name in batch.schema.names if name not in columns])
    for group in groups.to_pylist():
        yield (
            tuple(group[key] for key in _keys(columns)),
            rest.take(pa.array(group["place_list"], pa.int64())),
        )


def _keys(columns: Sequence[str]) -> list[str]:
    return [f"k{number}" for number in range(len(columns))]


def _text(column: pa.Array) -> pa.Array:
    """The values as text that `parse` takes back."""
    plain = storage(column)
    if pa.types.is_timestamp(plain.type) and plain.type.tz:
        plain = plain.cast(pa.timestamp(plain.type.unit, "UTC"))
    return pc.cast(plain, pa.string())


def folder(columns: Sequence[str], values: Values) -> str:
    """``a=1/b=2/``; empty without partition columns."""
    return "".join(f"{names.partition(name, value)}/" for name, value in zip(columns, values, strict=True))


def add(batch: pa.RecordBatch, partition: Mapping[str, str | None], schema: pa.Schema) -> pa.RecordBatch:
    """The batch with the partition columns that ``schema`` has, each of one value."""
    for name, value in partition.items():
        if name in schema.names and name not in batch.schema.names:
            field = schema.field(name)
            one = cast(pa.array([value], pa.string()), field)
            batch = batch.append_column(field, pa.repeat(one[0], batch.num_rows))
    return batch
