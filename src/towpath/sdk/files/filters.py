"""Row filters over Arrow batches, and what of them a file scan can use early."""

import operator
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from towpath.core.errors import ConfigError
from towpath.core.filters import AnyOf, Clause, Condition, Operator, comparisons

_COMPARE = {
    Operator.EQ: pc.equal,
    Operator.NE: pc.not_equal,
    Operator.LT: pc.less,
    Operator.LE: pc.less_equal,
    Operator.GT: pc.greater,
    Operator.GE: pc.greater_equal,
}


def apply(batch: pa.RecordBatch, where: Sequence[Clause]) -> pa.RecordBatch:
    """The records for which all parts are true; as in SQL, comparing with null is not."""
    for part in where:
        batch = batch.filter(_joined(pc.or_kleene, [_judged(batch, one) for one in comparisons([part])]))
    return batch


def _judged(batch: pa.RecordBatch, condition: Condition) -> pa.Array:
    column = batch.column(condition.column)
    plain = column.storage if isinstance(column, pa.ExtensionArray) else column
    return _mask(plain, condition, column.type)


def expression(where: Sequence[Clause], physical: pa.Schema) -> Any:
    """A scan filter of the parts that a file with this schema can judge; None if there are none."""
    parts = [_expression(part, physical) for part in where if _can_judge(part, physical)]
    return _joined(operator.and_, parts) if parts else None


def _can_judge(part: Clause, physical: pa.Schema) -> bool:
    indexes = [physical.get_field_index(name) for name in part.columns]
    return all(
        index >= 0 and not isinstance(physical.field(index).type, pa.BaseExtensionType) for index in indexes
    )


def _expression(part: Clause, physical: pa.Schema) -> Any:
    if isinstance(part, AnyOf):
        return _joined(operator.or_, [_expression(one, physical) for one in part.conditions])
    return _mask(pc.field(part.column), part, physical.field(part.column).type)


def _joined(join: Callable[[Any, Any], Any], parts: Sequence[Any]) -> Any:
    """As a tree that is no deeper than need be: Arrow walks along it on its stack."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return join(_joined(join, parts[:half]), _joined(join, parts[half:]))


def check(where: Sequence[Clause], schema: pa.Schema) -> None:
    """Raise `ConfigError` ``filter.invalid`` for values that do not fit their columns."""
    for condition in comparisons(where):
        _mask(pc.field(condition.column), condition, schema.field(condition.column).type)


def _mask(column: Any, condition: Condition, type: pa.DataType) -> Any:
    """The condition over an array, or over a field of an expression."""
    match condition.operator:
        case Operator.IS_NULL:
            return column.is_null()
        case Operator.NOT_NULL:
            return column.is_valid()
        case Operator.IN:
            values = [_scalar(value, type, condition) for value in condition.value if value is not None]
            return _is_in(column, values, type)
        case Operator.LIKE:
            return pc.match_like(column, str(condition.value))
        case other:
            return _COMPARE[other](column, _scalar(condition.value, type, condition))


def _is_in(column: Any, values: list[pa.Scalar], type: pa.DataType) -> Any:
    plain = type.storage_type if isinstance(type, pa.BaseExtensionType) else type
    return pc.is_in(column, value_set=pa.array([value.as_py() for value in values], plain))


def _scalar(value: Any, type: pa.DataType, condition: Condition) -> pa.Scalar:
    """The condition's value in the column's type."""
    try:
        if type == pa.uuid():
            return pa.scalar(UUID(str(value)).bytes, type.storage_type)
        plain = type.storage_type if isinstance(type, pa.BaseExtensionType) else type
        if isinstance(value, str) and not (pa.types.is_string(plain) or pa.types.is_large_string(plain)):
            return pa.scalar(value).cast(plain)
        if pa.types.is_decimal(plain):
            return pa.scalar(str(value)).cast(plain)
        return pa.scalar(value).cast(plain)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise ConfigError(
            "filter.invalid",
            f"The value of the filter on {condition.column!r} is not a {type}.",
            hint="Write dates, timestamps and decimals as text in ISO form.",
            column=condition.column,
        ) from error
