from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.flows import Cron, Every, Schedule
from towpath.engine.schedule import first_due, next_due

ZONES = ["Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kolkata", "UTC"]
moments = st.integers(1_577_836_800, 2_051_222_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
crons = st.builds(
    Cron,
    cron=st.sampled_from(
        ["30 2 * * *", "*/15 * * * *", "0 6 * * 1-5", "0 0 29 2 *", "59 23 31 * *", "0 */3 * * *"]
    ),
    timezone=st.sampled_from(ZONES),
)
intervals = st.builds(Every, every=st.floats(0.5, 1e6))


def starts(schedule: Schedule, at: datetime, until: datetime) -> list[datetime]:
    """All due times, as a scheduler that looks at once sees them."""
    found = []
    while (at := next_due(schedule, at, at)) < until:
        found.append(at)
    return found


@given(st.one_of(crons, intervals), moments, st.floats(0, 1e7))
def test_the_next_time_is_after_now_however_late_one_looks(schedule, due, late):
    at = due + timedelta(seconds=late)
    then = next_due(schedule, due, at)
    assert then > at
    assert then.tzinfo is UTC


@given(intervals, moments, st.floats(0, 1e7))
def test_intervals_count_on_from_the_due_time(schedule, due, late):
    at = due + timedelta(seconds=late)
    step = timedelta(seconds=max(60.0, schedule.every))
    then = next_due(schedule, due, at)
    assert (then - due) % step == timedelta(0)
    assert then - at <= step


@given(crons, moments, st.floats(0, 1e7))
def test_cron_times_do_not_depend_on_when_one_looked_last(schedule, due, late):
    at = due + timedelta(seconds=late)
    assert next_due(schedule, due, at) == next_due(schedule, at, at)


def test_intervals_below_the_minimum_are_stretched():
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert first_due(Every(every=5), at) == at + timedelta(seconds=60)
    assert first_due(Every(every=5), at, minimum_interval=1) == at + timedelta(seconds=5)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cron", ["30 2 * * *", "15 1 * * *", "30 0 * * *", "45 23 * * *", "0 3 * * *"])
def test_a_daily_time_comes_once_a_day_whatever_the_clocks_do(cron, zone):
    begin, end = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2027, 1, 1, 12, tzinfo=UTC)
    found = starts(Cron(cron=cron, timezone=zone), begin, end)
    days = Counter(time.astimezone(ZoneInfo(zone)).date() for time in found)
    assert set(days.values()) == {1}
    assert len(days) == (max(days) - min(days)).days + 1
    assert len(days) in (365, 366)


@pytest.mark.parametrize("zone", ZONES)
def test_an_hourly_schedule_follows_real_time(zone):
    found = starts(
        Cron(cron="0 * * * *", timezone=zone),
        datetime(2026, 10, 24, tzinfo=UTC),
        datetime(2026, 11, 3, tzinfo=UTC),
    )
    gaps = {later - earlier for earlier, later in pairwise(found)}
    # Lord Howe puts its clocks back by half an hour.
    assert gaps <= {timedelta(minutes=30), timedelta(hours=1), timedelta(minutes=90)}
    assert len(found) in range(239, 242)


def test_a_skipped_time_is_due_when_the_clocks_have_skipped_it():
    night = Cron(cron="30 2 * * *", timezone="Europe/Amsterdam")
    due = next_due(night, datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert due == datetime(2026, 3, 29, 1, tzinfo=UTC)
