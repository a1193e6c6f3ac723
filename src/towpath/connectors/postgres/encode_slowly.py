"""The same as `_encode` in plain Python, much slower: for where the extension could not be built."""

import json
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import pyarrow as pa

from towpath.connectors.postgres.wire import Kind, Wire

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

#: A value on the wire, without its length; None for a null.
Cell: TypeAlias = bytes | None

_HAS_NUL, _NOT_UTF8, _OUT_OF_RANGE, _TOO_FINE, _NOT_JSON, _NOT_A_NUMBER, _KEY_IS_NULL, _TOO_LONG = range(1, 9)
_NULL = struct.pack(">i", -1)
_EPOCH_DAYS, _EPOCH_MICROS = 10957, 946_684_800_000_000
_DAYS = range(-2451545, 2145031949)
_FIRST_MICRO, _DAY_MICROS = -211_813_488_000_000_000, 86_400_000_000
_MAX_SCALE, _MAX_WHOLE, _MAX_DEPTH = 16383, 131072, 1000
_INT64 = range(-(2**63), 2**63)
_PACKED = {
    Kind.INT8: ">h",
    Kind.UINT8: ">h",
    Kind.INT16: ">h",
    Kind.UINT16: ">i",
    Kind.INT32: ">i",
    Kind.UINT32: ">q",
    Kind.INT64: ">q",
}


class _Problem(Exception):  # noqa: N818 - not an error: the number of what is wrong with a value
    pass


class Frame:
    """Rows of equally long arrays, each with its `Wire`. ``problems`` and `encode` as of `_encode.Frame`."""

    def __init__(self, columns: Sequence[tuple[pa.Array, Wire]], rows: int) -> None:
        self.rows = rows
        found: dict[int, tuple[int, int, int]] = {}
        self._cells: list[list[Cell]] = []
        for place, (array, wire) in enumerate(columns):
            cells, problems = _cells(array, wire)
            self._cells.append(cells)
            for row, problem in problems.items():
                found.setdefault(row, (row, place, problem))
        self._left_out = set(found)
        self.problems = sorted(found.values(), key=lambda one: (one[1], one[0]))

    @property
    def size(self) -> int:
        return sum(4 + len(cell or b"") for cells in self._cells for cell in cells)

    def encode(self, start: int, stop: int) -> bytes:
        count = struct.pack(">h", len(self._cells))
        rows = (row for row in range(start, stop) if row not in self._left_out)
        return b"".join(count + b"".join(_sized(cells[row]) for cells in self._cells) for row in rows)


def _sized(cell: Cell) -> bytes:
    return _NULL if cell is None else struct.pack(">i", len(cell)) + cell


def _cells(array: pa.Array, wire: Wire) -> tuple[list[Cell], dict[int, int]]:
    """The values on the wire, and by row the numbers of the problems of those that are not there."""
    put = _put(array.type, wire)
    cells: list[Cell] = []
    problems: dict[int, int] = {}
    for row, value in enumerate(_values(array, wire)):
        try:
            if value is None and wire.required:
                raise _Problem(_KEY_IS_NULL)
            cells.append(None if value is None else put(value))
        except _Problem as problem:
            cells.append(None)
            problems[row] = problem.args[0]
    return cells, problems


def _values(array: pa.Array, wire: Wire) -> list[Any]:
    """The values as integers, bytes, decimals, intervals, or for lists as lists of elements on the wire."""
    if wire.kind is Kind.NULL:
        return [None] * len(array)
    if wire.kind is Kind.DATE:
        array = array.view(pa.int32())
    if wire.kind in (Kind.TIME, Kind.TIMESTAMP, Kind.DURATION):
        array = array.view(pa.int64())
    if wire.kind in (Kind.TEXT, Kind.JSON, Kind.JSONB, Kind.NUMERIC):
        array = array.view(pa.large_binary() if wire.wide else pa.binary())
    if wire.kind is Kind.LIST and wire.item is not None:
        return [_elements(one.values, wire.item) if one.is_valid else None for one in array]
    return list(array.to_pylist())


def _elements(array: pa.Array, wire: Wire) -> list[Cell] | int:
    """The elements of one list; the number of the first problem if there is one."""
    cells, problems = _cells(array, wire)
    return problems[min(problems)] if problems else cells


def _put(kind: pa.DataType, wire: Wire) -> Callable[[Any], bytes]:
    if pa.types.is_floating(kind):
        return struct.Struct(">f" if pa.types.is_float32(kind) else ">d").pack
    if wire.kind in _PACKED:
        unsigned = kind == pa.uint32() and wire.kind is Kind.INT32
        return struct.Struct(">I" if unsigned else _PACKED[wire.kind]).pack
    known: dict[Kind, Callable[[Any], bytes]] = {
        Kind.BOOL: lambda value: b"\1" if value else b"\0",
        Kind.UINT64: lambda value: _numeric(str(value), 0),
        Kind.DECIMAL: lambda value: _numeric(f"{value:f}", wire.unit),
        Kind.DATE: _date,
        Kind.TIME: lambda value: _time(_micros(value, wire.unit)),
        Kind.TIMESTAMP: lambda value: _timestamp(_micros(value, wire.unit)),
        Kind.DURATION: lambda value: struct.pack(">qii", _micros(value, wire.unit), 0, 0),
        Kind.INTERVAL: lambda value: struct.pack(">qii", _micros(value[2], -1000), value[1], value[0]),
        Kind.TEXT: _text,
        Kind.JSON: lambda value: _json(value, binary=False),
        Kind.JSONB: lambda value: b"\1" + _json(value, binary=True),
        Kind.NUMERIC: lambda value: _numeric(value.decode(errors="replace"), None),
        Kind.LIST: lambda value: _list(value, wire.element),
    }
    return known.get(wire.kind, bytes)


