"""Exact text for every value, and back: what CSV cells and JSON strings hold.

===============  ========================================================================
booleans         ``true``, ``false``
numbers          decimals with all their digits, floats as the shortest text of the same value;
                 ``NaN``, ``Infinity``, ``-Infinity``
dates, times     ISO 8601: ``2026-01-31``, ``23:59:59.999999``
timestamps       RFC 3339: ``2026-01-31T23:59:59.999999``, with a zone in UTC: ``…Z``
durations        the whole number of units of their type
binary           base64
uuid             ``8-4-4-4-12`` in lower case
lists, structs   JSON, see `nested`
===============  ========================================================================

Reading is strict: text that is not what writing would have made of the value (``007`` for a
number) is an error, not another value. # Invariant 6
"""

import base64
import binascii
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from uuid import UUID

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from towpath.core.errors import DataError, SchemaError
from towpath.sdk.files.cast import interval_text, storage

_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def stored(schema: pa.Schema) -> pa.Schema:
    """The schema in which text files give the data back: intervals as text, encodings undone.

    Raises `SchemaError` ``type.unsupported`` for unions.
    """
    return pa.schema([field.with_type(_stored(field)) for field in schema])


def _stored(field: pa.Field) -> pa.DataType:
    kind = field.type
    if pa.types.is_union(kind):
        raise SchemaError(
            "type.unsupported",
            f"The column {field.name!r} holds {kind}, which text files cannot.",
            hint="Leave the column out with `columns:`, or read a view that casts it.",
            column=field.name,
        )
    if pa.types.is_interval(kind):
        return pa.string()
    if pa.types.is_date64(kind):
        return pa.date32()
    return kind.value_type if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind) else kind


def to_text(column: pa.Array) -> pa.Array:
    """The values as large strings; nulls stay null. Raises `DataError` for years beyond 1 to 9999."""
    return _render(column).cast(pa.large_string())


def _render(column: pa.Array) -> pa.Array:
    kind, types = column.type, pa.types
    if types.is_nested(kind):
        from towpath.sdk.files.nested import to_json

        texts = [None if one is None else orjson.dumps(one).decode() for one in to_json(column)]
        return pa.array(texts, pa.large_string())
    for matches, render in _RENDER:
        if matches(kind):
            return render(column)
    return storage(column).cast(pa.string()) if types.is_dictionary(kind) else column.cast(pa.string())


def _render_uuid(column: pa.Array) -> pa.Array:
    return pa.array([one and str(UUID(bytes=one)) for one in column.storage.to_pylist()], pa.string())


def _render_bytes(column: pa.Array) -> pa.Array:
    values = column.to_pylist()
    return pa.array(
        [None if one is None else base64.b64encode(one).decode() for one in values], pa.large_string()
    )


def _render_float(column: pa.Array) -> pa.Array:
    # Narrow floats as the doubles they equal: a reader that knows doubles only must get the same value.
    texts = column.cast(pa.float64()).cast(pa.string())
    for arrow, ours in _NOT_FINITE.items():
        texts = pc.if_else(pc.equal(texts, arrow), ours, texts)
    return texts


def _render_decimal(column: pa.Array) -> pa.Array:
    texts = column.cast(pa.string())
    if pc.any(pc.match_substring(texts, "E")).as_py():
        return pa.array([None if one is None else f"{one:f}" for one in column.to_pylist()], pa.string())
    return texts


def _render_date(column: pa.Array) -> pa.Array:
    days = column.cast(pa.date32())
    _check_years(days.cast(pa.int32()), 1)
    return days.cast(pa.string())


def _render_timestamp(column: pa.Array) -> pa.Array:
    kind = column.type
    per_day = 86_400 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
    _check_years(column.cast(pa.int64()), per_day)
    zone = pa.timestamp(kind.unit, "UTC" if kind.tz else None)
    return pc.replace_substring(column.cast(zone).cast(pa.string()), " ", "T")


def _check_years(values: pa.Array, per_day: int) -> None:
    bounds = pc.min_max(values).as_py()
    if bounds["min"] is None:
        return
    if bounds["min"] < _FIRST_DAY * per_day or bounds["max"] >= (_LAST_DAY + 1) * per_day:
        raise DataError(
            "value.unrepresentable",
            "A date lies outside of the years 1 to 9999, which ISO 8601 text can hold.",
            hint="Correct the date at its source, or filter the record out.",
        )


