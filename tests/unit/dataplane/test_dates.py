"""Dates: patterns of moment.js. The expected values were made with moment-timezone itself."""

import doctest
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.dataplane import dates
from towpath.dataplane.dates import format_date, parse_date

MOMENT = datetime(2020, 7, 9, 19, 59, 39, 156789, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "zone", "text"),
    [
        (None, None, "2020-07-09T19:59:39.156Z"),
        ("", "Asia/Tokyo", "2020-07-09T19:59:39.156Z"),
        ("YYYY YY Y Q Qo", None, "2020 20 2020 3 3rd"),
        ("M Mo MM MMM MMMM", None, "7 7th 07 Jul July"),
        ("D Do DD DDD DDDo DDDD", None, "9 9th 09 191 191st 191"),
        ("d do dd ddd dddd e E", None, "4 4th Th Thu Thursday 4 4"),
        ("w wo ww W Wo WW gg gggg GG GGGG", None, "28 28th 28 28 28th 28 20 2020 20 2020"),
        ("A a H HH h hh k kk", None, "PM pm 19 19 7 07 19 19"),
        ("m mm s ss S SS SSS SSSSS", None, "59 59 39 39 1 15 156 15678"),
        ("Z ZZ X x", None, "+00:00 +0000 1594324779 1594324779156"),
        ("L LT LTS l", None, "07/09/2020 7:59 PM 7:59:39 PM 7/9/2020"),
        ("LL|LLL", None, "July 9, 2020|July 9, 2020 7:59 PM"),
        ("LLLL|llll", None, "Thursday, July 9, 2020 7:59 PM|Thu, Jul 9, 2020 7:59 PM"),
        ("YYYY-MM-DD [at] HH:mm Z", "America/New_York", "2020-07-09 at 15:59 -04:00"),
        ("HH:mm ZZ z", "Asia/Kolkata", "01:29 +0530 IST"),
        (r"\Y\M T", "+02:00", "YM T"),
        ("HH Z", "+02:00", "21 +02:00"),
    ],
)
def test_writes(pattern: str | None, zone: str | None, text: str):
    assert format_date(MOMENT, pattern, zone) == text


@pytest.mark.parametrize(
    ("value", "pattern", "zone", "text"),
    [
        ("2017-11-30T03:33:51.703Z", None, None, "2017-11-30T03:33:51.703Z"),
        ("2024-01-05", None, None, "2024-01-05T00:00:00.000Z"),
        ("2024-01", None, None, "2024-01-01T00:00:00.000Z"),
        ("2024-01-05 10:00:00 +0200", None, None, "2024-01-05T08:00:00.000Z"),
        ("2024-01-05T10:00", None, "Europe/Paris", "2024-01-05T09:00:00.000Z"),
        ("Thu, 30 Nov 2017 03:33:51 GMT", None, None, "2017-11-30T03:33:51.000Z"),
        (1512012818751, None, None, "2017-11-30T03:33:38.751Z"),
        ("1512012818751", None, None, "2017-11-30T03:33:38.751Z"),
        (Decimal(0), None, None, "1970-01-01T00:00:00.000Z"),
        (date(2024, 2, 29), None, "America/New_York", "2024-02-29T05:00:00.000Z"),
        (datetime.fromisoformat("2024-02-29T01:00"), None, None, "2024-02-29T01:00:00.000Z"),
        ("3/6/2025", "MM/DD/YYYY", None, "2025-03-06T00:00:00.000Z"),
        ("20250306", "YYYYMMDD", None, "2025-03-06T00:00:00.000Z"),
        (20250306, "YYYYMMDD", None, "2025-03-06T00:00:00.000Z"),
        ("March 6th 2025 5 pm", "MMMM Do YYYY h a", None, "2025-03-06T17:00:00.000Z"),
        ("06-mar-25", "DD-MMM-YY", None, "2025-03-06T00:00:00.000Z"),
        ("06-Mar-70", "DD-MMM-YY", None, "1970-03-06T00:00:00.000Z"),
        ("1512012818.751", "X", None, "2017-11-30T03:33:38.751Z"),
        ("12:30 AM 1/2/2025", "hh:mm A M/D/YYYY", None, "2025-01-02T00:30:00.000Z"),
        ("2025 085", "YYYY DDDD", None, "2025-03-26T00:00:00.000Z"),
        ("2025-03-26T10:00:00+02:00", "YYYY-MM-DDTHH:mm:ssZ", None, "2025-03-26T08:00:00.000Z"),
        ("2025-03-09 02:30", "YYYY-MM-DD HH:mm", "America/New_York", "2025-03-09T07:30:00.000Z"),
    ],
)
def test_reads(value: object, pattern: str | None, zone: str | None, text: str):
    assert format_date(parse_date(value, pattern, zone)) == text


@pytest.mark.parametrize(
    ("value", "pattern"),
    [
        ("nope", None),
        ("", None),
        (None, None),
        (True, None),
        ([], None),
        ("2024-13-01", None),
        ("2024-01-05x10:00", None),
        (10**30, None),
        (float("nan"), None),
        ("2025-03-26", "MM/DD/YYYY"),
        ("13/26/2025", "MM/DD/YYYY"),
        ("03/26/2025 trailing", "MM/DD/YYYY"),
        ("13:00 PM 1/1/2025", "hh:mm A M/D/YYYY"),
        ("12:00", "HH:mm"),
        ("3", "w"),
        ("2025" + " " * 300, "YYYY"),
        ("2024-01-05", "Y" * 300),
        ("2023 366", "YYYY DDDD"),
    ],
)
def test_what_is_no_date_is_refused(value: object, pattern: str | None):
    with pytest.raises(ValueError, match="is no date"):
        parse_date(value, pattern)


@pytest.mark.parametrize("zone", ["Nowhere/City", "../etc/passwd", "Europe", "\0"])
def test_unknown_zones_are_refused(zone: str):
    with pytest.raises(ValueError, match="no time zone called"):
        format_date(MOMENT, "HH", zone)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2025, 3, 9, 6, 59, tzinfo=UTC), "01:59 -05:00"),
        (datetime(2025, 3, 9, 7, 0, tzinfo=UTC), "03:00 -04:00"),
        (datetime(2025, 11, 2, 6, 0, tzinfo=UTC), "01:00 -05:00"),
    ],
)
def test_summer_time(moment: datetime, text: str):
    assert format_date(moment, "HH:mm Z", "America/New_York") == text


ZONES = st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
MOMENTS = st.datetimes(
    datetime.fromisoformat("1970-01-02"), datetime.fromisoformat("2500-01-01"), timezones=st.just(UTC)
)


@given(MOMENTS, ZONES, st.sampled_from(["YYYY-MM-DDTHH:mm:ss.SSSZ", "MMMM Do YYYY, h:mm:ss.SSS A ZZ", "x"]))
def test_what_was_written_can_be_read(moment: datetime, zone: str, pattern: str):
    exact = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert parse_date(format_date(exact, pattern, zone), pattern) == exact


@given(MOMENTS)
def test_the_default_form_is_read_back(moment: datetime):
    assert moment - parse_date(format_date(moment)) < timedelta(milliseconds=1)


@given(st.text(max_size=30) | st.integers() | st.floats(), st.none() | st.text(max_size=12))
def test_reading_raises_nothing_but_value_errors(value: object, pattern: str | None):
    try:
        found = parse_date(value, pattern)
    except ValueError:
        return
    assert found.tzinfo is not None


def test_examples():
    result = doctest.testmod(dates)
    assert (result.failed, result.attempted > 0) == (0, True)
