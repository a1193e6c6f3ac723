"""When tokens end, in all the ways in which providers say it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.ports import AuthType
from towpath.core.records import Connection, ConnectionStatus
from towpath.services.tokens.expiry import answered_expiry, moment
from towpath.services.tokens.renewing import due, expiry_of

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
THEN = datetime(2026, 5, 1, 13, tzinfo=UTC)
SECONDS = THEN.timestamp()


@pytest.mark.parametrize(
    "said",
    [
        "2026-05-01T13:00:00Z",
        "2026-05-01T13:00:00+00:00",
        "2026-05-01T15:00:00+02:00",
        "2026-05-01T13:00:00",
        " 2026-05-01 13:00:00.000 ",
        SECONDS,
        int(SECONDS),
        str(int(SECONDS)),
        SECONDS * 1000,
        str(int(SECONDS * 1000)),
    ],
)
def test_a_moment_is_understood(said):
    assert expiry_of({"access_token": "a", "expires_at": said, "expires_in": 7}, AT) == THEN


@pytest.mark.parametrize("said", [3600, 3600.0, "3600", "3600.0", " 3600 "])
def test_a_length_counts_from_now(said):
    assert expiry_of({"access_token": "a", "expires_in": said}, AT) == THEN
    assert answered_expiry({"expires_in": said, "expires_at": "2020-01-01T00:00:00Z"}, AT) == THEN


@pytest.mark.parametrize(
    "said",
    [
        None,
        0,
        -1,
        "0",
        "-3600",
        "",
        "soon",
        True,
        False,
        [],
        {},
        "nan",
        "inf",
        float("nan"),
        1e300,
        10**400,
        "1e400",
    ],
)
def test_what_says_nothing_is_no_end(said):
    assert expiry_of({"access_token": "a", "expires_in": said}, AT) is None
    assert answered_expiry({"expires_in": said}, AT) is None
    if said != 1e300:
        assert moment(said) is None


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()))
def test_nothing_that_is_said_breaks_it(said):
    for answer in ({"expires_in": said}, {"expires_at": said}):
        for found in (expiry_of(answer, AT), answered_expiry(answer, AT)):
            assert found is None or found.tzinfo is UTC


@given(st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 - Hypothesis wants bounds without zones
def test_every_form_of_a_moment_is_the_same_moment(at):
    whole = at.astimezone(UTC).replace(microsecond=0)
    forms = [whole.isoformat(), whole.timestamp(), int(whole.timestamp() * 1000), str(int(whole.timestamp()))]
    assert {moment(form) for form in forms} == {whole}


def test_credentials_without_a_token_have_one_due():
    for given_ in ({"refresh_token": "r"}, {"client_id": "i", "client_secret": "s"}):
        assert expiry_of(given_, AT, AuthType.OAUTH2) == AT
        assert expiry_of(given_, AT, AuthType.API_KEY) is None
        assert expiry_of(given_, AT) is None
    assert expiry_of({}, AT, AuthType.OAUTH2) is None
    assert expiry_of({"access_token": "a", "refresh_token": "r"}, AT, AuthType.OAUTH2) is None


def connection(life: timedelta, **more) -> Connection:
    more = {"auth": AuthType.OAUTH2, "expires_at": AT + life, **more}
    return Connection(org="o", name="n", connector="c", config={}, created_at=AT, updated_at=AT, **more)


@pytest.mark.parametrize(
    ("life", "margin"),
    [
        (timedelta(hours=1), timedelta(minutes=5)),
        (timedelta(days=30), timedelta(minutes=5)),
        (timedelta(minutes=10), timedelta(minutes=1)),
        (timedelta(seconds=10), timedelta(seconds=1)),
        (timedelta(0), timedelta(0)),
        (timedelta(hours=-1), timedelta(0)),
    ],
)
def test_tokens_are_due_a_margin_before_they_end(life, margin):
    row, moment_ = connection(life), AT + life - margin
    assert due(row, moment_)
    assert not due(row, moment_ - timedelta(milliseconds=1))


def test_only_what_can_be_renewed_is_due():
    late = AT + timedelta(days=1)
    for status in ConnectionStatus:
        wanted = status in (ConnectionStatus.ACTIVE, ConnectionStatus.ERROR)
        assert due(connection(timedelta(hours=1), status=status), late) is wanted
    assert not due(connection(timedelta(hours=1), auth=AuthType.API_KEY), late)
    assert not due(connection(timedelta(hours=1), auth=None), late)
    assert not due(connection(timedelta(hours=1), expires_at=None), late)


def test_after_a_failure_the_margin_is_not_of_what_is_left():
    row = connection(timedelta(minutes=4), status=ConnectionStatus.ERROR)
    assert due(row, AT)
