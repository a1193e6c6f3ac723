"""Users by number: members look, owners change."""

import pytest
from pydantic import SecretStr

from support.doors import OTHER, WORD
from towpath.services.people.users import Users

PATH = "/api/v1/users"


@pytest.fixture
def owner(house):
    return house.token("ann")


@pytest.fixture
def member(house):
    house.sign_up("bob", invitation=house.invitation(), email="bob@a.test")
    return house.token("bob")


def test_the_list(house, owner, member):
    for token in (owner, member):
        rows = house.api.get(PATH, token).json()["data"]
        assert [(row["id"], row["username"], row["email"], row["role"], row["disabled"]) for row in rows] == [
            (1, "ann", "", "owner", False),
            (2, "bob", "bob@a.test", "member", False),
        ]
        assert set(rows[0]) == {"id", "username", "email", "role", "disabled", "created_at", "updated_at"}
        assert house.api.get(f"{PATH}/2", token).json()["data"] == rows[1]


def test_members_change_nothing(house, owner, member):
    calls = [
        ("POST", PATH, {"username": "cy", "password": WORD}),
        ("PUT", f"{PATH}/2", {"role": "owner"}),
        ("DELETE", f"{PATH}/1", None),
    ]
    for method, path, body in calls:
        answer = house.api.call(method, path, member, json=body)
        assert (answer.status_code, answer.json()["message"]) == (403, "Insufficient permissions")
    assert len(house.api.get(PATH, owner).json()["data"]) == 2


def test_owners_add_change_and_remove(house, owner):
    made = house.api.post(PATH, owner, json={"username": " cy ", "password": WORD, "email": "c@a.test"})
    row = made.json()["data"]
    assert (made.status_code, row["username"], row["role"]) == (200, "cy", "member")
    taken = house.api.post(PATH, owner, json={"username": "cy", "password": WORD})
    assert (taken.status_code, taken.json()["code"]) == (409, "user.exists")
    path, token = f"{PATH}/{row['id']}", house.token("cy")

    def put(**body):
        return house.api.call("PUT", path, owner, json=body)

    assert put(username="dora", email="d@a.test").json()["data"]["username"] == "dora"
    assert put(username="ann").status_code == 409
    assert put(email="nobody").json()["field"] == "email"
    assert put(email="").json()["data"]["email"] == ""
    assert house.opens(token)
    assert put(password=OTHER).status_code == 200
    assert not house.opens(token)
    token = house.token("dora", OTHER)
    assert put(disabled=True).json()["data"]["disabled"] is True
    assert not house.opens(token)
    assert house.login("dora", OTHER).status_code == 401
    assert put(disabled=False, role="owner").json()["data"]["role"] == "owner"
    token = house.token("dora", OTHER)
    assert house.api.delete(path, owner).status_code == 200
    assert not house.opens(token)
    assert house.api.delete(path, owner).status_code == house.api.get(path, owner).status_code == 404
    again = house.api.post(PATH, owner, json={"username": "dora", "password": WORD}).json()["data"]
    assert again["id"] == row["id"] + 1


@pytest.mark.parametrize("number", ["0", "99", "x", "-1", "99999999999999999999"])
def test_numbers_that_are_nobodys(house, owner, number):
    for method in ("GET", "PUT", "DELETE"):
        answer = house.api.call(method, f"{PATH}/{number}", owner, json={} if method == "PUT" else None)
        assert answer.status_code in (400, 404)
        assert answer.json()["success"] is False


def test_nobody_locks_himself_out(house, owner):
    for method, body in (("DELETE", None), ("PUT", {"disabled": True})):
        answer = house.api.call(method, f"{PATH}/1", owner, json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "user.self")
    last = house.api.call("PUT", f"{PATH}/1", owner, json={"role": "member"})
    assert (last.status_code, last.json()["code"]) == (409, "user.last_owner")
    assert house.api.get(f"{PATH}/1", owner).json()["data"]["role"] == "owner"


def test_users_of_another_organization_are_not_seen(house, owner):
    other = house.api.session(house.api.organization("other"), "zoe")
    assert [row["username"] for row in house.api.get(PATH, other).json()["data"]] == ["zoe"]
    assert [row["username"] for row in house.api.get(PATH, owner).json()["data"]] == ["ann"]
    assert house.api.get(f"{PATH}/2", owner).status_code == 404


def test_passwords_are_never_shown(house, owner, member):
    Users(house.api.container).create(house.home, "cy", SecretStr(WORD))
    assert "argon2" not in house.api.get(PATH, owner).text + house.api.get(f"{PATH}/3", owner).text
