"""Records as JSON objects, exactly."""

import base64
from collections.abc import Iterator
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from towpath.sdk.jsontext import json_text
from towpath.sdk.rejects import Fault


def encode(batch: pa.RecordBatch) -> list[bytes]:
    """One JSON object for each record; see the table in the README."""
    names = batch.schema.names
    columns = [_values(column, name) for name, column in zip(names, batch.columns, strict=True)]
    return [orjson.dumps(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]


def faults(batch: pa.RecordBatch) -> Iterator[Fault]:
    """Records with numbers that JSON does not have."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_floating(column.type):
            odd = pc.invert(pc.is_finite(column.cast(pa.float64())))
            if pc.any(odd).as_py():
                yield Fault(odd, "value.unrepresentable", f"JSON has no number for the one in {name!r}.")


def _values(column: pa.Array, name: str) -> list[Any]:
    type = column.type
    if pa.types.is_dictionary(type):
        return _values(column.dictionary_decode(), name)
    if type == pa.uuid():
        return list(column.to_pylist())
    if type == pa.json_():
        return [None if text is None else orjson.Fragment(text) for text in column.storage.to_pylist()]
    if pa.types.is_nested(type):
        return [
            None if text is None else orjson.Fragment(text) for text in json_text(column, name).to_pylist()
        ]
    plain = _plain(column, type).to_pylist()
    return [base64.b64encode(one).decode() if isinstance(one, bytes) else one for one in plain]


def _plain(column: pa.Array, type: pa.DataType) -> pa.Array:
    """What orjson writes exactly; decimals and times as text."""
    if pa.types.is_timestamp(type):
        text = pc.replace_substring(column.view(pa.timestamp(type.unit)).cast(pa.string()), " ", "T")
        return text if type.tz is None else pc.binary_join_element_wise(text, "Z", "")
    if pa.types.is_duration(type):
        return column.view(pa.int64())
    if type == pa.month_day_nano_interval():
        return json_text(column, "")
    if pa.types.is_decimal(type) or pa.types.is_temporal(type):
        return column.cast(pa.string())
    return column.cast(pa.float64()) if pa.types.is_float16(type) else column
