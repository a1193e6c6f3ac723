"""Short digests of whole records, to know a record again without keeping it."""

import hashlib
from typing import Any

import pyarrow as pa

#: Bytes of one digest.
SIZE = 8


def digests(batch: pa.RecordBatch) -> list[bytes]:
    """One digest of 8 bytes for each record. They do not depend on the width or unit of integer types."""
    columns = [_plain(column) for column in batch.columns]
    rows = zip(*columns, strict=True)
    return [hashlib.blake2b(repr(row).encode(), digest_size=SIZE).digest() for row in rows]


def _plain(column: pa.Array) -> list[Any]:
    """Python values with one spelling each: temporal ones as their integers, extensions as their storage."""
    column = storage(column)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return list(column.view(_plain_type(column.type)).to_pylist())


def _plain_type(type: pa.DataType) -> pa.DataType:
    if pa.types.is_temporal(type) and not pa.types.is_interval(type):
        return pa.int32() if type.bit_width == 32 else pa.int64()  # noqa: PLR2004 - Arrow has two widths
    if pa.types.is_list(type):
        return pa.list_(_plain_field(type.value_field))
    if pa.types.is_map(type):
        return pa.map_(_plain_type(type.key_type), _plain_type(type.item_type))
    if pa.types.is_struct(type):
        return pa.struct([_plain_field(field) for field in type])
    return type


def _plain_field(field: pa.Field) -> pa.Field:
    return field.with_type(_plain_type(field.type))


def storage(column: pa.Array) -> pa.Array:
    """The column without its extension type, if it has one."""
    return column.storage if isinstance(column, pa.ExtensionArray) else column
