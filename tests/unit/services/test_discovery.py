"""Looking through a source ends in time, and with what went wrong."""

import threading

import pytest

from towpath.core.errors import AuthError, UnreachableError
from towpath.services.workspace.discovery import _in_time


def test_a_source_that_says_nothing():
    asleep = threading.Event()
    with pytest.raises(UnreachableError) as caught:
        _in_time(asleep.wait, "Sloth", 0.01)
    asleep.set()
    assert caught.value.code == "connection.timeout"
    assert "Sloth" in caught.value.message


def test_what_it_says_and_what_goes_wrong_comes_through():
    assert _in_time(lambda: ["one"], "Quick", 60) == ["one"]

    def refuse():
        raise AuthError("connection.auth_failed", "No.", hint="Ask.")

    with pytest.raises(AuthError):
        _in_time(refuse, "Guarded", 60)
