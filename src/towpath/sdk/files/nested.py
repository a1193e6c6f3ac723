"""Arrow values as JSON-ready Python values, and back, exactly and at any depth.

What JSON has is itself: booleans, whole numbers, finite floats, text, lists, structs (objects). All else
is the exact text of `text`, decimals included: most readers would take a number through a double. A map is
a list of ``{"key": …, "value": …}``; a JSON value stands for itself.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from towpath.core.errors import DataError
from towpath.sdk.files import text

#: Reads JSON with every digit: numbers with a fraction or exponent become `Decimal`.
loads: Callable[[str], Any] = json.JSONDecoder(parse_float=Decimal).decode


def to_json(column: pa.Array) -> list[Any]:
    """Values that `orjson` writes. Raises `DataError` for what is no JSON in a JSON column."""
    kind, types = column.type, pa.types
    if kind == pa.json_():
        return [None if one is None else _fragment(one) for one in column.storage.to_pylist()]
    if types.is_floating(kind):
        return _floats(column)
    if types.is_nested(kind):
        return _nested(column)
    native = types.is_boolean(kind) or types.is_integer(kind) or types.is_null(kind)
    return list((column if native else text.to_text(column)).to_pylist())


def _nested(column: pa.Array) -> list[Any]:
    if pa.types.is_struct(column.type):
        return _structs(column)
    return _lists(column, _entries(column) if pa.types.is_map(column.type) else to_json(column.values))


def _fragment(one: str) -> Any:
    """The JSON text as it is; its line breaks can only stand between tokens."""
    try:
        orjson.loads(one)
    except orjson.JSONDecodeError:
        raise DataError(
            "value.unrepresentable",
            "A value of a JSON column is not valid JSON.",
            hint="Correct the value at its source, or leave the column out with `columns:`.",
        ) from None
    return orjson.Fragment(one.replace("\n", " ").replace("\r", " "))


def _floats(column: pa.Array) -> list[Any]:
    values = column.to_pylist()
    wide = column.cast(pa.float64())
    if pc.all(pc.is_finite(wide), min_count=0).as_py():
        return list(values)
    texts = text.to_text(column).to_pylist()
    finite = pc.is_finite(wide).to_pylist()
    return [one if good is not False else told for one, told, good in zip(values, texts, finite, strict=True)]


def _structs(column: pa.Array) -> list[Any]:
    names = [field.name for field in column.type]
    fields = [to_json(one) for one in column.flatten()]
    records = [dict(zip(names, values, strict=True)) for values in zip(*fields, strict=True)]
    if not names:
        records = [{} for _ in range(len(column))]
    return [record if valid else None for record, valid in zip(records, _valid(column), strict=True)]


def _entries(column: pa.Array) -> list[Any]:
    keys, items = to_json(column.keys), to_json(column.items)
    return [{"key": key, "value": value} for key, value in zip(keys, items, strict=True)]


def _lists(column: pa.Array, children: list[Any]) -> list[Any]:
    """``children`` are those of the whole array below; offsets count in it."""
    if pa.types.is_fixed_size_list(column.type):
        size = column.type.list_size
        starts = [(column.offset + place) * size for place in range(len(column) + 1)]
    else:
        starts = column.offsets.to_pylist()
    pieces = (children[low:high] for low, high in pairwise(starts))
    return [piece if valid else None for piece, valid in zip(pieces, _valid(column), strict=True)]


def _valid(column: pa.Array) -> Iterator[bool]:
    return iter(column.is_valid().to_pylist())


def from_json(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """The array of what `loads` gave. Raises `text.MisfitError` (its index is of the outermost list)."""
    types = pa.types
    if types.is_struct(kind):
        return _from_objects(values, kind)
    if types.is_map(kind):
        return _from_maps(values, kind)
    if types.is_nested(kind):
        return _from_lists(values, kind)
    return text.from_text(pa.array([_as_text(one, kind) for one in values], pa.large_string()), kind)


def _as_text(value: Any, kind: pa.DataType) -> str | None:
    """A JSON scalar as the text that its type is parsed from; a wrong kind of it parses as nothing."""
    if value is None:
        return None
    if kind == pa.json_():
        return _dumps(value)
    if isinstance(value, str):
        return "\0" if _takes_no_text(kind) else value
    if isinstance(value, bool):
        return ("true" if value else "false") if pa.types.is_boolean(kind) else "\0"
    if isinstance(value, int | Decimal) and _is_number(kind):
        return f"{value:f}" if isinstance(value, Decimal) and pa.types.is_decimal(kind) else str(value)
    raise ValueError(value)


def _dumps(value: Any) -> str:
    """JSON text with every digit. Raises `ValueError` for integers beyond 64 bits."""
    try:
        return orjson.dumps(value, default=lambda number: orjson.Fragment(str(number))).decode()
    except TypeError as error:
        raise ValueError(str(error)) from None


def _takes_no_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_boolean(kind) or pa.types.is_integer(kind))


def _is_number(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _from_objects(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    _check(values, dict)
    children = [
        from_json([None if one is None else one.get(field.name) for one in values], field.type)
        for field in kind
    ]
    known = {field.name for field in kind}
    for index, one in enumerate(values):
        if one is not None and not known.issuperset(one):
            raise text.MisfitError(index)
    missing = pa.array([one is None for one in values], pa.bool_())
    return pa.StructArray.from_arrays(children, fields=list(kind), mask=missing)


def _from_lists(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    _check(values, list)
    items = from_json([item for one in values if one is not None for item in one], kind.value_type)
    if pa.types.is_fixed_size_list(kind):
        return pa.array(values, kind) if not len(items) else _fixed(values, items, kind)
    make = pa.LargeListArray if pa.types.is_large_list(kind) else pa.ListArray
    return make.from_arrays(_offsets(values, large=pa.types.is_large_list(kind)), items).cast(kind)


def _fixed(values: Sequence[Any], items: pa.Array, kind: pa.DataType) -> pa.Array:
    lists = pa.ListArray.from_arrays(_offsets(values, large=False), items)
    return lists.cast(kind)


def _from_maps(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    _check(values, list)
    entries = [entry for one in values if one is not None for entry in one]
    keys = from_json([entry["key"] for entry in entries], kind.key_type)
    items = from_json([entry["value"] for entry in entries], kind.item_type)
    return pa.MapArray.from_arrays(_offsets(values, large=False), keys, items).cast(kind)


def _offsets(values: Sequence[Any], *, large: bool) -> pa.Array:
    """Where each list begins; null where the list is."""
    offsets: list[int | None] = []
    place = 0
    for one in values:
        offsets.append(None if one is None else place)
        place += len(one or ())
    return pa.array([*offsets, place], pa.int64() if large else pa.int32())


def _check(values: Sequence[Any], kind: type) -> None:
    for index, one in enumerate(values):
        if one is not None and not isinstance(one, kind):
            raise text.MisfitError(index)
