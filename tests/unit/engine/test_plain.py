import datetime as dt
import json
import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from towpath.engine.plain import plain, redacted, secrets_of

values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.binary(),
        st.decimals(),
        st.datetimes(),
        st.dates(),
        st.times(),
        st.timedeltas(),
        st.uuids(),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner), st.tuples(inner, inner)),
)


@given(values)
def test_every_value_becomes_json(value):
    written = json.dumps(plain(value), allow_nan=False)
    assert json.loads(written) == plain(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1.500"), "1.500"),
        (2**70, str(2**70)),
        (float("inf"), "inf"),
        (dt.datetime(2024, 1, 2, 3, 4, 5, 6, dt.UTC), "2024-01-02T03:04:05.000006+00:00"),
        (b"\xff", "/w=="),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_what_json_lacks_becomes_exact_text(value, text):
    assert plain(value) == text


class Inner(BaseModel):
    token: SecretStr = SecretStr("inner-token")


class Config(BaseModel):
    host: str = "somewhere"
    password: SecretStr = SecretStr("hunter22")
    short: SecretStr = SecretStr("abc")
    inner: Inner = Inner()
    many: list[SecretStr] = [SecretStr("one-of-many")]


def test_all_secret_fields_are_found():
    assert secrets_of(Config()) == {"hunter22", "inner-token", "one-of-many"}


def test_no_secret_is_left_in_any_text():
    line = {"message": "login as x:hunter22@somewhere failed", "fields": [{"token": "inner-token"}, 5]}
    found = redacted(line, secrets_of(Config()))
    assert found == {"message": "login as x:***@somewhere failed", "fields": [{"token": "***"}, 5]}
