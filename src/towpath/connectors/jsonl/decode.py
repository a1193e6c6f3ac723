"""Blocks of lines as Arrow batches: pyarrow where it is exact, else record by record with every digit."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson

from towpath.connectors.jsonl.blocks import Block, parse
from towpath.connectors.jsonl.shape import fields
from towpath.sdk.files import lines, nested, text

#: Fractions so long, or of such size, that the nearest double may be another number.
_LONG_FRACTION = re.compile(
    rb"(?<=[:,\[\s])-?(?=[0-9.eE+-]{16}|[0-9.]+[eE][-+]?[0-9]{3})"
    rb"[0-9]+(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)"
)
_EXACT_IN_DOUBLE = 2**53


class Decoder:
    """Reads blocks of one file."""

    def __init__(self, names: Sequence[str], whole: pa.Schema, where: str, *, ours: bool = False) -> None:
        """``names`` are the members to read; members that ``whole`` lacks are errors, not losses. In
        files of ``ours`` every number in a column of floats is a double.
        """
        self._schema = fields(names, whole)
        self._known, self._where = frozenset(whole.names), where
        self._raw = frozenset(field.name for field in self._schema if field.type == pa.json_())
        carriers = {field.name: _carrier(field.type) for field in self._schema}
        quick = carriers and None not in carriers.values()
        self._carriers = pa.schema(carriers.items()) if quick else None
        self._rounds = not ours and any(_has_float(field.type) for field in self._schema)

    def decode(self, block: Block) -> pa.RecordBatch:
        """The records of the block. Raises `DataError` with the line at fault."""
        quick = self._quick(block)
        return quick if quick is not None else self._slow(block)

    def _quick(self, block: Block) -> pa.RecordBatch | None:
        """Through pyarrow; None where it cannot, or might not be exact."""
        if self._carriers is None or (self._rounds and not _fractions_exact(block.data)):
            return None
        try:
            table = pajson.read_json(
                pa.BufferReader(block.data),
                read_options=pajson.ReadOptions(use_threads=False, block_size=len(block.data) + 1),
                parse_options=pajson.ParseOptions(
                    explicit_schema=self._carriers, unexpected_field_behavior="infer"
                ),
            )
            if not self._known.issuperset(table.schema.names):
                return None
            columns = [_from_carrier(table.column(field.name), field.type) for field in self._schema]
            return (
                None
                if self._rounds and any(map(_rounded, columns))
                else pa.RecordBatch.from_arrays(columns, schema=self._schema)
            )
        except (pa.ArrowException, text.MisfitError):
            return None

    def _slow(self, block: Block) -> pa.RecordBatch:
        numbers, records = [], []
        for number, line in block.lines():
            try:
                record = parse(line, self._raw)
            except (ValueError, RecursionError) as error:
                raise lines.misfit(self._where, number, f"no JSON object: {error}") from None
            self._check(record, number)
            numbers.append(number)
            records.append(record)
        columns = [self._column(field, records, numbers) for field in self._schema]
        if not columns:
            return pa.RecordBatch.from_struct_array(pa.array([{}] * len(records), pa.struct([])))
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def _check(self, record: dict[str, Any], number: int) -> None:
        new = next((name for name in record if name not in self._known), None)
        if new is not None:
            raise lines.misfit(
                self._where, number, f"the member {new!r} was not there when the stream was discovered"
            )

    def _column(self, field: pa.Field, records: list[dict[str, Any]], numbers: list[int]) -> pa.Array:
        values = [record.get(field.name) for record in records]
        if field.type == pa.json_():
            return field.type.wrap_array(pa.array(values, pa.string()))
        try:
            return nested.from_json(values, field.type)
        except ValueError:
            line = numbers[_first_misfit(values, field.type)]
            message = f"the member {field.name!r} holds no {field.type}"
            raise lines.misfit(self._where, line, message, column=field.name) from None


def _first_misfit(values: list[Any], kind: pa.DataType) -> int:
    for index, value in enumerate(values):
        try:
            nested.from_json([value], kind)
        except ValueError:
            return index
    return 0


def _carrier(kind: pa.DataType) -> pa.DataType | None:
    """What pyarrow reads the member as; None if that is not exact."""
    types = pa.types
    if types.is_boolean(kind) or types.is_signed_integer(kind) or types.is_float64(kind):
        return kind
    if types.is_struct(kind):
        members = {field.name: _carrier(field.type) for field in kind}
        return pa.struct(members.items()) if _same(members.values(), kind) else None
    if types.is_list(kind):
        return kind if _carrier(kind.value_type) == kind.value_type else None
    nested_or_json = types.is_nested(kind) or kind == pa.json_() or types.is_null(kind)
    number = types.is_integer(kind) or types.is_floating(kind)
    return None if nested_or_json or number else pa.string()


def _fractions_exact(data: bytes) -> bool:
    """Whether doubles hold every fraction of the block, so that pyarrow rounds none without a word."""
    for found in set(_LONG_FRACTION.findall(data)):
        number = float(found)
        if repr(number).encode() != found and Decimal(repr(number)) != Decimal(found.decode()):
            return False
    return True


def _rounded(column: pa.Array) -> bool:
    """Whether whole numbers in a column of floats may have been too large for doubles."""
    if pa.types.is_nested(column.type):
        children = column.flatten() if pa.types.is_struct(column.type) else [column.flatten()]
        return any(map(_rounded, children))
    if not pa.types.is_floating(column.type):
        return False
    largest = pc.max(pc.abs(column)).as_py()
    return largest is not None and largest >= _EXACT_IN_DOUBLE


def _has_float(kind: pa.DataType) -> bool:
    if pa.types.is_nested(kind):
        return any(_has_float(kind.field(number).type) for number in range(kind.num_fields))
    return bool(pa.types.is_floating(kind))


def _same(carriers: Any, kind: pa.DataType) -> bool:
    """Inside of structs only what needs no parsing afterwards."""
    return all(carrier == field.type for carrier, field in zip(carriers, kind, strict=True))


def _from_carrier(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    one = column.combine_chunks()
    if one.type == kind:
        return one
    # A member that the explicit schema made nested must not have grown.
    return one.cast(kind) if pa.types.is_nested(kind) else text.from_text(one, kind)
