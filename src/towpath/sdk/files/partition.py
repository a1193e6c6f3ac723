"""Splits batches by the values of partition columns, or their years, months, days or hours, into folders."""

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from towpath.core.errors import SchemaError
from towpath.core.partitions import Partition, Unit, parse
from towpath.sdk.files import names
from towpath.sdk.files.cast import cast, storage

Values = tuple[str | None, ...]
#: What is cut off ``2026-01-31 23:59:59``.
_BEHIND = {
    Unit.YEAR: "-01-31 23:59:59",
    Unit.MONTH: "-31 23:59:59",
    Unit.DAY: " 23:59:59",
    Unit.HOUR: ":59:59",
}


def of(entries: Sequence[str], schema: pa.Schema) -> tuple[Partition, ...]:
    """What the entries of ``partition_by`` mean for data of this schema."""
    return tuple(parse(entry, schema.names) for entry in entries)


def check(schema: pa.Schema, entries: Sequence[str]) -> None:
    """Raise `SchemaError` for partition columns that are missing, or whose values have no exact text."""
    partitions = of(entries, schema)
    for one in partitions:
        if one.column not in schema.names:
            raise SchemaError(
                "column.not_found",
                f"There is no column {one.column!r} to partition by.",
                hint=f"The columns are: {', '.join(schema.names)}.",
                column=one.column,
            )
        _check_type(one, schema.field(one.column).type)
    _check_names(schema, partitions)
    if partitions and len(_alone(partitions)) == len(schema.names):
        raise SchemaError(
            "partition.unsupported",
            "At least one column must stay in the files; all of them are partition columns.",
            hint="Partition by fewer columns.",
        )


def _check_type(one: Partition, type: pa.DataType) -> None:
    if one.unit is None and not _has_text(type):
        raise SchemaError(
            "partition.unsupported",
            f"The column {one.column!r} is {type}: its values cannot be folder names.",
            hint="Partition by whole numbers, decimals, text, booleans, dates or timestamps.",
            column=one.column,
        )
    if one.unit is not None and not _has_unit(type, one.unit):
        raise SchemaError(
            "partition.unsupported",
            f"The column {one.column!r} is {type}: its values have no {one.unit}.",
            hint="Take the year, month, day or hour of timestamps, and all but the hour of dates.",
            column=one.column,
        )


def _check_names(schema: pa.Schema, partitions: Sequence[Partition]) -> None:
    """No name may stand for two things: other readers make columns of the folders' names."""
    for place, one in enumerate(partitions):
        twice = one.name in [other.name for other in partitions[:place]]
        if twice or (one.unit is not None and one.name in schema.names):
            raise SchemaError(
                "partition.unsupported",
                f"The partition {one} makes folders named {one.name!r}, as another partition or column is.",
                hint="Name each partition once; leave the other column out, or rename it in a view.",
                column=one.column,
            )


def _has_unit(type: pa.DataType, unit: Unit) -> bool:
    date = pa.types.is_date(type) and unit is not Unit.HOUR
    return bool(date or pa.types.is_timestamp(type))


def _alone(partitions: Sequence[Partition]) -> list[str]:
    """The columns that are in the folders' names only."""
    return [one.column for one in partitions if one.unit is None]


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


def split(batch: pa.RecordBatch, partitions: Sequence[Partition]) -> Iterator[tuple[Values, pa.RecordBatch]]:
    """The batch's records by partition, in their order, without the columns that folder names tell whole."""
    if not partitions:
        yield (), batch
        return
    names = [f"k{number}" for number in range(len(partitions))]
    keys = pa.table([_text(batch.column(one.column), one.unit) for one in partitions], names=names)
    places = keys.append_column("place", pa.array(range(batch.num_rows), pa.int64()))
    groups = places.group_by(names, use_threads=False).aggregate([("place", "list")])
    alone = _alone(partitions)
    rest = batch.select([name for name in batch.schema.names if name not in alone])
    for group in groups.to_pylist():
        yield tuple(group[name] for name in names), rest.take(pa.array(group["place_list"], pa.int64()))


def _text(column: pa.Array, unit: Unit | None) -> pa.Array:
    """The values as text that `add` takes back; or the year, month, day or hour, in UTC, that they are in."""
    plain = storage(column)
    if pa.types.is_timestamp(plain.type) and plain.type.tz:
        plain = plain.cast(pa.timestamp(plain.type.unit, "UTC"))
    if unit is None:
        return pc.cast(plain, pa.string())
    if pa.types.is_timestamp(plain.type):
        plain = plain.cast(pa.timestamp(plain.type.unit))
        plain = pc.floor_temporal(plain, unit="second")
    whole = plain.cast(pa.timestamp("s"))
    text = pc.utf8_slice_codeunits(whole.cast(pa.string()), 0, -len(_BEHIND[unit]))
    return pc.replace_substring(text, " ", "-")


def folder(partitions: Sequence[Partition], values: Values) -> str:
    """``a=1/b_month=2026-01/``; empty without partitions."""
    parts = [names.partition(one.name, value) for one, value in zip(partitions, values, strict=True)]
    return "".join(f"{part}/" for part in parts)


def told(partitions: Sequence[Partition], values: Values) -> dict[str, str | None]:
    """The values of the columns that are in the folders' names only."""
    pairs = zip(partitions, values, strict=True)
    return {one.column: value for one, value in pairs if one.unit is None}


def add(batch: pa.RecordBatch, partition: Mapping[str, str | None], schema: pa.Schema) -> pa.RecordBatch:
    """The batch with the partition columns that ``schema`` has, each of one value."""
    for name, value in partition.items():
        if name in schema.names and name not in batch.schema.names:
            field = schema.field(name)
            one = cast(pa.array([value], pa.string()), field)
            batch = batch.append_column(field, pa.repeat(one[0], batch.num_rows))
    return batch
