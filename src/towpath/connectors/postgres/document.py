"""Structs, maps and nested lists as JSON text, exactly: for jsonb columns.

Numbers keep all their digits (jsonb stores them as numeric), binary is base64, dates and times are ISO 8601,
durations seconds, intervals ``[months, days, nanoseconds]``; floats that JSON lacks are text.
"""

import base64
import json
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import pyarrow as pa

Dump: TypeAlias = Callable[[Any], str]


def to_json_text(array: pa.Array) -> pa.Array:
    """An array of strings: one JSON document per value, null where the value is null."""
    dump = _dump(array.type)
    return pa.array(
        [None if value is None else dump(value) for value in array.to_pylist()], pa.large_string()
    )


def _dump(kind: pa.DataType) -> Dump:
    """How values of the type, as pyarrow gives them to Python, are written; a null is written as null."""
    inner = _dump_known(kind)
    return lambda value: "null" if value is None else inner(value)


def _dump_known(kind: pa.DataType) -> Dump:  # noqa: PLR0911 - one line per family of types
    if isinstance(kind, pa.JsonType):
        return str
    if isinstance(kind, pa.UuidType):
        return _text
    if isinstance(kind, pa.BaseExtensionType):
        return _dump(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _dump(kind.value_type)
    if pa.types.is_struct(kind):
        return _struct({field.name: _dump(field.type) for field in kind})
    if pa.types.is_map(kind):
        return _map(kind)
    if hasattr(kind, "value_type"):
        return _list(_dump(kind.value_type))
    return _scalar(kind)


def _scalar(kind: pa.DataType) -> Dump:  # noqa: PLR0911 - one line per family of types
    types = pa.types
    if types.is_boolean(kind):
        return lambda value: "true" if value else "false"
    if types.is_integer(kind):
        return str
    if types.is_decimal(kind):
        return lambda value: f"{value:f}"
    if types.is_floating(kind):
        return _float
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return lambda value: _text(base64.b64encode(value).decode())
    if types.is_date(kind) or types.is_time(kind) or types.is_timestamp(kind):
        return lambda value: _text(value.isoformat())
    if types.is_duration(kind):
        return lambda value: _seconds(value.days * 86400 + value.seconds, value.microseconds)
    if types.is_interval(kind):
        return lambda value: json.dumps(list(value))
    return _text


def _seconds(seconds: int, micros: int) -> str:
    total = seconds * 1_000_000 + micros
    sign = "-" if total < 0 else ""
    return f"{sign}{abs(total) // 1_000_000}.{abs(total) % 1_000_000:06}"


def _text(value: Any) -> str:
    return json.dumps(str(value), ensure_ascii=False)


def _float(value: float) -> str:
    return repr(value) if math.isfinite(value) else _text(value)


def _struct(fields: dict[str, Dump]) -> Dump:
    def dump(value: dict[str, Any]) -> str:
        members = (f"{_text(name)}: {inner(value[name])}" for name, inner in fields.items())
        return "{" + ", ".join(members) + "}"

    return dump


def _list(item: Dump) -> Dump:
    return lambda value: "[" + ", ".join(map(item, value)) + "]"


def _map(kind: pa.DataType) -> Dump:
    """An object if the keys are text and differ; else a list of ``{"key": …, "value": …}``."""
    key, item = _dump(kind.key_type), _dump(kind.item_type)
    textual = pa.types.is_string(kind.key_type) or pa.types.is_large_string(kind.key_type)

    def dump(value: list[tuple[Any, Any]]) -> str:
        if textual and len({name for name, _ in value}) == len(value):
            return "{" + ", ".join(f"{_text(name)}: {item(one)}" for name, one in value) + "}"
        pairs = (f'{{"key": {key(name)}, "value": {item(one)}}}' for name, one in value)
        return "[" + ", ".join(pairs) + "]"

    return dump
