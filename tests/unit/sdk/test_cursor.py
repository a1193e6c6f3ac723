"""Nothing lost and nothing twice, whatever the ties and wherever a read stops."""

import datetime as dt
import uuid
from collections import Counter
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.sdk import IntegrityError, ReadMode, SchemaError, Selection, Stream, cursor
from towpath.sdk.digests import digests

SCHEMA = pa.schema({"id": pa.int64(), "at": pa.int64(), "text": pa.string()})


def selection(schema=SCHEMA, **more):
    key = more.pop("primary_key", ())
    stream = Stream("s", schema, primary_key=key, read_modes=frozenset(ReadMode))
    return Selection(stream, ReadMode.INCREMENTAL, **{"cursor": "at"} | more)


def read(rows, chosen, state, size=3):
    """What a SQL source would pass on: rows from the lower bound on, ordered, in small batches."""
    low = cursor.since(chosen, state)
    wanted = [row for row in rows if low is None or row["at"] >= low.as_py()]
    ordered = sorted(wanted, key=lambda row: row["at"])
    schema = pa.schema([chosen.stream.schema.field(name) for name in cursor.columns(chosen)])
    table = [{name: row[name] for name in schema.names} for row in ordered]
    batches = (
        pa.RecordBatch.from_pylist(table[place : place + size], schema=schema)
        for place in range(0, len(table), size)
    )
    return cursor.follow(batches, chosen, state)


STEPS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 3), max_size=8),  # how far above the highest value the new rows lie
        st.integers(0, 6),  # how many batches are taken before the read stops
        st.integers(1, 4),  # rows in a batch
    ),
    max_size=8,
)


@given(STEPS, st.booleans(), st.sampled_from([None, ("text",), ("at", "id")]), st.booleans())
def test_nothing_lost_nothing_twice(steps, with_key, columns, twins):
    chosen = selection(primary_key=("id",) if with_key else (), columns=columns)
    rows, got, state = [], [], None
    for lifts, stop, size in [*steps, ([], 1000, 3)]:
        floor = max((row["at"] for row in rows), default=0)
        for lift in lifts:
            number = 0 if twins else len(rows)
            rows.append({"id": number, "at": floor + lift, "text": f"row {number}"})
        for _, batch in zip(range(stop), read(rows, chosen, state, size), strict=False):
            assert len(batch) > 0
            assert batch.schema.equals(chosen.schema)
            got += batch.records
            state = batch.state
    expected = [{name: row[name] for name in chosen.schema.names} for row in rows]
    assert Counter(map(str, got)) == Counter(map(str, expected))
    assert not list(read(rows, chosen, state))


@given(st.lists(st.integers(0, 3), min_size=1), st.lists(st.integers(0, 2)))
def test_backfill_then_follow(first, later):
    """A backfill in any order with the state of its boundary is followed without gap or overlap."""
    chosen = selection()
    rows = [{"id": n, "at": at, "text": ""} for n, at in enumerate(first)]
    top = [row for row in rows if row["at"] == max(first)]
    state = cursor.boundary([pa.RecordBatch.from_pylist(top, schema=SCHEMA)], chosen, {"own": 1})
    assert state is not None
    assert state["own"] == 1
    more = [{"id": 100 + n, "at": max(first) + at, "text": ""} for n, at in enumerate(later)]
    got = [row["id"] for batch in read(rows + more, chosen, state) for row in batch.records]
    assert sorted(got) == [row["id"] for row in more]


def test_backfill_of_nothing_has_no_state():
    assert cursor.boundary([], selection()) is None


def test_lookback_brings_the_window_again_and_late_rows():
    chosen = selection(lookback=2)
    rows = [{"id": n, "at": n, "text": ""} for n in range(10)]
    *_, last = read(rows, chosen, None)
    rows.append({"id": 77, "at": 8, "text": "late"})
    got = [
        (row["id"], batch.state["cursor"])
        for batch in read(rows, chosen, last.state)
        for row in batch.records
    ]
    assert got == [(7, 9), (8, 9), (77, 9), (9, 9)]


