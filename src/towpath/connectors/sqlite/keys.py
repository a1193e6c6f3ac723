"""Comparing stored values as what they mean, where SQLite alone would compare their spelling.

Timestamps may be spelled in several ways, wide decimals and large integers are texts: for these types the
connection gets a function that makes a text whose order is the order of the values.
"""

import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation, localcontext
from functools import partial
from typing import Any
from uuid import UUID

import pyarrow as pa

from towpath.connectors.sqlite.catalog import MARK
from towpath.connectors.sqlite.types import EXACT_DIGITS
from towpath.sdk import AnyOf, Clause, ConfigError, Operator, Selection, State
from towpath.sdk.cursor import names, since, to_json
from towpath.sdk.sql import any_of, coalesce, condition, literal, quote

_FRACTION = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_DATE, _CLOCK = len("2026-01-31"), len("00:00:00")
_SIGNS = {
    Operator.EQ: "=",
    Operator.NE: "<>",
    Operator.LT: "<",
    Operator.LE: "<=",
    Operator.GT: ">",
    Operator.GE: ">=",
}
Key = Callable[[Any], Any]


class Keys:
    """The comparisons of one selection, over one connection."""

    def __init__(self, connection: sqlite3.Connection, selection: Selection) -> None:
        self._connection, self._schema = connection, selection.stream.schema
        self._made: set[int] = set()

    def order(self, name: str) -> str:
        """An expression that sorts and compares as the column's type does."""
        place = self._schema.get_field_index(name)
        key = key_of(self._schema.field(place).type)
        if key is None:
            return quote(name, MARK)
        if place not in self._made:
            self._connection.create_function(f"_towpath_key_{place}", 1, _patient(key), deterministic=True)
            self._made.add(place)
        return f"_towpath_key_{place}({quote(name, MARK)})"

    def cursor(self, selection: Selection) -> str:
        """The same for the cursor, of which the fallback may be a part."""
        return coalesce([self.order(name) for name in names(selection)])

    def value(self, name: str, value: Any) -> str:
        """The literal to compare `order` with. Raises `ConfigError` ``filter.invalid`` if there is none."""
        type = self._schema.field(name).type
        key = key_of(type)
        try:
            if value is None or key is None:
                return literal(_number(value) if _is_number(type) else value)
            return literal(key(value))
        except (ValueError, InvalidOperation, TypeError):
            raise ConfigError(
                "filter.invalid",
                f"{value!r} is not a value of type {type}, as the column {name!r} has it.",
                hint="Write it as the column's values are written.",
                field="where",
            ) from None

    def condition(self, item: Clause) -> str:
        """One part of the row filter."""
        if isinstance(item, AnyOf):
            return any_of([self.condition(one) for one in item.conditions])
        if item.operator is Operator.IN:
            values = ", ".join(self.value(item.column, value) for value in item.value)
            return f"{self.order(item.column)} IN ({values})"
        if item.operator in _SIGNS:
            return f"{self.order(item.column)} {_SIGNS[item.operator]} {self.value(item.column, item.value)}"
        return condition(item, mark=MARK)

    def following(self, selection: Selection, state: State | None) -> list[str]:
        """The conditions that a record is not before the state."""
        low = since(selection, state)
        if low is None or selection.cursor is None:
            return []
        text = to_json(low)
        exact = f"{self.cursor(selection)} >= {self.value(selection.cursor, text)}"
        rough = [] if selection.cursor_fallback else _roughly(selection.cursor, low.type, str(text))
        return [*rough, exact]


def _roughly(name: str, type: pa.DataType, text: str) -> list[str]:
    """For timestamps: a bound on the bare column, which an index can serve, wide enough for any spelling."""
    if not pa.types.is_timestamp(type) or not text[:_DATE].replace("-", "").isdecimal():
        return []
    day = date.fromisoformat(text[:_DATE])
    early = day - timedelta(days=2) if day.year > 1 else day
    return [f"{quote(name, MARK)} >= {literal(early)}"]


def key_of(type: pa.DataType) -> Key | None:
    """What makes comparable texts of stored values; None where SQLite compares them rightly itself."""
    if pa.types.is_timestamp(type):
        return partial(_timestamp, _FRACTION[type.unit], type.tz is not None)
    if pa.types.is_time(type):
        return partial(_time, _FRACTION[type.unit])
    if pa.types.is_decimal(type) and type.precision > EXACT_DIGITS:
        return partial(_decimal, type.precision, type.scale)
    if type == pa.uint64():
        return partial(_decimal, 20, 0)
    return _uuid if type == pa.uuid() else None


def _patient(key: Key) -> Key:
    """As SQLite calls it: null stays null; what does not parse is compared as it is, and fails when read."""

    def compare(value: Any) -> Any:
        try:
            return None if value is None else key(value)
        except (ValueError, InvalidOperation, TypeError):
            return value

    return compare


def _timestamp(digits: int, zoned: bool, text: str) -> str:
    day, clock = text[:_DATE], text[_DATE + 1 :].removesuffix("Z").removesuffix("+00:00")
    date.fromisoformat(day)
    if zoned and ("+" in clock or "-" in clock):
        return _shifted(text, digits)
    whole, _, fraction = (clock or "00:00").partition(".")
    return f"{day} {f'{whole}:00'[:_CLOCK]}" + _fraction(fraction, digits)


def _fraction(text: str, digits: int) -> str:
    return f".{text:0<{digits}}" if digits else ""


def _shifted(text: str, digits: int) -> str:
    moment = datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
    return _timestamp(digits, False, moment.isoformat(" "))


def _time(digits: int, text: str) -> str:
    return _timestamp(digits, False, "1970-01-01 " + text)


def _decimal(precision: int, scale: int, value: float | str) -> str:
    """A text of one length: the digits of the value plus ten to its precision, so that none is negative."""
    with localcontext(prec=precision + 10):
        number = Decimal(str(value))
        return f"{(number + Decimal(10) ** (precision - scale)).scaleb(scale):0{precision + 2}f}"


def _uuid(value: str | bytes) -> str:
    return str(UUID(bytes=value) if isinstance(value, bytes) else UUID(value))


def _is_number(type: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type) or pa.types.is_decimal(type) or pa.types.is_floating(type))


def _number(value: Any) -> Any:
    return Decimal(value) if isinstance(value, str) else value
