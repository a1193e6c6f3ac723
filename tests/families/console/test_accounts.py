"""Coming in and going out: signing up, signing in, sessions, passwords, invitations, login links."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from support.api import running, settings_of
from support.doors import OTHER, WORD, Doors, cookie_of, with_cookie
from towpath.core.errors import AuthError
from towpath.core.records import KeyKind, now
from towpath.services.people.accounts import Accounts
from towpath.services.people.onetime import OneTimeKeys
from towpath.services.people.sessions import Sessions
from towpath.services.people.users import Users
from towpath.vault import verify_password


def test_the_answers_of_the_document(doors):
    made = doors.api.post(
        "/signup", json={"email": "ann@a.test", "username": " ann ", "password": WORD, "extra": 1}
    )
    assert made.status_code == 200
    data = {"email": "ann@a.test", "username": "ann"}
    assert made.json() == {"success": True, "message": "Signed up.", "data": data}
    login = doors.login("ann")
    assert login.json() == {"success": True, "message": "Signed in.", "data": {"username": "ann"}}
    for path in ("/auth", "/auth/check"):
        known = doors.api.get(path, headers=with_cookie(cookie_of(login)))
        assert known.json() == {"success": True, "message": "Signed in.", "data": {"username": "ann"}}


@pytest.mark.parametrize("path", ["/auth", "/api/v1/users", "/api/v1/project/p/jobs"])
def test_nobody_comes_in_without_a_session(house, path):
    broker = house.api.key(house.home, "broker")
    for token in (None, "authenticated", broker, "tp_session_" + "x" * 43, house.invitation()):
        for headers in ({}, with_cookie(token or "")):
            answer = house.api.get(path, None if headers else token, headers=headers)
            assert answer.status_code == 401
            assert answer.json() == {"success": False, "message": "Authentication required"}


def test_strangers_are_turned_away_before_what_they_send_is_read(house):
    for body in (b"{", b"x" * 2_000_000):
        answer = house.api.post("/api/v1/project/p/jobs", content=body)
        assert answer.status_code == 401


def test_the_cookie(doors):
    doors.sign_up("ann")
    parts = doors.login("ann").headers["set-cookie"].split("; ")
    assert re.fullmatch("towpath-session=tp_session_[A-Za-z0-9]{43}", parts[0])
    assert sorted(parts[1:]) == ["HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=lax"]
    assert doors.login("ann").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("chosen", "headers"),
    [
        ({"public_url": "https://towpath.test"}, {}),
        ({"trusted_proxies": ("127.0.0.1/32",)}, {"X-Forwarded-Proto": "https"}),
    ],
)
def test_over_tls_the_cookie_is_for_tls(tmp_path, chosen, headers):
    with running(settings_of(tmp_path / "home", **chosen)) as api:
        doors = Doors(api)
        doors.sign_up("ann")
        assert "; Secure" in doors.login("ann", headers=headers).headers["set-cookie"]


def test_nobody_is_believed_about_tls(house):
    login = house.login("ann", headers={"X-Forwarded-Proto": "https"})
    assert "Secure" not in login.headers["set-cookie"]


def test_the_constant_of_old_clients_is_ignored_beside_the_cookie(house):
    token = house.token("ann")
    assert house.api.get("/auth", "authenticated", headers=with_cookie(token)).status_code == 200


def test_a_good_bearer_token_counts_before_the_cookie(house):
    assert house.sign_up("bob", invitation=house.invitation()).status_code == 200
    of_ann, of_bob = house.token("ann"), house.token("bob")
    answer = house.api.get("/auth", of_bob, headers=with_cookie(of_ann))
    assert answer.json()["data"] == {"username": "bob"}


def test_of_two_who_are_first_at_the_same_moment_one_is_the_owner(api):
    """On both stores: a unit of work that has seen an empty house must not be the second one in it."""
    doors, start = Doors(api), threading.Barrier(4)

    def come(number):
        start.wait(60)
        return doors.sign_up(f"user {number}").status_code

    with ThreadPoolExecutor(4) as people:
        assert sorted(people.map(come, range(4))) == [200, 403, 403, 403]
    assert [(user.role, user.disabled) for user in Users(api.container).list(doors.home)] == [
        ("owner", False)
    ]


def test_an_invitation_is_good_for_one(api):
    doors, start = Doors(api), threading.Barrier(4)
    doors.sign_up("ann")
    invitation = doors.invitation()

    def come(number):
        start.wait(60)
        return doors.sign_up(f"user {number}", invitation=invitation).status_code

    with ThreadPoolExecutor(4) as people:
        assert sorted(people.map(come, range(4))) == [200, 403, 403, 403]
    assert [user.role for user in Users(api.container).list(doors.home)] == ["owner", "member"]


def test_a_closed_door_says_how_to_get_in(house):
    answer = house.sign_up("bob")
    assert (answer.status_code, answer.json()["code"]) == (403, "signup.closed")
    assert "invitation" in answer.json()["message"]


def test_an_invitation_stays_good_for_who_chose_a_name_that_is_taken(house):
    invitation = house.invitation()
    taken = house.sign_up("ann", invitation=invitation)
    assert (taken.status_code, taken.json()["code"]) == (409, "user.exists")
    assert house.sign_up("bob", invitation=invitation).status_code == 200


def test_invitations_that_are_none(house):
    spent, other_house = house.invitation(), house.api.organization("other")
    house.sign_up("bob", invitation=spent)
    strange = OneTimeKeys(house.api.container).invite(other_house).token.get_secret_value()
    ended = house.invitation()
    with house.api.container.store.begin() as work:
        row = work.keys.by_digest(house.api.container.vault.digest(ended))
        work.keys.update(house.home, row.id, expires_at=now() - timedelta(seconds=1))
    for text in (spent, ended, strange, "x", house.link("ann"), house.token("ann")):
        answer = house.sign_up("cy", invitation=text)
        assert (answer.status_code, answer.json()["code"]) == (403, "invitation.invalid")


def test_an_open_house(tmp_path):
    with running(settings_of(tmp_path / "home", open_signup=True)) as api:
        doors = Doors(api)
        assert [doors.sign_up(name).status_code for name in ("ann", "bob", "ann")] == [200, 200, 409]
        assert [user.role for user in Users(api.container).list(doors.home)] == ["owner", "member"]


@pytest.mark.parametrize(
    ("wrong", "field", "code"),
    [
        ({"username": "  "}, "username", "config.invalid"),
        ({"username": "x" * 65}, "username", "config.invalid"),
        ({"username": "a\nb"}, "username", "config.invalid"),
        ({"email": "nobody"}, "email", "config.invalid"),
        ({"email": "a b@c"}, "email", "config.invalid"),
        ({"password": "canary7"}, "password", "password.too_short"),
        ({"password": "canary" * 200}, "password", "password.too_long"),
    ],
)
def test_what_nobody_can_be_called(doors, wrong, field, code):
    answer = doors.sign_up("ann", **wrong)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, code, field)
    assert "canary" not in answer.text


def test_names_and_passwords_at_their_limits(doors):
    name, word = "ä" * 64, "x" * 1024
    assert doors.sign_up(name, word).status_code == 200
    assert doors.login(f" {name} ", word).status_code == 200


def test_wrong_names_and_wrong_passwords_read_the_same(house, monkeypatch):
    Users(house.api.container).create(house.home, "without", None)
    Users(house.api.container).create(house.home, "gone", SecretStr(WORD))
    Users(house.api.container).update(house.home, "gone", disabled=True)
    hashed = []

    def counted(stored, given):
        hashed.append(stored)
        return verify_password(stored, given)

    monkeypatch.setattr("towpath.services.people.accounts.verify_password", counted)
    attempts = [("ann", OTHER), ("nobody", WORD), ("without", WORD), ("gone", WORD), ("x" * 500, WORD)]
    answers = [house.login(*attempt) for attempt in attempts]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert len(hashed) == len(attempts)
    assert all("set-cookie" not in answer.headers for answer in answers)


def test_signing_in_makes_a_new_session_and_ends_the_one_before(house):
    first = house.token("ann")
    second = cookie_of(house.login("ann", headers=with_cookie(first)))
    assert (house.opens(first), house.opens(second)) == (False, True)
    planted = "tp_session_" + "x" * 43
    assert cookie_of(house.login("ann", headers=with_cookie(planted))) != planted
    house.login("ann", OTHER, headers=with_cookie(second))
    assert house.opens(second)


def test_signing_out(house):
    here, there = house.token("ann"), house.token("ann")
    out = house.api.post("/logout", headers=with_cookie(here))
    assert (out.status_code, out.json()["data"]) == (200, {})
    assert re.match('towpath-session="";.*Max-Age=0', out.headers["set-cookie"])
    assert (house.opens(here), house.opens(there)) == (False, True)
    assert house.api.post("/logout", there).status_code == 200
    assert not house.opens(there)
    assert house.api.post("/logout").status_code == 200
    assert house.api.get("/logout").status_code == 405


def test_sessions_end_by_themselves(house):
    token = house.token("ann")
    (row,) = house.rows(kind=KeyKind.SESSION)
    assert timedelta(days=29) < row.expires_at - datetime.now(UTC) <= timedelta(days=30)
    with house.api.container.store.begin() as work:
        work.keys.update(house.home, row.id, expires_at=now() - timedelta(seconds=1))
    assert not house.opens(token)


def test_who_is_disabled_is_out(house):
    house.sign_up("bob", invitation=house.invitation())
    token, link = house.token("bob"), house.link("bob")
    Users(house.api.container).update(house.home, "bob", disabled=True)
    assert not house.opens(token)
    Users(house.api.container).update(house.home, "bob", disabled=False)
    assert not house.opens(token)
    assert house.api.post(f"/login/link/{link}").status_code == 403
    assert house.opens(house.token("bob"))


def test_a_new_password_ends_all_other_sessions(house):
    here, there, link = house.token("ann"), house.token("ann"), house.link("ann")

    def change(current, new):
        body = {"current_password": current, "new_password": new}
        return house.api.call("PUT", "/auth/password", here, json=body)

    wrong = change(OTHER, OTHER)
    assert (wrong.status_code, wrong.json()["code"]) == (400, "password.wrong")
    short = change(WORD, "short")
    assert (short.json()["code"], short.json()["field"]) == ("password.too_short", "new_password")
    assert house.opens(there)
    assert change(WORD, OTHER).json() == {"success": True, "message": "The password is changed.", "data": {}}
    assert (house.opens(here), house.opens(there)) == (True, False)
    assert house.api.post(f"/login/link/{link}").status_code == 403
    assert (house.login("ann").status_code, house.login("ann", OTHER).status_code) == (401, 200)


def test_who_signs_in_with_the_old_password_at_that_moment_stays_outside(house, monkeypatch):
    """The password is right when it is looked at, and another one when the session would begin."""
    accounts, users = Accounts(house.api.container), Users(house.api.container)

    def slow(stored, given):
        users.update(house.home, "ann", password=SecretStr(OTHER))
        return True

    monkeypatch.setattr("towpath.services.people.accounts.verify_password", slow)
    with pytest.raises(AuthError, match="wrong"):
        accounts.sign_in(house.home, "ann", SecretStr(WORD))
    assert [row for row in house.rows(kind=KeyKind.SESSION) if row.opens(now())] == []


def test_hashes_of_other_parameters_are_made_anew(house):
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=1024).hash(WORD)
    with house.api.container.store.begin() as work:
        user = work.users.find(house.home, name="ann")
        work.users.update(house.home, user.id, password_hash=old)
    house.token("ann")
    new = Users(house.api.container).get(house.home, "ann").password_hash
    assert new != old
    assert new.startswith("$argon2id$")
    house.token("ann")
    assert Users(house.api.container).get(house.home, "ann").password_hash == new


def test_where_somebody_is_signed_in(house):
    here, there = house.token("ann"), house.token("ann")
    house.sign_up("bob", invitation=house.invitation())
    of_bob = house.token("bob")
    rows = house.api.get("/auth/sessions", here).json()["data"]
    assert [row["current"] for row in rows] == [True, False]
    assert house.api.delete(f"/auth/sessions/{rows[1]['id']}", of_bob).status_code == 404
    assert house.opens(there)
    assert house.api.delete(f"/auth/sessions/{rows[1]['id']}", here).status_code == 200
    assert not house.opens(there)
    assert len(house.api.get("/auth/sessions", here).json()["data"]) == 1


def test_owners_invite_by_a_page(house):
    made = house.api.post("/auth/invitations", house.token("ann")).json()["data"]
    assert made["link"] == f"{house.api.url}/signup/{made['token']}"
    path = f"/signup/{made['token']}"
    page = house.api.get(path)
    assert (page.status_code, page.headers["referrer-policy"]) == (200, "same-origin")
    assert 'name="password" type="password"' in page.text
    again = house.api.post(path, data={"username": '"<ann>', "password": "short"})
    assert (again.status_code, "&quot;&lt;ann&gt;" in again.text) == (400, True)
    assert "short" not in again.text.replace("too_short", "")
    done = house.api.post(path, data={"username": "bob", "password": WORD, "email": ""})
    assert (done.status_code, done.headers["location"]) == (303, "/")
    bob = cookie_of(done)
    assert house.api.get("/auth", bob).json()["data"] == {"username": "bob"}
    assert house.api.get(path).status_code == house.api.post(path, data={"username": "c"}).status_code == 403
    refused = house.api.post("/auth/invitations", bob)
    assert (refused.status_code, refused.json()) == (
        403,
        {"success": False, "message": "Insufficient permissions"},
    )


def test_a_login_link_is_spent_by_the_button_alone(house):
    path, before = f"/login/link/{house.link('ann')}", house.token("ann")
    for _ in range(2):
        looked = house.api.get(path)
        assert (looked.status_code, "set-cookie" in looked.headers) == (200, False)
        assert '<form method="post">' in looked.text
    came = house.api.post(path, headers=with_cookie(before))
    assert (came.status_code, came.headers["location"]) == (303, "/")
    assert house.api.get("/auth", cookie_of(came)).json()["data"] == {"username": "ann"}
    assert not house.opens(before)
    for again in (house.api.post(path), house.api.get(path)):
        assert (again.status_code, "set-cookie" in again.headers) == (403, False)


def test_a_login_link_is_good_for_one(api):
    doors, start = Doors(api), threading.Barrier(4)
    doors.sign_up("ann")
    path = f"/login/link/{doors.link('ann')}"

    def follow(_):
        start.wait(60)
        return api.client.post(path).status_code

    with ThreadPoolExecutor(4) as people:
        assert sorted(people.map(follow, range(4))) == [303, 403, 403, 403]
    assert len(doors.rows(kind=KeyKind.SESSION)) == 1


def test_links_of_other_kinds_open_nothing(house):
    for text in ("x", house.invitation(), house.token("ann"), "tp_link_" + "x" * 43):
        assert house.api.get(f"/login/link/{text}").status_code == 403
        assert house.api.post(f"/login/link/{text}").status_code == 403


def test_what_is_over_is_forgotten(house):
    house.token("ann"), house.link("ann"), house.invitation()
    with house.api.container.store.begin() as work:
        for row in work.keys.list(house.home):
            work.keys.update(house.home, row.id, expires_at=now() - timedelta(days=1))
        work.keys.sweep(now())
        assert work.keys.list(house.home) == []


def test_the_audit_trail_says_who_came_and_no_secret(house):
    token = house.token("ann")
    house.api.post("/logout", token)
    with house.api.container.store.read() as work:
        entries = work.audit.list(house.home)
    done = [(entry.action, entry.actor) for entry in entries]
    assert done == [
        ("user.create", "user:ann"),
        ("session.open", "user:ann"),
        ("session.close", "user:ann"),
    ]
    for secret in (WORD, token):
        assert secret not in str(entries)


def test_sessions_of_the_service(house):
    user = Users(house.api.container).get(house.home, "ann")
    token = Sessions(house.api.container).open(house.home, user).get_secret_value()
    assert house.opens(token)