_RENDER: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
    (lambda kind: kind == pa.uuid(), _render_uuid),
    (lambda kind: isinstance(kind, pa.BaseExtensionType), lambda column: to_text(column.storage)),
    (
        lambda kind: (
            pa.types.is_binary(kind)
            or pa.types.is_large_binary(kind)
            or pa.types.is_binary_view(kind)
            or pa.types.is_fixed_size_binary(kind)
        ),
        _render_bytes,
    ),
    (pa.types.is_floating, _render_float),
    (pa.types.is_decimal, _render_decimal),
    (pa.types.is_date, _render_date),
    (pa.types.is_timestamp, _render_timestamp),
    (pa.types.is_duration, lambda column: column.cast(pa.int64()).cast(pa.string())),
    (
        pa.types.is_interval,
        lambda column: pa.array([interval_text(one) for one in column.to_pylist()], pa.string()),
    ),
)


class MisfitError(ValueError):
    """A text that is not a value of the type; ``index`` counts from 0 in the array."""

    def __init__(self, index: int) -> None:
        super().__init__(f"value {index}")
        self.index = index


def from_text(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """The values of the texts; nulls stay null. Raises `MisfitError` for the first that does not fit."""
    try:
        return _parse(texts, kind)
    except (pa.ArrowException, ValueError, binascii.Error, InvalidOperation):
        raise MisfitError(_first_misfit(texts, kind)) from None


def _first_misfit(texts: pa.Array, kind: pa.DataType) -> int:
    """Found by halving: the part before the first misfit parses."""
    low, high = 0, len(texts)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            _parse(texts.slice(low, middle - low), kind)
        except (pa.ArrowException, ValueError, binascii.Error, InvalidOperation):
            high = middle
        else:
            low = middle
    return low


def _parse(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return texts.cast(kind)
    if types.is_nested(kind):
        from towpath.sdk.files.nested import from_json, loads

        return from_json([None if one is None else loads(one) for one in texts.to_pylist()], kind)
    for matches, parse in _PARSE:
        if matches(kind):
            return parse(texts, kind)
    return _exact(texts, texts.cast(kind), texts.cast(kind).cast(pa.string()))


def _exact(texts: pa.Array, values: pa.Array, back: pa.Array) -> pa.Array:
    """The values, if each is written as its text is."""
    if not pc.all(pc.equal(texts.cast(pa.string()), back), min_count=0).as_py():
        raise ValueError("not exact")
    return values


def _parse_float(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    plain = texts
    for arrow, ours in _NOT_FINITE.items():
        plain = pc.if_else(pc.equal(plain, ours), arrow, plain)
    doubles = plain.cast(pa.float64())
    back = doubles.cast(pa.string())
    other = pc.not_equal(plain.cast(pa.string()), back)
    pairs = zip(plain.filter(other).to_pylist(), back.filter(other).to_pylist(), strict=True)
    values = doubles.cast(kind, safe=False)
    if any(Decimal(one) != Decimal(two) for one, two in pairs):
        raise ValueError("not exact")
    return _exact(doubles.cast(pa.string()), values, values.cast(pa.float64()).cast(pa.string()))


def _parse_decimal(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    if not pc.all(pc.match_substring_regex(texts, r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"), min_count=0).as_py():
        raise ValueError("not a decimal")
    if pc.any(pc.match_substring_regex(texts, r"^-0(\.0*)?$"), min_count=0).as_py():
        raise ValueError("a decimal has no negative zero")
    return texts.cast(kind)


def _parse_bytes(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    values = [None if one is None else base64.b64decode(one, validate=True) for one in texts.to_pylist()]
    return pa.array(values, kind)


def _parse_uuid(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    found = [None if one is None else UUID(one) for one in texts.to_pylist()]
    if [one and str(one) for one in found] != [one and one.lower() for one in texts.to_pylist()]:
        raise ValueError("not a uuid")
    return kind.wrap_array(pa.array([one and one.bytes for one in found], kind.storage_type))


def _parse_time(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    moments = pc.binary_join_element_wise("1970-01-01", texts.cast(pa.string()), "T")
    return moments.cast(pa.timestamp(kind.unit)).cast(kind)


_Parse = Callable[[pa.Array, pa.DataType], pa.Array]

_PARSE: tuple[tuple[Callable[[pa.DataType], bool], _Parse], ...] = (
    (lambda kind: kind == pa.uuid(), _parse_uuid),
    (
        lambda kind: isinstance(kind, pa.BaseExtensionType),
        lambda texts, kind: kind.wrap_array(_parse(texts, kind.storage_type)),
    ),
    (
        lambda kind: (
            pa.types.is_binary(kind)
            or pa.types.is_large_binary(kind)
            or pa.types.is_binary_view(kind)
            or pa.types.is_fixed_size_binary(kind)
        ),
        _parse_bytes,
    ),
    (pa.types.is_floating, _parse_float),
    (pa.types.is_decimal, _parse_decimal),
    (pa.types.is_time, _parse_time),
    (pa.types.is_timestamp, lambda texts, kind: texts.cast(kind)),
    (pa.types.is_duration, lambda texts, kind: _parse(texts, pa.int64()).cast(kind)),
    (pa.types.is_null, lambda texts, kind: texts.cast(kind)),
)