def _micros(value: int, unit: int) -> int:
    """Microseconds of a count in Arrow's unit."""
    if unit < 0 and value % -unit:
        raise _Problem(_TOO_FINE)
    micros = value * unit if unit > 0 else value // -unit
    if micros not in _INT64:
        raise _Problem(_OUT_OF_RANGE)
    return micros


def _date(value: int) -> bytes:
    if value - _EPOCH_DAYS not in _DAYS:
        raise _Problem(_OUT_OF_RANGE)
    return struct.pack(">i", value - _EPOCH_DAYS)


def _time(micros: int) -> bytes:
    if not 0 <= micros <= _DAY_MICROS:
        raise _Problem(_OUT_OF_RANGE)
    return struct.pack(">q", micros)


def _timestamp(micros: int) -> bytes:
    if micros - _EPOCH_MICROS < _FIRST_MICRO:
        raise _Problem(_OUT_OF_RANGE)
    return struct.pack(">q", micros - _EPOCH_MICROS)


def _text(value: bytes) -> bytes:
    try:
        value.decode()
    except UnicodeDecodeError:
        raise _Problem(_NOT_UTF8) from None
    if b"\0" in value:
        raise _Problem(_HAS_NUL)
    return value


_LONE = re.compile(r"[\ud800-\udfff]")


def _json(value: bytes, *, binary: bool) -> bytes:
    number = _number if binary else _nothing
    text = _text(value).decode()
    try:
        document = json.loads(text, parse_float=number, parse_int=number, parse_constant=_no)
    except RecursionError:
        raise _Problem(_TOO_LONG) from None
    except ValueError:
        raise _Problem(_NOT_JSON) from None
    texts = list(_texts(document))
    if binary and any("\0" in part for part in texts):
        raise _Problem(_HAS_NUL)
    if binary and any(_LONE.search(part) for part in texts):
        raise _Problem(_NOT_JSON)
    return value


def _number(text: str) -> None:
    _numeric(text, None)


def _nothing(_: str) -> None:
    pass


def _no(_: str) -> None:
    raise ValueError


def _texts(document: Any) -> Iterator[str]:
    """All texts and names of a document; without recursion, which deep documents would exhaust."""
    waiting = [(document, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            if depth >= _MAX_DEPTH:
                raise _Problem(_TOO_LONG)
            parts = [*value, *value.values()] if isinstance(value, dict) else value
            waiting += [(part, depth + 1) for part in parts]


_NUMBER = re.compile(r"[+-]?(?=\.?[0-9])[0-9]*\.?[0-9]*(e[+-]?[0-9]+)?", re.IGNORECASE | re.ASCII)
_SPECIAL = {"nan": 0xC000, "infinity": 0xD000, "inf": 0xD000, "-infinity": 0xF000, "-inf": 0xF000}


def _numeric(text: str, scale: int | None) -> bytes:
    """The wire form of a number; ``scale`` None for that of the text itself."""
    if sign := _SPECIAL.get(text.lower().removeprefix("+").replace("-nan", "nan")):
        return struct.pack(">hhHh", 0, 0, sign, 0)
    if not _NUMBER.fullmatch(text):
        raise _Problem(_NOT_A_NUMBER)
    try:
        negative, digits, exponent = Decimal(text).as_tuple()
    except ArithmeticError:
        raise _Problem(_OUT_OF_RANGE) from None
    exponent = int(exponent)
    scale = max(-exponent, 0) if scale is None else scale
    if scale > _MAX_SCALE or len(digits) + exponent > _MAX_WHOLE:
        raise _Problem(_OUT_OF_RANGE)
    return _groups("".join(map(str, digits)), exponent, scale, 0x4000 if negative else 0)


def _groups(digits: str, exponent: int, scale: int, sign: int) -> bytes:
    """Digits in groups of four around the point, without zero groups at either end."""
    digits += "0" * (exponent % 4)
    low = exponent // 4
    digits = digits.rjust(-(-len(digits) // 4) * 4, "0")
    groups = [int(digits[at : at + 4]) for at in range(0, len(digits), 4)]
    while groups and groups[-1] == 0:
        groups.pop()
        low += 1
    while groups and groups[0] == 0:
        groups.pop(0)
    if not groups:
        return struct.pack(">hhHh", 0, 0, 0, scale)
    weight = low + len(groups) - 1
    return struct.pack(f">HhHh{len(groups)}h", len(groups), weight, sign, scale, *groups)


def _list(cells: list[Cell] | int, element: int) -> bytes:
    if isinstance(cells, int):
        raise _Problem(cells)
    head = struct.pack(">iiI", bool(cells), any(cell is None for cell in cells), element)
    size = struct.pack(">ii", len(cells), 1) if cells else b""
    return head + size + b"".join(map(_sized, cells))
