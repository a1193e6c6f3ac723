"""What Parquet can hold, and what becomes of the types that it cannot."""

from collections.abc import Callable

import pyarrow as pa

from towpath.sdk import SchemaError

_DIGITS = 38


def stored(schema: pa.Schema) -> pa.Schema:
    """The schema in which the data is written and read back, metadata included.

    Raises `SchemaError` ``type.unsupported`` for unions, structs without fields, and nested intervals.
    """
    return pa.schema([_field(field) for field in schema])


def _field(field: pa.Field) -> pa.Field:
    if pa.types.is_interval(field.type):
        return field.with_type(pa.string())
    return field.with_type(_type(field.type, field.name))


def _type(type: pa.DataType, name: str) -> pa.DataType:
    """The nearest type that Parquet gives back as it was; the same in most cases."""
    for matches, change in _CHANGES:
        if matches(type):
            return change(type, name)
    return type


def _list(type: pa.DataType, name: str) -> pa.DataType:
    item = type.value_field.with_type(_type(type.value_type, name))
    if pa.types.is_fixed_size_list(type):
        return pa.list_(item, type.list_size)
    return pa.large_list(item) if pa.types.is_large_list(type) else pa.list_(item)


def _struct(type: pa.DataType, name: str) -> pa.DataType:
    if not type.num_fields:
        return _unsupported(type, name)
    return pa.struct([one.with_type(_type(one.type, name)) for one in type])


def _map(type: pa.DataType, name: str) -> pa.DataType:
    return pa.map_(_type(type.key_type, name), _type(type.item_type, name))


def _dictionary(type: pa.DataType, name: str) -> pa.DataType:
    return type if pa.types.is_string(type.value_type) else _type(type.value_type, name)


def _decimal(type: pa.DataType, name: str) -> pa.DataType:
    """A negative scale becomes 0."""
    digits = type.precision - min(type.scale, 0)
    return pa.decimal128(digits, max(type.scale, 0)) if digits <= _DIGITS else _unsupported(type, name)


def _unsupported(type: pa.DataType, name: str) -> pa.DataType:
    raise SchemaError(
        "type.unsupported",
        f"The column {name!r} holds {type}, which Parquet cannot.",
        hint="Leave the column out with `columns:`, or read a view that casts it.",
        column=name,
    )


_Change = Callable[[pa.DataType, str], pa.DataType]

_CHANGES: tuple[tuple[Callable[[pa.DataType], bool], _Change], ...] = (
    (lambda kind: kind == pa.time32("s"), lambda *_: pa.time32("ms")),
    (pa.types.is_date64, lambda *_: pa.date32()),
    (
        lambda kind: pa.types.is_timestamp(kind) and kind.unit == "s",
        lambda kind, _: pa.timestamp("ms", kind.tz),
    ),
    (lambda kind: pa.types.is_decimal128(kind) and kind.scale < 0, _decimal),
    (pa.types.is_dictionary, _dictionary),
    (pa.types.is_run_end_encoded, lambda kind, name: _type(kind.value_type, name)),
    (pa.types.is_interval, _unsupported),
    (pa.types.is_union, _unsupported),
    (pa.types.is_struct, _struct),
    (pa.types.is_map, _map),
    (
        lambda kind: (
            pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
        ),
        _list,
    ),
)
