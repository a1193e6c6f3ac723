"""Who guesses passwords has to wait, and locks nobody else out."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.api import running, settings_of
from support.doors import OTHER, WORD, Doors
from towpath.api.console.guesses import Guesses
from towpath.core.errors import BusyError


@pytest.fixture
def doors(tmp_path):
    """A house whose visitors say where they come from."""
    chosen = {"trusted_proxies": ("127.0.0.1/32",)}
    with running(settings_of(tmp_path / "home", **chosen)) as api:
        found = Doors(api)
        found.sign_up("ann")
        yield found


def from_(address):
    return {"X-Forwarded-For": address}


def test_ten_wrong_passwords_are_enough(doors):
    for name in ("ann", "nobody"):
        there = {"headers": from_("203.0.113.1")}
        assert {doors.login(name, OTHER, **there).status_code for _ in range(10)} == {401}
        slowed = doors.login(name, WORD, **there)
        assert (slowed.status_code, slowed.json()["code"]) == (429, "login.throttled")
        assert slowed.json()["success"] is False
        assert 1 <= int(slowed.headers["retry-after"]) <= 900
        assert "set-cookie" not in slowed.headers
    assert doors.login(" ann ", WORD, headers=from_("203.0.113.1")).status_code == 429
    assert doors.login("ann", WORD, headers=from_("203.0.113.2")).status_code == 200


def test_all_addresses_of_a_network_are_one(doors):
    addresses = [f"2001:db8:0:1::{number}" for number in range(12)]
    found = [doors.login("ann", OTHER, headers=from_(address)).status_code for address in addresses]
    assert found == [401] * 10 + [429] * 2
    assert doors.login("ann", headers=from_("2001:db8:0:2::1")).status_code == 200


def test_guesses_at_the_same_moment_are_counted_each(doors):
    with ThreadPoolExecutor(15) as people:
        found = list(people.map(lambda _: doors.login("ann", OTHER).status_code, range(15)))
    assert sorted(found) == [401] * 10 + [429] * 5


def test_the_right_password_begins_the_count_anew(doors):
    for _ in range(3):
        assert {doors.login("ann", OTHER).status_code for _ in range(9)} == {401}
        assert doors.login("ann").status_code == 200


def test_the_current_password_is_guessed_no_faster(doors):
    token = doors.token("ann")
    body = {"current_password": OTHER, "new_password": OTHER}
    found = [doors.api.call("PUT", "/auth/password", token, json=body).status_code for _ in range(11)]
    assert found == [400] * 10 + [429]
    assert doors.opens(token)


def test_from_many_places_a_name_is_guessed_a_hundred_times():
    guesses = Guesses()
    guesses.begin("org", "ann", "home")
    guesses.right("org", "ann", "home")
    for number in range(100):
        guesses.begin("org", "ann", f"place {number}")
        guesses.wrong("org", "ann")
    with pytest.raises(BusyError) as caught:
        guesses.begin("org", "ann", "one more place")
    assert caught.value.code == "login.throttled"
    # She still comes in from where she did, and so do all others from anywhere.
    guesses.begin("org", "ann", "home")
    guesses.begin("org", "bob", "one more place")
    guesses.begin("other", "ann", "one more place")