@given(st.lists(st.integers(0, 4), min_size=1), st.integers(0, 5), st.integers(1, 4))
def test_lookback_never_moves_the_state_back(ats, stop, size):
    chosen = selection(lookback=1)
    rows = [{"id": n, "at": at, "text": ""} for n, at in enumerate(ats)]
    *_, last = read(rows, chosen, None)
    for _, batch in zip(range(stop), read(rows, chosen, last.state, size), strict=False):
        assert batch.state["cursor"] >= last.state["cursor"]
    assert [batch.state for batch in read(rows, chosen, last.state, size)][-1] == last.state


def test_second_version_of_a_row_in_one_tick_comes():
    chosen = selection(primary_key=("id",))
    *_, last = read([{"id": 1, "at": 5, "text": "old"}], chosen, None)
    (batch,) = read([{"id": 1, "at": 5, "text": "new"}], chosen, last.state)
    assert batch.records == [{"id": 1, "at": 5, "text": "new"}]


def test_equal_records_without_key_are_counted():
    twin = {"id": 1, "at": 5, "text": ""}
    *_, last = read([twin], selection(), None)
    (batch,) = read([twin, twin, twin], selection(), last.state)
    assert len(batch) == 2


def test_null_cursor_is_an_error():
    batch = pa.RecordBatch.from_pylist([{"at": 1}, {"at": None}], schema=SCHEMA)
    with pytest.raises(SchemaError) as caught:
        list(cursor.follow([batch], selection(), None))
    assert caught.value.code == "cursor.null"
    assert "3,000 record(s)" in cursor.null_cursor(selection(), 3000).message


VALUES = [
    (st.integers(-(2**63), 2**63 - 1), pa.int64()),
    (st.integers(0, 2**64 - 1), pa.uint64()),
    (st.decimals(-(10**20), 10**20, places=6), pa.decimal128(38, 6)),
    (st.text(st.characters(exclude_categories=["Cs"])), pa.string()),
    (st.dates(), pa.date32()),
    (st.datetimes(), pa.timestamp("us")),
    (st.datetimes(timezones=st.just(dt.UTC)), pa.timestamp("us", "UTC")),
    (st.datetimes(timezones=st.just(dt.UTC)), pa.timestamp("us", "Europe/Amsterdam")),
    (st.integers(-(2**62), 2**62), pa.timestamp("ns")),
    (st.uuids().map(lambda value: value.bytes), pa.uuid()),
]


@pytest.mark.parametrize(("values", "type"), VALUES, ids=[str(type) for _, type in VALUES])
def test_cursor_values_survive_json(values, type):
    @given(values)
    def survives(value):
        scalar = pa.array([value], type)[0]
        again = cursor.from_json(cursor.to_json(scalar), type)
        assert again.equals(scalar)
        assert again.type == type

    survives()


@pytest.mark.parametrize("type", [type for _, type in VALUES], ids=str)
def test_every_cursor_type_is_followed(type):
    schema = pa.schema({"at": type})
    column = pa.array([_sample(type)] * 2, type)
    batch = pa.record_batch([column], schema=schema)
    (first,) = cursor.follow([batch.slice(0, 1)], selection(schema), None)
    (second,) = cursor.follow([batch], selection(schema), first.state)
    assert len(second) == 1
    assert not list(cursor.follow([batch], selection(schema), second.state))


def _sample(type):
    samples = {
        pa.string(): "a",
        pa.uuid(): uuid.UUID(int=7).bytes,
        pa.date32(): dt.date(2026, 1, 31),
        pa.decimal128(38, 6): Decimal("1.5"),
    }
    return samples.get(type, 7)


@pytest.mark.parametrize(
    ("value", "type"),
    [("x", pa.int64()), (5, pa.timestamp("us")), ("2026", pa.uuid()), ("2026-13-01", pa.date32())],
)
def test_state_that_does_not_fit_is_refused(value, type):
    with pytest.raises(IntegrityError) as caught:
        cursor.since(selection(pa.schema({"at": type})), {"cursor": value, "seen": ""})
    assert caught.value.code == "state.invalid"


