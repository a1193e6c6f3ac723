"""Credentials come out of headers as they were sent, or not at all."""

import base64

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from towpath.api.kit.callers import basic, bearer


def request(authorization):
    headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
    return Request({"type": "http", "headers": headers})


def pair(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_bearer_in_any_case(scheme):
    assert bearer(request(f"{scheme} abc")) == "abc"


@pytest.mark.parametrize(
    "text", [None, "", "Bearer", "Bearer ", "abc", "Basic abc", "Bearerabc", " Bearer abc"]
)
def test_what_is_no_bearer(text):
    assert bearer(request(text)) is None


@given(st.text(st.characters(codec="utf-8", exclude_characters=":")), st.text(st.characters(codec="utf-8")))
def test_both_halves_of_basic(user, password):
    assert basic(request(f"Basic {pair(f'{user}:{password}')}")) == (user, password)


@pytest.mark.parametrize(
    "text", [None, "Basic", "Basic !", f"Basic {pair('no colon')}", "Basic /w==", "Basic é"]
)
def test_what_is_no_basic(text):
    assert basic(request(text)) is None
