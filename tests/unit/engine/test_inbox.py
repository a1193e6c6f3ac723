"""What was rejected comes back as exactly what it was, or is rejected again."""

import datetime as dt
import json
import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.engine.inbox import restore
from towpath.engine.plain import plain
from towpath.sdk.testing.data import HOSTILE_NAMES, TYPES, every_type, hostile_rows

_MOMENTS = st.datetimes(*map(dt.datetime.fromisoformat, ("0001-01-02", "9999-12-30")))
_INT64 = st.integers(-(2**63), 2**63 - 1)

#: Arrow type → strategy for its values.
MORE = {
    pa.int64(): _INT64,
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float64(): st.floats(),
    pa.float32(): st.floats(width=32),
    pa.decimal128(38, 10): st.decimals(-(10**27), 10**27, places=10),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"])),
    pa.binary(): st.binary(),
    pa.binary(3): st.binary(min_size=3, max_size=3),
    pa.bool_(): st.booleans(),
    pa.date32(): st.dates(),
    pa.date64(): st.dates(),
    pa.time64("us"): st.times(),
    pa.timestamp("us"): _MOMENTS,
    pa.timestamp("us", "UTC"): _MOMENTS.map(lambda value: value.replace(tzinfo=dt.UTC)),
    pa.timestamp("us", "Europe/Amsterdam"): _MOMENTS.map(lambda value: value.replace(tzinfo=dt.UTC)),
    pa.timestamp("ns"): st.integers(-(10**18), 10**18),
    pa.duration("us"): st.timedeltas(-dt.timedelta(days=10**8), dt.timedelta(days=10**8)),
    pa.month_day_nano_interval(): st.tuples(st.integers(-99, 99), st.integers(-99, 99), _INT64).map(
        pa.MonthDayNano
    ),
    pa.uuid(): st.uuids(),
    pa.json_(): st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.none()).map(json.dumps),
    pa.dictionary(pa.int32(), pa.string()): st.sampled_from(["a", "b"]),
    pa.list_(pa.decimal128(5, 2)): st.lists(st.none() | st.decimals(-999, 999, places=2)),
    pa.list_(pa.int64(), 2): st.lists(_INT64, min_size=2, max_size=2),
    pa.map_(pa.string(), pa.time64("us")): st.dictionaries(st.sampled_from("abc"), st.times()).map(
        lambda value: list(value.items())
    ),
    pa.struct([("a", pa.timestamp("us", "UTC")), ("b", pa.binary())]): st.fixed_dictionaries(
        {"a": st.none() | _MOMENTS.map(lambda value: value.replace(tzinfo=dt.UTC)), "b": st.binary()}
    ),
}


def stored(batch):
    """The records as the inbox keeps them."""
    return json.loads(json.dumps([plain(record) for record in batch.to_pylist()]))


def assert_same(batch, schema):
    restored, misfits = restore(stored(batch), schema)
    assert not misfits
    for before, after in zip(batch.columns, restored.columns, strict=True):
        assert before.type == after.type
        assert _bare(before) == _bare(after)


def _bare(column):
    """The values, comparable: NaN equals NaN."""
    values = column.to_pylist()
    return ["nan" if isinstance(value, float) and math.isnan(value) else value for value in values]


@pytest.mark.parametrize("name", TYPES)
def test_every_type_comes_back(name):
    for batch in every_type(name).to_batches():
        assert_same(batch, batch.schema)


def test_hostile_names_and_texts_come_back():
    table = pa.table({name: [n, None] for n, name in enumerate(HOSTILE_NAMES)})
    for batch in (*table.to_batches(), *hostile_rows().to_batches()):
        assert_same(batch, batch.schema)


def test_uuids_in_lists_and_structs_come_back():
    kind = pa.struct([("ids", pa.list_(pa.uuid()))])
    ids = ["00000000-0000-0000-0000-000000000001", None]
    restored, misfits = restore([{"x": {"ids": ids}}], pa.schema([("x", kind)]))
    assert not misfits
    assert plain(restored.to_pylist()) == [{"x": {"ids": ids}}]
    assert restored.schema.field("x").type == kind


@given(st.data())
def test_any_value_comes_back(data):
    kind = data.draw(st.sampled_from(list(MORE)))
    values = data.draw(st.lists(st.none() | MORE[kind], min_size=1, max_size=5))
    batch = pa.record_batch([pa.array(values, kind)], schema=pa.schema([("v", kind)]))
    assert_same(batch, batch.schema)


@given(st.sampled_from([*TYPES.values()]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
))  # fmt: skip
def test_whatever_was_written_into_a_column_fits_or_is_rejected(kind, value):
    record = {"v": value}
    batch, misfits = restore([record, {"v": None}], pa.schema([("v", kind[0])]))
    assert batch.num_rows + len(misfits) == 2
    for misfit in misfits:
        assert misfit.record == record
        assert misfit.code == "value.unrepresentable"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.int8(), 128),
        (pa.int64(), 1.5),
        (pa.int64(), True),
        (pa.int64(), "x"),
        (pa.float32(), 1e300),
        (pa.float64(), 2**53 + 1),
        (pa.float64(), "12345678901234567890.5"),
        (pa.float64(), "1e999"),
        (pa.float64(), True),
        (pa.bool_(), 1),
        (pa.decimal128(5, 2), "1.005"),
        (pa.decimal128(5, 2), "1234.00"),
        (pa.decimal128(5, 2), "NaN"),
        (pa.string(), 1),
        (pa.binary(), "no base64!"),
        (pa.binary(3), "YWI="),
        (pa.date32(), "2024-02-30"),
        (pa.date32(), "20240229"),
        (pa.timestamp("us"), "2024-02-29T00:00:00+00:00"),
        (pa.timestamp("us", "UTC"), "2024-02-29T00:00:00"),
        (pa.timestamp("ms"), "2024-02-29T00:00:00.0001"),
        (pa.timestamp("us"), "12000-01-01T00:00:00"),
        (pa.timestamp("us"), 5),
        (pa.time64("us"), "24:00:00"),
        (pa.duration("s"), "0:00:00.5"),
        (pa.uuid(), "1234"),
        (pa.list_(pa.int64()), "[1]"),
        (pa.list_(pa.int64(), 2), [1]),
        (pa.struct([("a", pa.int64())]), {"b": 1}),
        (pa.map_(pa.string(), pa.int64()), [1]),
    ],
)
def test_what_is_not_exactly_a_value_of_the_type_is_rejected(kind, value):
    schema = pa.schema([("v", kind), ("n", pa.int64())])
    batch, (misfit,) = restore([{"v": value, "n": 1}, {"n": 2}], schema)
    assert batch.to_pylist() == [{"v": None, "n": 2}]
    assert misfit.code == "value.unrepresentable"
    assert "'v'" in misfit.message


def test_a_column_that_the_stream_does_not_have_is_rejected():
    batch, (misfit,) = restore([{"v": 1, "w": 2}], pa.schema([("v", pa.int64())]))
    assert (batch.num_rows, misfit.code) == (0, "column.not_found")
