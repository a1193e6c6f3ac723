"""What ``partition_by`` means, and into which folders records go."""

import datetime as dt
import doctest
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core import partitions
from towpath.core.partitions import Partition, Unit, parse
from towpath.sdk import SchemaError
from towpath.sdk.files import partition

PATTERNS = {Unit.YEAR: "%Y", Unit.MONTH: "%Y-%m", Unit.DAY: "%Y-%m-%d", Unit.HOUR: "%Y-%m-%d-%H"}
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def test_examples_in_docstrings():
    result = doctest.testmod(partitions)
    assert result.attempted
    assert not result.failed


@given(NAMES, st.sampled_from([None, *Unit]))
def test_an_entry_means_what_it_was_made_of(column, unit):
    made = Partition(column, unit)
    assert parse(str(made), [column]) == made


def test_a_column_of_that_very_name_wins():
    assert parse("day(at)", ["at", "day(at)"]) == Partition("day(at)")
    assert parse("week(at)", ["at"]) == Partition("week(at)")
    assert parse("day(hour(at))", ["hour(at)"]) == Partition("hour(at)", Unit.DAY)


def folders(column, unit):
    """The text of each record's folder, in the order of the records."""
    batch = pa.record_batch({"at": column, "n": pa.array(range(len(column)))})
    found = {}
    for values, part in partition.split(batch, [Partition("at", unit)]):
        assert part.schema.equals(batch.schema), "the column itself stays in the file"
        found |= dict.fromkeys(part.column("n").to_pylist(), values[0])
    return [found[number] for number in range(len(column))]


def text(moment, unit):
    return (
        None
        if moment is None
        else f"{moment.year:04}" + moment.strftime(PATTERNS[unit])[len(f"{moment.year:04}") :]
    )


MOMENTS = st.datetimes(min_value=dt.datetime(1000, 1, 1)) | st.none()  # noqa: DTZ001 - a type without a zone


@given(st.lists(MOMENTS, min_size=1), st.sampled_from(list(Unit)))
def test_moments_go_where_their_calendar_says(moments, unit):
    assert folders(pa.array(moments, pa.timestamp("us")), unit) == [text(one, unit) for one in moments]


@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_moments_with_a_zone_go_by_their_day_in_utc(zone, unit):
    here = [dt.datetime(2024, 12, 31, 23, 30, tzinfo=ZoneInfo(zone)), None]
    wanted = [text(one and one.astimezone(dt.UTC), unit) for one in here]
    assert folders(pa.array(here, pa.timestamp("ns", zone)), unit) == wanted


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_dates_have_years_months_and_days(kind):
    days = pa.array([dt.date(1969, 12, 31), None, dt.date(2024, 2, 29)], kind)
    assert folders(days, Unit.MONTH) == ["1969-12", None, "2024-02"]
    assert folders(days, Unit.DAY) == ["1969-12-31", None, "2024-02-29"]


def test_fractions_before_1970_belong_to_the_second_before():
    assert folders(pa.array([-1, -1_000_000_000], pa.timestamp("ns")), Unit.HOUR) == ["1969-12-31-23"] * 2


SCHEMA = pa.schema(
    {"at": pa.timestamp("us"), "day": pa.date32(), "at_month": pa.string(), "t": pa.string(), "n": pa.int64()}
)


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        (["year(at)", "month(day)", "t"], None),
        (["at", "day(at)"], None),
        (["year(nope)"], "column.not_found"),
        (["week(at)"], "column.not_found"),
        (["hour(day)"], "partition.unsupported"),
        (["year(t)"], "partition.unsupported"),
        (["year(n)"], "partition.unsupported"),
        (["month(at)"], "partition.unsupported"),
        (["year(at)", "year(at)"], "partition.unsupported"),
        (["t", "t"], "partition.unsupported"),
        (SCHEMA.names, "partition.unsupported"),
        ([*SCHEMA.names[:-1], "year(day)"], None),
    ],
    ids=str,
)
def test_what_can_be_partitions(entries, code):
    if code is None:
        partition.check(SCHEMA, entries)
        return
    with pytest.raises(SchemaError) as caught:
        partition.check(SCHEMA, entries)
    assert caught.value.code == code
    assert caught.value.hint
