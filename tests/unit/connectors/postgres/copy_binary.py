"""PostgreSQL's COPY binary format, written in plain Python: what the decoder's tests feed it."""

import datetime as dt
import struct
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_DAY_ZERO = dt.date(2000, 1, 1)
_ZERO = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - PostgreSQL's timestamp has no zone
_MICRO = dt.timedelta(microseconds=1)


def stream(wires: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """The whole COPY of the rows; None is null."""
    return HEADER + b"".join(row(wires, values) for values in rows) + TRAILER


def row(wires: Sequence[str], values: Sequence[Any]) -> bytes:
    fields = (field(wire, value) for wire, value in zip(wires, values, strict=True))
    return struct.pack("!h", len(wires)) + b"".join(fields)


def field(wire: str, value: Any) -> bytes:
    if value is None:
        return struct.pack("!i", -1)
    data = array(wire.removesuffix("[]"), value) if wire.endswith("[]") else _WRITE[wire](value)
    return struct.pack("!i", len(data)) + data


def array(wire: str, values: Sequence[Any], *, dimensions: int = 1, lower: int = 1) -> bytes:
    if not values:
        return struct.pack("!iiI", 0, 0, 25)
    head = struct.pack("!iiI", dimensions, None in values, 25)
    bounds = struct.pack("!ii", len(values), lower) + struct.pack("!ii", 1, 1) * (dimensions - 1)
    return head + bounds + b"".join(field(wire, value) for value in values)


def numeric(value: Decimal) -> bytes:
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    scale = max(-exponent, 0)
    text = "".join(map(str, digits)) + "0" * max(exponent, 0)
    whole, fraction = (text[:-scale], text[-scale:]) if scale else (text, "")
    whole = whole.rjust(-(-len(whole) // 4) * 4, "0")
    fraction = fraction.rjust(scale, "0")
    fraction = fraction.ljust(-(-len(fraction) // 4) * 4, "0")
    groups = [int((whole + fraction)[at : at + 4]) for at in range(0, len(whole + fraction), 4)]
    weight = len(whole) // 4 - 1
    while groups and groups[0] == 0:
        groups.pop(0)
        weight -= 1
    while groups and groups[-1] == 0:
        groups.pop()
    head = struct.pack("!hhHH", len(groups), weight if groups else 0, 0x4000 * sign, scale)
    return head + struct.pack(f"!{len(groups)}h", *groups)


_WRITE = {
    "bool": lambda value: struct.pack("!?", value),
    "int16": lambda value: struct.pack("!h", value),
    "int32": lambda value: struct.pack("!i", value),
    "uint32": lambda value: struct.pack("!I", value),
    "int64": lambda value: struct.pack("!q", value),
    "float32": lambda value: struct.pack("!f", value),
    "float64": lambda value: struct.pack("!d", value),
    "decimal": numeric,
    "text": str.encode,
    "jsonb": lambda value: b"\1" + value.encode(),
    "bytes": bytes,
    "uuid": lambda value: value.bytes,
    "date": lambda value: struct.pack("!i", (value - _DAY_ZERO).days),
    "time": lambda value: struct.pack("!q", (dt.datetime.combine(_DAY_ZERO, value) - _ZERO) // _MICRO),
    "timestamp": lambda value: struct.pack("!q", (value - _ZERO) // _MICRO),
    "interval": lambda value: struct.pack("!qii", value.nanoseconds // 1000, value.days, value.months),
}

_I32 = st.integers(-(2**31), 2**31 - 1)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)

#: Form on the wire → (Arrow type, values).
KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "bool": (pa.bool_(), st.booleans()),
    "int16": (pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    "int32": (pa.int32(), _I32),
    "uint32": (pa.uint32(), st.integers(0, 2**32 - 1)),
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "float32": (pa.float32(), st.floats(width=32, allow_nan=False)),
    "float64": (pa.float64(), st.floats(allow_nan=False)),
    "decimal": (
        pa.decimal128(38, 9),
        st.integers(-(10**38) + 1, 10**38 - 1).map(lambda n: Decimal((int(n < 0), _digits(n), -9))),
    ),
    "text": (pa.string(), _TEXT),
    "jsonb": (pa.json_(), _TEXT),
    "bytes": (pa.binary(), st.binary(max_size=20)),
    "uuid": (pa.uuid(), st.uuids()),
    "date": (pa.date32(), st.dates()),
    "time": (pa.time64("us"), st.times()),
    "timestamp": (pa.timestamp("us"), st.datetimes()),
    "interval": (
        pa.month_day_nano_interval(),
        st.builds(
            lambda months, days, micros: pa.MonthDayNano([months, days, micros * 1000]),
            _I32,
            _I32,
            st.integers(-(10**15), 10**15),
        ),
    ),
}


def _digits(number: int) -> tuple[int, ...]:
    return tuple(map(int, str(abs(number))))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], pa.Schema, list[list[Any]]]:
    """Forms on the wire, the schema they decode to, and rows."""
    wires = draw(
        st.lists(st.sampled_from([*KINDS, *(f"{kind}[]" for kind in KINDS)]), min_size=1, max_size=4)
    )
    types, values = zip(*map(_kind, wires), strict=True)
    rows = draw(st.lists(st.tuples(*(st.none() | value for value in values)).map(list), max_size=12))
    return wires, pa.schema([(f"c{place}", kind) for place, kind in enumerate(types)]), rows


def _kind(wire: str) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    kind, values = KINDS[wire.removesuffix("[]")]
    if not wire.endswith("[]"):
        return kind, values
    return pa.list_(kind), st.lists(st.none() | values, max_size=4)
