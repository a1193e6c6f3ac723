"""JSON values as Arrow columns: each type as a whole where all values are usual, else value by value.

Strict: a value that is not one of its column's type is a misfit, never another value. # Invariant 6
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from towpath.sdk.rest import json, types

_NO_VALUE = type(None)
_LATE_ZEROS = re.compile(r"(\.[0-9]{6})0+")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_UTC = pa.timestamp("us", "UTC")
_LOCAL = pa.timestamp("us")
_Misfits = (ValueError, ArithmeticError, pa.ArrowException)


@dataclass(frozen=True)
class _Kind:
    usual: frozenset[type]
    """Types of the values that `whole` may be tried with."""
    whole: Callable[[list[Any]], pa.Array]
    """All values at once; raises one of `_Misfits` if it cannot be sure of each."""
    single: Callable[[Any], Any]
    """One value as ``pa.array`` takes it; raises one of `_Misfits`."""


def fit(values: list[Any], name: str) -> tuple[pa.Array, Sequence[int]]:
    """The column, and the places of the misfits, which are null in it."""
    kind, arrow = _kind(name), types.arrow(name)
    if kind.usual.issuperset({*map(type, values)} - {_NO_VALUE}):
        try:
            return kind.whole(values), ()
        except _Misfits:
            pass
    found, misfits = list[Any](), list[int]()
    for place, value in enumerate(values):
        try:
            found.append(None if value is None else kind.single(value))
        except _Misfits:
            found.append(None)
            misfits.append(place)
    return pa.array(found, arrow), misfits


def _kind(name: str) -> _Kind:
    if name.startswith("decimal"):
        kind = types.arrow(name)
        return _Kind(
            frozenset({str, int, float, Decimal}),
            lambda values: _texts(values).cast(kind),
            lambda value: pa.scalar(_number_text(value)).cast(kind).as_py(),
        )
    return _KINDS[name]


def _texts(values: list[Any]) -> pa.Array:
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _number_text(value: Any) -> str:
    if isinstance(value, bool | list | dict):
        raise ValueError(value)  # noqa: TRY004 - a misfit like others
    return str(value)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(value)  # noqa: TRY004 - a misfit like others
    value.encode()
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _integer(value: Any) -> int:
    if not _is_number(value) or int(value) != value:
        raise ValueError(value)
    return int(pa.scalar(int(value), pa.int64()).as_py())


def _double(value: Any) -> float:
    if not _is_number(value) or Decimal(repr(float(value))) != Decimal(str(value)):
        raise ValueError(value)
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(value)  # noqa: TRY004 - a misfit like others
    return value


def _dates(values: list[Any]) -> pa.Array:
    return pa.array(values, pa.string()).cast(pa.date32())


def _date(value: Any) -> Any:
    return pa.scalar(_string(value)).cast(pa.date32()).as_py()


def _instants(values: list[Any]) -> pa.Array:
    """Text without a zone is in UTC."""
    texts = pa.array(values, pa.string())
    try:
        return texts.cast(_UTC)
    except pa.ArrowInvalid:
        return _in_utc(texts.cast(_LOCAL))


def _in_utc(column: pa.Array) -> pa.Array:
    return column.cast(pa.int64()).cast(_UTC)


def _instant(value: Any) -> int:
    text = pa.array([_LATE_ZEROS.sub(r"\1", _string(value))])
    return int(_instants(text.to_pylist()).cast(pa.int64())[0].as_py())


def _local(value: Any) -> int:
    text = _LATE_ZEROS.sub(r"\1", _string(value))
    return int(pa.scalar(text).cast(_LOCAL).cast(pa.int64()).as_py())


def _epochs(unit: str) -> Callable[[list[Any]], pa.Array]:
    return lambda values: pa.array(values, pa.int64()).cast(pa.timestamp(unit, "UTC")).cast(_UTC)


def _epoch(per_unit: int) -> Callable[[Any], int]:
    def single(value: Any) -> int:
        text = _number_text(value)
        if isinstance(value, str) and not _NUMBER.fullmatch(text):
            raise ValueError(value)
        micros = Decimal(text) * per_unit
        if micros != int(micros):
            raise ValueError(value)
        return int(pa.scalar(int(micros), pa.int64()).as_py())

    return single


def _documents(values: list[Any]) -> pa.Array:
    texts = [None if value is None else json.dumps(value) for value in values]
    return pa.json_().wrap_array(pa.array(texts, pa.string()))


_KINDS = {
    "string": _Kind(frozenset({str}), lambda values: pa.array(values, pa.string()), _string),
    "integer": _Kind(frozenset({int}), lambda values: pa.array(values, pa.int64()), _integer),
    "number": _Kind(frozenset({float, int}), lambda values: pa.array(values, pa.float64()), _double),
    "boolean": _Kind(frozenset({bool}), lambda values: pa.array(values, pa.bool_()), _boolean),
    "date": _Kind(frozenset({str}), _dates, _date),
    "timestamp": _Kind(frozenset({str}), _instants, _instant),
    "timestamp_local": _Kind(
        frozenset({str}), lambda values: pa.array(values, pa.string()).cast(_LOCAL), _local
    ),
    "epoch_s": _Kind(frozenset({int}), _epochs("s"), _epoch(10**6)),
    "epoch_ms": _Kind(frozenset({int}), _epochs("ms"), _epoch(10**3)),
    "json": _Kind(frozenset({str, int, float, bool, list, dict, Decimal}), _documents, json.dumps),
}
