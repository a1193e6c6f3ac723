"""How the schema of a target grows: additive, lossless, or refused. # Invariant 10"""

import pyarrow as pa

from towpath.core.errors import SchemaError

_DECIMAL_DIGITS = 38
_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}
_EXACT_IN_DOUBLE = 32


def merge(old: pa.Schema, new: pa.Schema, where: str) -> pa.Schema:
    """The schema that holds the records of both: new columns last, all types wide enough, vanished ones kept.

    Raises `SchemaError` ``schema.incompatible`` that names the column.
    """
    fields = [_merge(field, new.field(field.name), where) if field.name in new.names else _optional(field)
              for field in old]  # fmt: skip
    fields += [_optional(field) for field in new if field.name not in old.names]
    return pa.schema(fields)


def _optional(field: pa.Field) -> pa.Field:
    return field.with_nullable(True)


def _merge(old: pa.Field, new: pa.Field, where: str) -> pa.Field:
    type = wider(old.type, new.type)
    if type is None:
        raise SchemaError(
            "schema.incompatible",
            f"The column {old.name!r} of {where} is {old.type}, and the run brings {new.type}.",
            hint="Write to another `target`, overwrite this one, or read a view that casts the column.",
            column=old.name,
        )
    kept = new if new.metadata else old
    return pa.field(old.name, type, old.nullable or new.nullable, kept.metadata)


def wider(one: pa.DataType, two: pa.DataType) -> pa.DataType | None:
    """The type that holds every value of both exactly; None if there is none."""
    if one == two:
        return one
    return _wider(one, two) or _wider(two, one)


def _wider(one: pa.DataType, two: pa.DataType) -> pa.DataType | None:
    """The same, tried in one direction."""
    types = pa.types
    if types.is_null(one):
        return two
    if types.is_integer(one):
        return _over_integer(one, two)
    if types.is_floating(one) and types.is_floating(two):
        return max(one, two, key=lambda kind: kind.bit_width)
    if types.is_decimal(one) and types.is_decimal(two):
        return _decimal(max(one.precision - one.scale, two.precision - two.scale), max(one.scale, two.scale))
    if (types.is_string(one) and types.is_large_string(two)) or (
        types.is_binary(one) and types.is_large_binary(two)
    ):
        return two
    return None


def _over_integer(one: pa.DataType, two: pa.DataType) -> pa.DataType | None:
    types = pa.types
    if types.is_integer(two):
        if types.is_signed_integer(one) == types.is_signed_integer(two):
            return max(one, two, key=lambda kind: kind.bit_width)
        signed, unsigned = (one, two) if types.is_signed_integer(one) else (two, one)
        width = max(signed.bit_width, unsigned.bit_width * 2)
        return {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}.get(width)
    if types.is_float64(two) and one.bit_width <= _EXACT_IN_DOUBLE:
        return two
    if types.is_decimal(two):
        return _decimal(max(_DIGITS[one.bit_width], two.precision - two.scale), two.scale)
    return None


def _decimal(whole: int, scale: int) -> pa.DataType | None:
    return pa.decimal128(whole + scale, scale) if whole + scale <= _DECIMAL_DIGITS else None