@pytest.mark.parametrize(
    ("type", "value", "lookback", "low"),
    [
        (pa.int32(), 100, 7.5, 92),
        (pa.uint8(), 3, 10, 0),
        (pa.decimal128(38, 2), "-9.99", 0.001, Decimal("-10.00")),
        (pa.date32(), "2026-03-01", 3600, dt.date(2026, 2, 28)),
        (pa.timestamp("s"), "2026-03-01 00:00:00", 60, dt.datetime.fromisoformat("2026-02-28 23:59:00")),
        (
            pa.timestamp("us", "UTC"),
            "2026-03-01 00:00:00+00:00",
            1.5,
            dt.datetime(2026, 2, 28, 23, 59, 58, 500_000, dt.UTC),
        ),
    ],
)
def test_lookback_is_taken_off(type, value, lookback, low):
    chosen = selection(pa.schema({"at": type}), lookback=lookback)
    since = cursor.since(chosen, {"cursor": value, "seen": ""})
    assert since is not None
    assert since.as_py() == low


def test_sql_of_cursor_values():
    assert cursor.sql(pa.scalar(5)) == "5"
    assert cursor.sql(pa.scalar("it's")) == "'it''s'"
    assert cursor.sql(pa.scalar("a\\"), backslashes=True) == "'a\\\\'"
    assert cursor.sql(cursor.from_json(str(uuid.UUID(int=1)), pa.uuid())) == f"'{uuid.UUID(int=1)}'"


def test_check_names_what_is_wrong():
    schema = pa.schema({"at": pa.float64(), "name": pa.string(), "id": pa.int64()})
    cases = {
        "cursor.unusable": selection(schema),
        "column.not_found": selection(schema, cursor="nope"),
        "cursor.no_lookback": selection(schema, cursor="name", lookback=1),
    }
    for code, chosen in cases.items():
        with pytest.raises(SchemaError) as caught:
            cursor.check(chosen)
        assert caught.value.code == code
    cursor.check(selection(schema, cursor="id", lookback=1))
    cursor.check(Selection(Stream("s", schema)))


def test_digests_tell_nested_and_temporal_values_apart():
    tick = pa.timestamp("ns")
    type = pa.struct({"when": tick, "list": pa.list_(tick), "dict": pa.string()})
    values = [
        {"when": 1, "list": [1], "dict": "a"},
        {"when": 2, "list": [1], "dict": "a"},
        {"when": 1, "list": [2], "dict": "a"},
        {"when": 1, "list": [1], "dict": "b"},
        None,
    ]
    column = pa.array(values, type)
    assert len(set(digests(pa.record_batch({"s": column})))) == 5
    words = pa.array(["a", "a", "a", "b", None]).dictionary_encode()
    batch = pa.record_batch({"s": column, "d": words, "l": pa.array([None, 1, 2, 3, 4], pa.time64("ns"))})
    assert digests(batch) == digests(batch.slice(0))
    assert digests(batch)[2:] == digests(batch.slice(2))


def test_digests_of_extensions_in_lists_and_of_maps():
    uuids = pa.array([b"1" * 16, b"2" * 16, b"1" * 16], pa.uuid())
    lists = pa.ListArray.from_arrays([0, 1, 2, 3], uuids)
    maps = pa.array([[("a", 1)], [("a", 1)], [("a", 2)]], pa.map_(pa.string(), pa.timestamp("ns")))
    assert len(set(digests(pa.record_batch({"l": lists})))) == 2
    assert len(set(digests(pa.record_batch({"m": maps})))) == 2


def test_digests_outlive_a_wider_integer():
    narrow = pa.record_batch({"n": pa.array([1, 2], pa.int32())})
    assert digests(narrow) == digests(narrow.cast(pa.schema({"n": pa.int64()})))
