"""Random Arrow data: arrays of every type, with nulls, at any offset into their buffers."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

_US = 1_000_000
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)


def _integers(bits: int, *, signed: bool = True) -> st.SearchStrategy[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.integers(low, high) | st.sampled_from([low, high])


def _decimals(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    most = 10**precision - 1
    return st.integers(-most, most).map(lambda value: Decimal(value).scaleb(-scale, None))


#: Type → its values; times as the integers that Arrow stores where Python knows fewer of them.
VALUES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.bool_(): st.booleans(),
    pa.int8(): _integers(8),
    pa.int16(): _integers(16),
    pa.int32(): _integers(32),
    pa.int64(): _integers(64),
    pa.uint8(): _integers(8, signed=False),
    pa.uint16(): _integers(16, signed=False),
    pa.uint32(): _integers(32, signed=False),
    pa.uint64(): _integers(64, signed=False),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.decimal128(1, 0): st.integers(-9, 9).map(Decimal),
    pa.decimal128(12, 5): st.integers(-(10**12) + 1, 10**12 - 1).map(lambda value: Decimal(f"{value}E-5")),
    pa.decimal128(38, 38): st.integers(0, 10**9).map(lambda value: Decimal(f"{value}E-38")),
    pa.decimal128(38, 0): st.integers(-(10**18), 10**18).map(Decimal),
    pa.string(): _TEXT,
    pa.large_string(): _TEXT,
    pa.binary(): st.binary(max_size=20),
    pa.large_binary(): st.binary(max_size=20),
    pa.binary(5): st.binary(min_size=5, max_size=5),
    pa.date32(): st.dates(),
    pa.time32("ms"): st.integers(0, 86_399_999),
    pa.time64("us"): st.integers(0, 86_400 * _US - 1),
    pa.timestamp("s"): st.integers(-60_000_000_000, 250_000_000_000),
    pa.timestamp("ms"): st.integers(-60_000_000_000_000, 250_000_000_000_000),
    pa.timestamp("us"): st.datetimes(),
    pa.timestamp("us", "UTC"): st.datetimes(timezones=st.just(dt.UTC)),
    pa.timestamp("ns"): st.integers(-(2**62) // 1000, 2**62 // 1000).map(lambda value: value * 1000),
    pa.duration("us"): st.integers(-(10**15), 10**15),
    pa.month_day_nano_interval(): st.tuples(
        _integers(32), _integers(32), st.integers(-(10**15), 10**15).map(lambda value: value * 1000)
    ),
    pa.uuid(): st.uuids(),
    pa.json_(): _JSON.map(lambda value: json.dumps(value, ensure_ascii=False)),
    pa.list_(pa.int32()): st.lists(st.none() | _integers(32), max_size=4),
    pa.large_list(pa.string()): st.lists(st.none() | _TEXT, max_size=4),
    pa.list_(pa.decimal128(9, 3)): st.lists(
        st.none() | st.integers(-(10**8), 10**8).map(lambda value: Decimal(f"{value}E-3")), max_size=3
    ),
}


@st.composite
def arrays(draw: st.DrawFn, kind: pa.DataType, rows: int) -> pa.Array:
    """An array of that many rows, cut out of a longer one."""
    before, after = draw(st.integers(0, 9)), draw(st.integers(0, 2))
    total = before + rows + after
    values = draw(st.lists(st.none() | VALUES[kind], min_size=total, max_size=total))
    return pa.array(values, kind).slice(before, rows)


@st.composite
def batches(draw: st.DrawFn, max_rows: int = 12) -> pa.RecordBatch:
    """A batch with a column of every type, or of some of them."""
    rows = draw(st.integers(0, max_rows))
    kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, unique=True))
    return pa.RecordBatch.from_arrays(
        [draw(arrays(kind, rows)) for kind in kinds], [f"c{place}" for place in range(len(kinds))]
    )
