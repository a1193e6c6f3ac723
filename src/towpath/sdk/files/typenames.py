"""Names of column types as users declare them in settings."""

import re
from collections.abc import Mapping

import pyarrow as pa

_NAMES = {
    "text": pa.string(),
    "bool": pa.bool_(),
    "int64": pa.int64(),
    "uint64": pa.uint64(),
    "int32": pa.int32(),
    "float64": pa.float64(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamp_utc": pa.timestamp("us", "UTC"),
    "uuid": pa.uuid(),
    "json": pa.json_(),
    "binary": pa.binary(),
}
_DECIMAL = re.compile(r"decimal\((\d+), ?(\d+)\)")
_DIGITS = 38

#: What a settings form says about it.
DESCRIPTION = (
    "Column types that are not to be inferred, by stream and column: "
    f"{', '.join(_NAMES)} or decimal(precision,scale)."
)

Declared = Mapping[str, Mapping[str, str]]


def parse(name: str) -> pa.DataType:
    """The type of that name. Raises `ValueError`."""
    found = _DECIMAL.fullmatch(name)
    if found:
        precision, scale = int(found[1]), int(found[2])
        if 0 < precision <= _DIGITS and scale <= precision:
            return pa.decimal128(precision, scale)
    if name not in _NAMES:
        raise ValueError(f"{name!r} is not one of {', '.join(_NAMES)}, decimal(precision,scale)")
    return _NAMES[name]


def check(declared: Declared) -> Declared:
    """The same. Raises `ValueError` for unknown type names."""
    for columns in declared.values():
        for name in columns.values():
            parse(name)
    return declared


def override(schema: pa.Schema, declared: Mapping[str, str], *, add: bool = False) -> pa.Schema:
    """The schema with the declared types in place of the inferred ones; with ``add``, declared columns that
    nothing was seen of come last.
    """
    fields = [
        field.with_type(parse(declared[field.name])) if field.name in declared else field for field in schema
    ]
    unseen = [pa.field(name, parse(declared[name])) for name in declared if name not in schema.names]
    return pa.schema(fields + unseen if add else fields)
