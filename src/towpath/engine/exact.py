"""Typed values out of the plain JSON that `towpath.engine.plain` makes of them.

Nothing is guessed and nothing rounded: a value that is not exactly one of its column's type is refused.
# Invariant 6
"""

import base64
import datetime as dt
import json
import math
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

_DIGITS: Mapping[str, int] = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)([T ](?P<time>\d\d:\d\d(:\d\d)?)(\.(?P<fraction>\d{1,9}))?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d(:\d\d)?)?"
)
_TIME = re.compile(r"(?P<time>\d\d:\d\d(:\d\d)?)(\.(?P<fraction>\d{1,9}))?")
_DURATION = re.compile(
    r"((?P<days>-?\d+) days?,? )?\+?(?P<h>\d+):(?P<m>\d\d):(?P<s>\d\d)(\.(?P<fraction>\d{1,9}))?"
)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SECOND = dt.timedelta(seconds=1)
#: Characters of a value that a message shows.
_LONGEST = 60


def array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """The Arrow array of plain values. Raises `ValueError` (`pyarrow.ArrowInvalid` is one) if any of them
    is not exactly a value of the type.
    """
    try:
        built = pa.array([_exact(value, kind) for value in values], _storage(kind))
    except OverflowError as error:
        raise ValueError(str(error)) from error
    return built if built.type == kind else built.cast(kind)


def _exact(value: Any, kind: pa.DataType) -> Any:
    """What `pyarrow.array` takes for the storage of the type: an int for times, bytes for uuids."""
    if value is None:
        return None
    for fits, read in _READERS:
        if fits(kind):
            try:
                return read(value, kind)
            except (TypeError, ArithmeticError) as error:
                raise _wrong(value, kind) from error
    raise ValueError(f"values of type {kind} cannot be sent again")


def _storage(kind: pa.DataType) -> pa.DataType:
    """The type with that of its storage in the place of every extension type."""
    if isinstance(kind, pa.BaseExtensionType):
        return kind.storage_type
    if pt.is_fixed_size_list(kind):
        return pa.list_(_item(kind), kind.list_size)
    if _is_list(kind):
        return (pa.list_ if pt.is_list(kind) else pa.large_list)(_item(kind))
    if pt.is_struct(kind):
        return pa.struct([field.with_type(_storage(field.type)) for field in kind])
    if pt.is_map(kind):
        return pa.map_(_storage(kind.key_type), kind.item_field.with_type(_storage(kind.item_type)))
    return kind


def _item(kind: pa.DataType) -> pa.Field:
    return kind.value_field.with_type(_storage(kind.value_type))


def _wrong(value: Any, kind: pa.DataType) -> ValueError:
    return ValueError(f"{_short(value)} is not a value of type {kind}")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


# ── one reader for each family of types ──────────────────────────────────────────────────────────────


def _same(*types: type) -> Callable[[Any, pa.DataType], Any]:
    def read(value: Any, kind: pa.DataType) -> Any:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise _wrong(value, kind)
        return value

    return read


def _integer(value: Any, kind: pa.DataType) -> int:
    number = int(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int):
        raise _wrong(value, kind)
    return number


def _number(value: Any, kind: pa.DataType) -> float:
    if isinstance(value, bool):
        raise _wrong(value, kind)
    number = float(value)
    if not isinstance(value, float) and math.isfinite(number) and Decimal(repr(number)) != Decimal(value):
        raise _wrong(value, kind)
    # One that is too large for the type would become infinite without a word.
    if math.isinf(pa.scalar(number, kind).as_py()) and value not in ("inf", "-inf"):
        raise _wrong(value, kind)
    return number


def _decimal(value: Any, kind: pa.DataType) -> Decimal:
    if isinstance(value, bool):
        raise _wrong(value, kind)
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation as error:
        raise _wrong(value, kind) from error
    if not number.is_finite():
        raise _wrong(value, kind)
    return number


def _binary(value: Any, _: pa.DataType) -> bytes:
    return base64.b64decode(value, validate=True)


def _date(value: Any, kind: pa.DataType) -> dt.date:
    if not isinstance(value, str) or len(value) != len("2024-02-29"):
        raise _wrong(value, kind)
    return dt.date.fromisoformat(value)


