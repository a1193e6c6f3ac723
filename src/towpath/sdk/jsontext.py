"""Nested values as JSON text, for systems without columns that nest."""

import base64
import json
from typing import Any

import pyarrow as pa

from towpath.core.errors import DataError


def json_text(column: pa.Array, name: str) -> pa.Array:
    """Each value as compact JSON text, null as null.

    Decimals, dates, times and uuids become text, binaries base64, maps objects if their keys are text
    and else lists of pairs. Raises `DataError` ``value.unrepresentable`` for NaN and infinities.

    >>> json_text(pa.array([[1, None], None]), "a").to_pylist()
    ['[1,null]', None]
    """
    as_map = pa.types.is_map(column.type) and pa.types.is_string(column.type.key_type)
    values = (dict(value) if as_map and value is not None else value for value in column.to_pylist())
    try:
        return pa.array([None if value is None else _dump(value) for value in values], pa.string())
    except ValueError as error:
        raise DataError(
            "value.unrepresentable",
            f"A value of the column {name!r} holds NaN or an infinity, which JSON cannot: {error}.",
            hint="Replace it before it gets here, or leave the column out.",
            column=name,
        ) from error


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
