"""Arrow columns as the cells of a sheet, which know numbers (doubles), truth and text."""

import base64
import math
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from towpath.sdk.jsontext import json_text
from towpath.sdk.rejects import Fault

#: Characters that a cell holds.
CELL = 50_000
#: Numbers up to here keep all their digits, in the cell and on the screen.
_EXACT = 10**15

_Encode = Callable[[Any], Any]


def cells(batch: pa.RecordBatch) -> list[list[Any]]:
    """Rows of JSON values for the API; null for an empty cell."""
    columns = [_column(column, name) for name, column in zip(batch.schema.names, batch.columns, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)] if columns else []


def _column(column: pa.Array, name: str) -> list[Any]:  # noqa: PLR0911 - one line per family of types
    type = column.type
    if pa.types.is_dictionary(type):
        return _column(column.dictionary_decode(), name)
    if isinstance(type, pa.UuidType):
        return [None if value is None else str(UUID(bytes=value)) for value in column.storage.to_pylist()]
    if isinstance(type, pa.BaseExtensionType):
        return _column(column.storage, name)
    encode = next((how for fits, how in _SCALARS if fits(type)), None)
    if encode is not None:
        return [None if value is None else encode(value) for value in column.to_pylist()]
    if pa.types.is_timestamp(type):
        text = column.view(pa.timestamp(type.unit)).cast(pa.string()).to_pylist()
        return text if type.tz is None else [None if one is None else f"{one}+00:00" for one in text]
    if pa.types.is_date(type) or pa.types.is_time(type):
        return list(column.cast(pa.string()).to_pylist())
    return list(json_text(column, name).to_pylist())


def _integer(value: int) -> Any:
    return value if abs(value) < _EXACT else str(value)


def _float(value: float) -> Any:
    return value if math.isfinite(value) else str(value)


def _is_text(type: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_string(type) or types.is_large_string(type) or types.is_string_view(type))


def _is_binary(type: pa.DataType) -> bool:
    types = pa.types
    plain = types.is_binary(type) or types.is_large_binary(type) or types.is_binary_view(type)
    return bool(plain or types.is_fixed_size_binary(type))


_SCALARS: tuple[tuple[Callable[[pa.DataType], bool], _Encode], ...] = (
    (pa.types.is_boolean, bool),
    (pa.types.is_integer, _integer),
    (pa.types.is_floating, _float),
    (pa.types.is_decimal, lambda value: f"{value:f}"),
    (_is_text, str),
    (_is_binary, lambda value: base64.b64encode(value).decode()),
    (pa.types.is_null, str),
    (pa.types.is_duration, lambda value: f"{value.total_seconds():f}"),
)


def faults(batch: pa.RecordBatch, rows: list[list[Any]]) -> Iterator[Fault]:
    """The records with a cell that is too long; ``rows`` are the batch's cells."""
    for place, name in enumerate(batch.schema.names):
        at = pa.array([isinstance(row[place], str) and len(row[place]) > CELL for row in rows])
        if rows and pc.any(at).as_py():
            yield Fault(at, "value.too_large", f"A cell holds {CELL:,} characters; {name!r} has more.")