def _moment(value: Any, kind: pa.DataType) -> int:
    found = _MOMENT.fullmatch(value)
    if found is None or (found["zone"] is None) != (kind.tz is None):
        zone = "without a zone" if kind.tz is None else "with a zone, such as +00:00"
        raise ValueError(f"{_short(value)} is not a time {zone}, such as 2024-02-29T12:34:56")
    text = f"{found['day']}T{found['time'] or '00:00'}{found['zone'] or '+00:00'}"
    seconds: int = (dt.datetime.fromisoformat(text) - _EPOCH) // _SECOND
    return _units(seconds, found["fraction"], kind)


def _time(value: Any, kind: pa.DataType) -> int:
    found = _TIME.fullmatch(value)
    if found is None:
        raise _wrong(value, kind)
    time = dt.time.fromisoformat(found["time"])
    return _units(time.hour * 3600 + time.minute * 60 + time.second, found["fraction"], kind)


def _duration(value: Any, kind: pa.DataType) -> int:
    found = _DURATION.fullmatch(value)
    if found is None:
        raise _wrong(value, kind)
    days, hours, minutes, seconds = (int(found[name] or 0) for name in ("days", "h", "m", "s"))
    return _units(((days * 24 + hours) * 60 + minutes) * 60 + seconds, found["fraction"], kind)


def _units(seconds: int, fraction: str | None, kind: pa.DataType) -> int:
    """Whole units of the type; more digits than it has are refused, not cut off."""
    digits: int = _DIGITS[kind.unit]
    text = (fraction or "").rstrip("0")
    if len(text) > digits:
        raise ValueError(f"the fraction .{text} has more digits than the type {kind}")
    units: int = 10**digits
    return seconds * units + int(text.ljust(digits, "0") or 0)


def _interval(value: Any, _: pa.DataType) -> pa.MonthDayNano:
    # Integers beyond what JSON carries safely were written as text.
    return pa.MonthDayNano([int(part) for part in value])


def _extension(value: Any, kind: pa.DataType) -> Any:
    if kind == pa.uuid():
        if not isinstance(value, str):
            raise _wrong(value, kind)
        return uuid.UUID(value).bytes
    if not isinstance(value, str) and pt.is_string(kind.storage_type):
        return json.dumps(value, ensure_ascii=False)
    return _exact(value, kind.storage_type)


def _list(value: Any, kind: pa.DataType) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(value, kind)
    return [_exact(item, kind.value_type) for item in value]


def _struct(value: Any, kind: pa.DataType) -> dict[str, Any]:
    known = {field.name: field.type for field in kind}
    if not isinstance(value, Mapping) or not known.keys() >= value.keys():
        raise _wrong(value, kind)
    return {name: _exact(item, known[name]) for name, item in value.items()}


def _map(value: Any, kind: pa.DataType) -> list[tuple[Any, Any]]:
    pairs = list(value.items()) if isinstance(value, Mapping) else value
    return [(_exact(key, kind.key_type), _exact(item, kind.item_type)) for key, item in pairs]


def _value_type(value: Any, kind: pa.DataType) -> Any:
    return _exact(value, kind.value_type)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def _is_binary(kind: pa.DataType) -> bool:
    variable = pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_binary_view(kind)
    return bool(variable or pt.is_fixed_size_binary(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind))


_READERS: Sequence[tuple[Callable[[pa.DataType], bool], Callable[[Any, pa.DataType], Any]]] = (
    (lambda kind: isinstance(kind, pa.BaseExtensionType), _extension),
    (pt.is_boolean, _same(bool)),
    (pt.is_integer, _integer),
    (pt.is_floating, _number),
    (pt.is_decimal, _decimal),
    (_is_text, _same(str)),
    (_is_binary, _binary),
    (pt.is_date, _date),
    (pt.is_timestamp, _moment),
    (pt.is_time, _time),
    (pt.is_duration, _duration),
    (lambda kind: kind == pa.month_day_nano_interval(), _interval),
    (_is_list, _list),
    (pt.is_struct, _struct),
    (pt.is_map, _map),
    (pt.is_dictionary, _value_type),
)
