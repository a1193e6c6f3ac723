"""Grants: who may borrow, what for, and until when."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from support.api import uuid
from towpath.core.ids import of_uuid


def faults(answer):
    assert answer.status_code == 422, answer.text
    return {(*fault["loc"], fault["type"]) for fault in answer.json()["detail"]}


def test_from_nothing_to_granted_to_taken_back(acme):
    connection = acme.connect()
    assert acme.fetch().status_code == 404
    grant = acme.grant(connection, "send_mail")
    assert acme.fetch().status_code == 200
    path = f"{acme.connections}/{connection}/grants/{grant}"
    assert acme.ask("DELETE", path).status_code == 204
    assert acme.fetch().status_code == 404
    assert acme.ask("DELETE", path).status_code == 404
    assert acme.show(connection)["grants"] == []


def test_capabilities_are_kept_once_each_in_the_order_given(acme):
    connection = acme.connect()
    made = acme.post_grant(connection, ["b", "a", "b", "c", "a"])
    assert made.json()["capabilities"] == ["b", "a", "c"]
    assert made.headers["location"] == f"{acme.connections}/{connection}/grants/{made.json()['id']}"
    assert acme.fetch().json()["capabilities"] == ["b", "a", "c"]


@pytest.mark.parametrize(
    "capabilities",
    [
        [],
        ["a"],
        ["9"],
        ["send_mail", "read.events", "mail:read", "a-b"],
        ["a" * 64],
        [f"c{number}" for number in range(64)],
        ["a"] * 100,
    ],
)
def test_capabilities_that_are_taken(solo, capabilities):
    assert solo.post_grant(solo.connect(), capabilities).status_code == 201


@pytest.mark.parametrize(
    ("capabilities", "fault"),
    [
        (["A"], ("body", "capabilities", 0, "string_pattern_mismatch")),
        (["a", ""], ("body", "capabilities", 1, "string_pattern_mismatch")),
        (["_a"], ("body", "capabilities", 0, "string_pattern_mismatch")),
        (["a b"], ("body", "capabilities", 0, "string_pattern_mismatch")),
        (["a\n"], ("body", "capabilities", 0, "string_pattern_mismatch")),
        (["é"], ("body", "capabilities", 0, "string_pattern_mismatch")),
        (["a" * 65], ("body", "capabilities", 0, "string_pattern_mismatch")),
        ([5], ("body", "capabilities", 0, "string_type")),
        ([None], ("body", "capabilities", 0, "string_type")),
        ([f"c{number}" for number in range(65)], ("body", "capabilities", "grant.invalid")),
    ],
)
def test_capabilities_that_are_refused(solo, capabilities, fault):
    connection = solo.connect()
    assert fault in faults(solo.post_grant(connection, capabilities))
    assert solo.show(connection)["grants"] == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, ("body", "capabilities", "missing")),
        ({"capabilities": []}, ("body", "instance_id", "missing")),
        ({"capabilities": None, "instance_id": str(uuid4())}, ("body", "capabilities", "list_type")),
        ({"capabilities": "send_mail", "instance_id": str(uuid4())}, ("body", "capabilities", "list_type")),
        ({"capabilities": [], "instance_id": "ins_1"}, ("body", "instance_id", "uuid_parsing")),
        ({"capabilities": [], "instance_id": None}, ("body", "instance_id", "uuid_type")),
    ],
)
def test_bodies_that_are_refused(solo, body, fault):
    path = f"{solo.connections}/{solo.connect()}/grants"
    assert fault in faults(solo.ask("POST", path, json=body))


def test_one_grant_for_each_instance(acme):
    connection = acme.connect()
    assert acme.post_grant(connection, ["a"]).status_code == 201
    twin = acme.post_grant(connection, ["b"])
    assert (twin.status_code, acme.show(connection)["grants"][0]["capabilities"]) == (409, ["a"])
    instance = acme.ask("POST", f"/v1/customers/{acme.customer}/instances", json={"name": "two"}).json()
    assert acme.post_grant(connection, ["b"], instance["id"]).status_code == 201
    assert len(acme.show(connection)["grants"]) == 2


def test_of_twenty_at_once_one_is_given(acme):
    connection = acme.connect()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: acme.post_grant(connection, ["a"]), range(20)))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 19
    assert len(acme.show(connection)["grants"]) == 1


def test_a_repeated_request_is_done_once(acme):
    connection, headers = acme.connect(), {"Idempotency-Key": "k"}
    first = acme.post_grant(connection, ["a"], headers=headers)
    second = acme.post_grant(connection, ["a"], headers=headers)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.status_code == 201
    assert acme.post_grant(connection, ["b"], headers=headers).status_code == 409
    acme.ask("DELETE", f"{acme.connections}/{connection}/grants/{first.json()['id']}")
    assert acme.post_grant(connection, ["a"], headers=headers).status_code == 404


def test_a_key_of_a_connection_is_none_of_a_grant(acme):
    headers = {"Idempotency-Key": "k"}
    body = {"name": "mailbox", "provider": "gmail", "credentials": {"access_token": "t"}}
    connection = acme.ask("POST", acme.connections, json=body, headers=headers).json()["id"]
    assert acme.post_grant(connection, [], headers=headers).status_code == 409


def test_capabilities_change_from_the_next_fetch_on(acme):
    connection = acme.connect()
    grant = acme.grant(connection, "a")
    path = f"{acme.connections}/{connection}/grants/{grant}"
    before = acme.show(connection)["grants"][0]
    assert (acme.fetch(capability="a").status_code, acme.fetch(capability="b").status_code) == (200, 403)
    after = acme.ask("PATCH", path, json={"capabilities": ["b", "b"]})
    assert (after.status_code, after.json()) == (200, before | {"capabilities": ["b"]})
    assert (acme.fetch(capability="a").status_code, acme.fetch(capability="b").status_code) == (403, 200)
    assert acme.ask("PATCH", path, json={"capabilities": []}).json()["capabilities"] == []
    assert (acme.fetch().status_code, acme.fetch(capability="b").status_code) == (200, 403)


@pytest.mark.parametrize("body", [{}, {"capabilities": ["A"]}, {"capabilities": [], "instance_id": "x"}])
def test_changes_that_are_refused(solo, body):
    connection = solo.connect()
    grant = solo.grant(connection, "a")
    assert faults(solo.ask("PATCH", f"{solo.connections}/{connection}/grants/{grant}", json=body))
    assert solo.show(connection)["grants"][0]["capabilities"] == ["a"]


def test_the_list_of_grants(acme):
    connection = acme.connect()
    path = f"{acme.connections}/{connection}/grants"
    assert acme.ask("GET", path).json() == {"grants": [], "total": 0}
    acme.grant(connection, "a")
    listed = acme.ask("GET", path).json()
    assert listed == {"grants": acme.show(connection)["grants"], "total": 1}


def test_with_an_instance_go_its_grants_and_its_key(acme):
    connection = acme.connect()
    acme.grant(connection, "a")
    path = f"/v1/customers/{acme.customer}/instances/{acme.instance}"
    assert acme.ask("DELETE", path).status_code == 204
    assert acme.show(connection)["grants"] == []
    assert acme.fetch().status_code == 401


def test_a_grant_belongs_to_its_connection(acme):
    first, second = acme.connect(name="1"), acme.connect(name="2")
    grant = acme.grant(first, "a")
    wrong = f"{acme.connections}/{second}/grants/{grant}"
    assert acme.ask("DELETE", wrong).status_code == 404
    assert acme.ask("PATCH", wrong, json={"capabilities": []}).status_code == 404
    assert acme.fetch(name="1").json()["capabilities"] == ["a"]


def test_what_the_command_line_made_is_granted_too(acme):
    """A customer's connection of another door: its plain configuration is what is lent."""
    from towpath.services.connections import Connections

    customer = of_uuid("cus", acme.customer)
    config = {"host": "db", "database": "d", "username": "u", "password": "canary-9b1e"}
    row = Connections(acme.api.container).create(acme.org, "shop", "postgres", config, customer=customer)
    shown = acme.show(str(uuid(row.id)))
    assert (shown["auth_type"], shown["provider"], shown["status"]) == ("basic", "postgres", "active")
    acme.grant(shown["id"], "read")
    assert acme.fetch(provider="postgres").json()["credentials"] == config
    path = f"{acme.connections}/{shown['id']}"
    changed = acme.ask("PATCH", path, json={"credentials": config | {"password": "canary-new"}})
    assert changed.status_code == 200
    assert acme.fetch(provider="postgres").json()["credentials"]["password"] == "canary-new"
    refused = acme.ask("PATCH", path, json={"credentials": config | {"port": "canary-port"}})
    assert (refused.status_code, "canary" in refused.text) == (422, False)


def test_lent_credentials_are_not_changed_setting_by_setting(acme):
    from towpath.core.errors import ConfigError
    from towpath.services.connections import Connections

    given = {"host": "h", "database": "d", "username": "u"}
    connection = acme.connect(provider="postgres", auth_type="basic", credentials=given)
    acme.grant(connection)
    id = of_uuid("con", UUID(connection))
    with pytest.raises(ConfigError):
        Connections(acme.api.container).update(acme.org, id, given | {"host": "other"})
    assert acme.fetch(provider="postgres").json()["credentials"] == given
