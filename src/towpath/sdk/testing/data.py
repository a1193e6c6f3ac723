"""Data that finds what is wrong: every Arrow type with its extremes, hostile names, hostile values."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa

_UTC = dt.UTC

#: Column name → (Arrow type, three values: usual, low, high). A fourth row of nulls follows in `every_type`.
TYPES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "bool": (pa.bool_(), [True, False, True]),
    "int8": (pa.int8(), [1, -(2**7), 2**7 - 1]),
    "int16": (pa.int16(), [1, -(2**15), 2**15 - 1]),
    "int32": (pa.int32(), [1, -(2**31), 2**31 - 1]),
    "int64": (pa.int64(), [1, -(2**63), 2**63 - 1]),
    "uint8": (pa.uint8(), [1, 0, 2**8 - 1]),
    "uint16": (pa.uint16(), [1, 0, 2**16 - 1]),
    "uint32": (pa.uint32(), [1, 0, 2**32 - 1]),
    "uint64": (pa.uint64(), [1, 0, 2**64 - 1]),
    "float32": (pa.float32(), [1.5, -(2.0**127), 2.0**-149]),
    "float64": (pa.float64(), [0.1, -1.7976931348623157e308, 5e-324]),
    "decimal": (pa.decimal128(10, 2), [Decimal("19.99"), Decimal("-99999999.99"), Decimal("0.00")]),
    "decimal_big": (
        pa.decimal128(38, 10),
        [Decimal("0.0000000001"), Decimal("-" + "9" * 28 + "." + "9" * 10), Decimal("1E+20")],
    ),
    "string": (pa.string(), ["plain", "", "é ☃ 𝄞 'quote\" back\\slash\ttab\nline,comma;%_"]),
    "large_string": (pa.large_string(), ["plain", "", "ü" * 5000]),
    "binary": (pa.binary(), [b"bytes", b"", bytes(range(256))]),
    "date": (pa.date32(), [dt.date(2024, 2, 29), dt.date(1000, 1, 1), dt.date(9999, 12, 31)]),
    "time": (pa.time64("us"), [dt.time(12, 34, 56, 789012), dt.time(0), dt.time(23, 59, 59, 999999)]),
    "timestamp": (
        pa.timestamp("us"),
        [
            dt.datetime(2024, 2, 29, 12, 34, 56, 789012),
            dt.datetime(1000, 1, 1),
            dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
        ],
    ),
    "timestamp_utc": (
        pa.timestamp("us", "UTC"),
        [
            dt.datetime(2024, 3, 31, 1, 30, 0, 1, tzinfo=_UTC),
            dt.datetime(1970, 1, 1, tzinfo=_UTC),
            dt.datetime(2262, 1, 1, tzinfo=_UTC),
        ],
    ),
    "uuid": (pa.uuid(), [uuid.UUID(int=1), uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)]),
    "json": (pa.json_(), ['{"a": [1, null, "x"]}', "[]", '{"big": 12345678901234567890}']),
    "list": (pa.list_(pa.int64()), [[1, None, 3], [], [2**62]]),
    "list_string": (pa.list_(pa.string()), [["a", None, "b,\"c'\\"], [], [""]]),
    "struct": (
        pa.struct([("a", pa.int64()), ("b", pa.string())]),
        [{"a": 1, "b": "x"}, {"a": None, "b": None}, {"a": 2, "b": "é"}],
    ),
}


def every_type(*names: str) -> pa.Table:
    """A table with a key column ``id`` and one column per type (all of them by default), in four rows:
    usual values, low ones, high ones, nulls.
    """
    chosen = names or tuple(TYPES)
    columns = {"id": pa.array([1, 2, 3, 4], pa.int64())}
    for name in chosen:
        kind, values = TYPES[name]
        columns[name] = pa.array([*values, None], kind)
    return pa.table(columns)


#: Names that break quoting, paths and case folding. Every one is legal in SQL when quoted.
HOSTILE_NAMES = (
    "select",
    "Mixed Case",
    'double"quote',
    "single'quote",
    "semi;colon --",
    "back`tick",
    "per%cent {brace}",
    "dot.ted",
    "sla/sh",
    "..",
    "ünïcödé ☃",
    "$1",
)

#: Text that breaks escaping, formats and encodings. None holds a NUL: few systems can store one.
HOSTILE_TEXT = (
    "",
    " ",
    "NULL",
    "null",
    "\\N",
    "\\",
    '"',
    "'; drop table x; --",
    "a\tb\nc\r\nd",
    "a,b;c|d",
    "{curly} %s %(x)s $1 ${x}",
    "\u2028\u2029",
    "\ufeffbom",
    "☃𝄞é",
    "\x01\x1f\x7f",
    "0123",
    "1e5",
    "true",
    "2024-01-01",
    "x" * 70_000,
)


def hostile_rows() -> pa.Table:
    """One row per hostile text, with a key."""
    return pa.table(
        {
            "id": pa.array(range(len(HOSTILE_TEXT)), pa.int64()),
            "text": pa.array(HOSTILE_TEXT, pa.string()),
        }
    )
