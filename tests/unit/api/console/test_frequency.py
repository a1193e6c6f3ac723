"""Frequencies: texts for schedules, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.api.console.frequency import schedule, shown, words
from towpath.core.errors import ConfigError
from towpath.core.flows import Cron, Every

crons = st.builds(
    Cron,
    cron=st.sampled_from(["* * * * *", "*/5 * * * *", "0 6 * * 1-5", "30 2 1,15 * *", "0 0 L * *"]),
    timezone=st.sampled_from(["UTC", "Europe/Amsterdam", "America/Argentina/Ushuaia", "Etc/GMT+5"]),
)
intervals = st.builds(
    Every,
    every=st.one_of(
        st.integers(1, 366 * 86_400).map(float),
        st.floats(0.001, 10_000, allow_nan=False, allow_infinity=False),
    ),
)


@given(st.one_of(st.none(), crons, intervals))
def test_every_schedule_has_words(wanted):
    assert schedule(words(wanted)) == wanted


@given(st.text())
def test_every_text_is_a_schedule_or_wrong(text):
    try:
        found = schedule(text)
    except ConfigError:
        found = None
    assert schedule(words(found)) == found


@given(st.integers(1, 500), st.sampled_from(["minute", "hour", "day", "week"]), st.booleans())
def test_intervals(number, unit, plural):
    seconds = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}[unit]
    text = f"{number}-{unit}{'s' * plural}"
    assert schedule(text) == Every(every=number * seconds)
    assert schedule(f" {text.upper().replace('-', ' ')} ") == Every(every=number * seconds)


@given(crons, st.sampled_from(["CRON_TZ", "TZ"]))
def test_crons_with_a_zone(wanted, word):
    assert schedule(f"{word}={wanted.timezone}  {wanted.cron}") == wanted


@pytest.mark.parametrize("text", ["", "  ", "manual", "Manual"])
def test_by_hand(text):
    assert schedule(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "0-minutes",
        "-5-minutes",
        "5-fortnights",
        "minutes",
        "1e3-hours",
        "9999999999-weeks",
        "0 6 * *",
        "0 6 * * * *",
        "61 * * * *",
        "CRON_TZ=Mars/Base 0 6 * * *",
        "CRON_TZ=UTC",
        "CRON_TZ= 0 6 * * *",
        "@every 5m",
        "0 6 * * * " + "1," * 1000,
    ],
)
def test_what_is_none(text):
    with pytest.raises(ConfigError) as caught:
        schedule(text)
    assert caught.value.context["field"] == "frequency"
    assert len(caught.value.message) < 300
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize(
    ("kept", "now", "text"),
    [
        ("60-minutes", Every(every=3600), "60-minutes"),
        (" manual ", None, " manual "),
        ("60-minutes", Every(every=7200), "2-hours"),
        ("60-minutes", None, ""),
        (None, Every(every=5400), "90-minutes"),
        (None, Every(every=90), "90-seconds"),
        (None, Every(every=1209600), "2-weeks"),
        (None, Cron(cron="0 6 * * *"), "0 6 * * *"),
        ("no frequency", Cron(cron="0 6 * * *", timezone="Asia/Tokyo"), "CRON_TZ=Asia/Tokyo 0 6 * * *"),
    ],
)
def test_the_text_as_it_was_sent_while_it_holds(kept, now, text):
    assert shown(kept, now) == text
