"""Connections: what is taken, what is kept, what is shown, and how they end."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from towpath.core.ids import of_uuid

NESTED = {
    "access_token": "ключ-🔑",
    "numbers": [0, -1, 2**63, 10**30, 1.5, 1e-7],
    "deep": {"a": [{"b": None}, True, False, "", {}], "\u2028": '\\ " \n'},
    "": "empty name",
}


def faults(answer):
    assert answer.status_code == 422, answer.text
    return {(*fault["loc"], fault["type"]) for fault in answer.json()["detail"]}


# ── creating ─────────────────────────────────────────────────────────────────────────────────────


def test_credentials_come_back_as_they_were_given(acme):
    acme.grant(acme.connect(credentials=NESTED))
    lent = acme.fetch()
    assert lent.json()["credentials"] == NESTED
    assert str(10**30) in lent.text


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"auth_type": "oauth1"}, ("body", "auth_type", "literal_error")),
        ({"auth_type": None}, ("body", "auth_type", "literal_error")),
        ({"name": "n" * 256}, ("body", "name", "string_too_long")),
        ({"provider": "p" * 51}, ("body", "provider", "string_too_long")),
        ({"name": ""}, ("body", "name", "string_pattern_mismatch")),
        ({"name": " \t\u00a0\u2003"}, ("body", "name", "string_pattern_mismatch")),
        ({"provider": "  "}, ("body", "provider", "string_pattern_mismatch")),
        ({"provider": "\u001f"}, ("body", "provider", "string_pattern_mismatch")),
        ({"name": 5}, ("body", "name", "string_type")),
        ({"name": "a\0b"}, ("body", 0, "json_invalid")),
        ({"credentials": {"a": "\0"}}, ("body", 0, "json_invalid")),
        ({"credentials": []}, ("body", "credentials", "dict_type")),
        ({"credentials": None}, ("body", "credentials", "dict_type")),
        ({"credentials": "secret"}, ("body", "credentials", "dict_type")),
        ({"metadata_json": []}, ("body", "metadata_json", "dict_type")),
        ({"scopes": "read"}, ("body", "scopes", "list_type")),
        ({"scopes": [5]}, ("body", "scopes", 0, "string_type")),
    ],
)
def test_what_is_refused(solo, fields, fault):
    assert fault in faults(solo.post(**fields))
    assert solo.ask("GET", solo.connections).json()["total"] == 0


def test_what_is_missing_is_named(solo):
    assert faults(solo.post(body={})) == {
        ("body", name, "missing") for name in ("credentials", "name", "provider")
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "n" * 255, "provider": "p" * 50},
        {"metadata_json": None, "scopes": None},
        {"metadata_json": {"a": [1, {"b": None}], "n": 10**30, "é": "🔑"}, "scopes": []},
        {"credentials": {}},
        {"name": "IQM Master Roster", "unknown": "fields are left out"},
    ],
)
def test_what_is_taken(acme, fields):
    made = acme.post(**fields)
    assert made.status_code == 201
    assert acme.show(made.json()["id"]) == made.json()
    with acme.api.container.store.read() as work:
        (row,) = work.connections.list(acme.org)
    assert row.metadata == (fields.get("metadata_json") or {})


def test_providers_are_kept_in_small_letters(acme):
    made = acme.post(provider=" GMail ", name=" My Mail ").json()
    assert (made["provider"], made["name"]) == ("gmail", " My Mail ")
    assert acme.post(provider="gmail", name=" My Mail ").status_code == 409
    acme.grant(made["id"])
    assert acme.fetch(provider="Gmail").status_code == 200


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"credentials": {}}, "pending"),
        ({"credentials": {"access_token": "t"}}, "active"),
        ({"credentials": {"refresh_token": "t"}}, "active"),
        ({"credentials": {"access_token": ""}}, "pending"),
        ({"credentials": {"refresh_token": None}}, "pending"),
        ({"credentials": {"client_id": "c", "client_secret": "s"}}, "pending"),
        ({"auth_type": "api_key", "credentials": {}}, "pending"),
        ({"auth_type": "api_key", "credentials": {"key": None}}, "pending"),
        ({"auth_type": "api_key", "credentials": {"key": "k"}}, "active"),
        ({"auth_type": "basic", "credentials": {"username": "u"}}, "active"),
    ],
)
def test_a_connection_is_active_once_it_can_be_used(solo, fields, status):
    made = solo.post(provider="nobody_knows_it", **fields).json()
    assert made["status"] == status
    solo.grant(made["id"])
    fetched = solo.fetch(provider="nobody_knows_it").status_code
    # What is active may still be due for a renewal that nobody offers.
    assert fetched == 424 if status == "pending" else fetched in (200, 424, 503)


def test_what_a_known_provider_requires_must_be_there(solo):
    reader = {"host": "localhost", "database": "shop", "username": "u", "password": "p"}
    whole = solo.post(provider="postgres", auth_type="basic", name="a", credentials=reader).json()
    part = solo.post(provider="postgres", auth_type="basic", name="b", credentials={"host": "h"}).json()
    assert (whole["status"], part["status"]) == ("active", "pending")


MOMENT = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "given",
    [
        MOMENT.timestamp(),
        int(MOMENT.timestamp()),
        int(MOMENT.timestamp() * 1000),
        "2031-05-06T07:08:09Z",
        "2031-05-06T09:08:09+02:00",
        "2031-05-06 07:08:09",
        str(int(MOMENT.timestamp())),
    ],
)
def test_when_credentials_end(solo, given):
    made = solo.post(credentials={"access_token": "t", "expires_at": given, "expires_in": 5}).json()
    assert datetime.fromisoformat(made["expires_at"]) == MOMENT
    assert made["expires_at"].endswith("Z")


@pytest.mark.parametrize("given", [3600, "3600", 3600.0])
def test_when_credentials_end_counted_from_now(solo, given):
    before = datetime.now(UTC)
    made = solo.post(credentials={"access_token": "t", "expires_in": given}).json()
    ends = datetime.fromisoformat(made["expires_at"]) - timedelta(hours=1)
    assert before <= ends <= datetime.now(UTC)


@pytest.mark.parametrize(
    "given", [{}, {"expires_in": 0}, {"expires_in": -5}, {"expires_in": "soon"}, {"expires_at": "x"}]
)
def test_credentials_that_do_not_say_when_they_end_do_not_end(solo, given):
    solo.grant(solo.connect(credentials={"access_token": "t", **given}))
    assert solo.ask("GET", solo.connections).json()["connections"][0]["expires_at"] is None
    assert solo.fetch().status_code == 200


def test_one_name_for_each_customer_and_provider(acme):
    assert acme.post().status_code == 201
    twin = acme.post(credentials={"access_token": "other"})
    assert twin.status_code == 409
    assert isinstance(twin.json()["detail"], str)
    assert acme.post(name="Mailbox").status_code == 201
    assert acme.post(provider="xero").status_code == 201
    sibling = acme.ask("POST", "/v1/customers", json={"name": "sibling"}).json()["id"]
    body = {"name": "mailbox", "provider": "gmail", "credentials": {}}
    assert acme.ask("POST", f"/v1/customers/{sibling}/connections", json=body).status_code == 201


def test_of_twenty_at_once_one_is_made(acme):
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: acme.post(), range(20)))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 19
    assert acme.ask("GET", acme.connections).json()["total"] == 1


def test_the_name_of_a_deleted_one_is_free(acme):
    for _ in range(3):
        assert acme.ask("DELETE", f"{acme.connections}/{acme.connect()}").status_code == 204


# ── asking twice ─────────────────────────────────────────────────────────────────────────────────


def repeated(tenant, key, **fields):
    body = {"name": "mailbox", "provider": "gmail", "credentials": {"access_token": "t"}} | fields
    return tenant.ask("POST", tenant.connections, json=body, headers={"Idempotency-Key": key})


def test_a_repeated_request_is_done_once(acme):
    first, second = repeated(acme, "k"), repeated(acme, "k")
    assert (first.status_code, first.content, first.headers["location"]) == (
        second.status_code,
        second.content,
        second.headers["location"],
    )
    assert first.status_code == 201
    assert acme.ask("GET", acme.connections).json()["total"] == 1


def test_the_order_of_fields_makes_no_other_request(acme):
    given = {"access_token": "t", "a": {"b": 1, "c": 2}}
    turned = {"a": {"c": 2, "b": 1}, "access_token": "t"}
    first = repeated(acme, "k", credentials=given)
    assert repeated(acme, "k", credentials=turned).content == first.content
    assert repeated(acme, "k", credentials=turned | {"a": {"c": 1, "b": 2}}).status_code == 409


def test_a_key_stands_for_one_request(acme, other):
    assert repeated(acme, "k").status_code == 201
    assert repeated(acme, "k", credentials={"access_token": "other"}).status_code == 409
    assert repeated(acme, "k", name="other").status_code == 409
    sibling = acme.ask("POST", "/v1/customers", json={"name": "sibling"}).json()["id"]
    body = {"name": "mailbox", "provider": "gmail", "credentials": {"access_token": "t"}}
    headers = {"Idempotency-Key": "k"}
    moved = acme.ask("POST", f"/v1/customers/{sibling}/connections", json=body, headers=headers)
    assert moved.status_code == 409
    assert repeated(other, "k").status_code == 201
    assert repeated(acme, "l", name="other").status_code == 201


def test_a_request_that_failed_may_be_repeated(acme):
    connection = acme.connect()
    assert repeated(acme, "k").status_code == 409
    acme.ask("DELETE", f"{acme.connections}/{connection}")
    assert repeated(acme, "k").status_code == 201


def test_twenty_repetitions_at_once_are_one(acme):
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: repeated(acme, "k"), range(20)))
    assert {(one.status_code, one.content) for one in answers} == {(201, answers[0].content)}
    assert acme.ask("GET", acme.connections).json()["total"] == 1


def test_what_was_deleted_since_is_not_made_again(acme):
    made = repeated(acme, "k").json()["id"]
    acme.ask("DELETE", f"{acme.connections}/{made}")
    assert repeated(acme, "k").status_code == 404
    assert acme.ask("GET", acme.connections).json() == {"connections": [], "total": 0}


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_keys_that_are_none(solo, key):
    assert repeated(solo, key).status_code == 422


# ── listing ──────────────────────────────────────────────────────────────────────────────────────


def test_the_list_is_in_the_order_of_making_and_cut_as_asked(acme):
    made = [acme.connect(name=f"{index}", provider="gmail" if index % 2 else "xero") for index in range(7)]
    made = [*made, acme.connect(name="7", credentials={})]

    def listed(**query):
        page = acme.ask("GET", acme.connections, params=query).json()
        return [made.index(one["id"]) for one in page["connections"]], page["total"]

    assert listed() == ([0, 1, 2, 3, 4, 5, 6, 7], 8)
    assert listed(limit=3) == ([0, 1, 2], 8)
    assert listed(limit=3, offset=6) == ([6, 7], 8)
    assert listed(offset=7) == ([7], 8)
    assert listed(offset=8) == ([], 8)
    assert listed(provider="XERO") == ([0, 2, 4, 6], 4)
    assert listed(provider="xero", limit=1, offset=1) == ([2], 4)
    assert listed(status="pending") == ([7], 1)
    assert listed(status="revoked") == ([], 0)
    assert listed(provider="nothing") == ([], 0)


def test_an_empty_list(acme):
    assert acme.ask("GET", acme.connections).json() == {"connections": [], "total": 0}


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"offset": -1}, {"offset": 2**40}, {"status": "gone"}],
)
def test_queries_that_are_refused(solo, query):
    ((place, name, _),) = faults(solo.ask("GET", solo.connections, params=query))
    assert (place, name) == ("query", *query)


def test_grants_are_listed_with_their_connections(acme):
    first, second = acme.connect(name="1"), acme.connect(name="2")
    grant = acme.grant(first, "b", "a")
    rows = acme.ask("GET", acme.connections).json()["connections"]
    assert [[one["id"] for one in row["grants"]] for row in rows] == [[grant], []]
    assert rows[0]["grants"][0]["capabilities"] == ["b", "a"]
    assert rows[1]["id"] == second


# ── changing ─────────────────────────────────────────────────────────────────────────────────────


def change(tenant, connection, **fields):
    return tenant.ask("PATCH", f"{tenant.connections}/{connection}", json=fields)


def test_only_what_is_given_changes(acme):
    connection = acme.connect(scopes=["a"], metadata_json={"note": 1})
    before = acme.show(connection)
    assert change(acme, connection).json() | {"updated_at": 0} == before | {"updated_at": 0}
    after = change(acme, connection, name="other").json()
    assert after | {"updated_at": 0} == before | {"updated_at": 0, "name": "other"}
    after = change(acme, connection, scopes=["b", "c"], metadata_json={}).json()
    assert after["scopes"] == ["b", "c"]
    assert acme.show(connection) == after


def test_new_credentials_are_lent_from_the_next_fetch_on(acme):
    connection = acme.connect(credentials={"access_token": "old", "expires_in": 3600})
    grant = acme.grant(connection, "a")
    after = change(acme, connection, credentials={"access_token": "new"}).json()
    assert (after["expires_at"], after["status"]) == (None, "active")
    assert [one["id"] for one in after["grants"]] == [grant]
    assert acme.fetch().json() == {"credentials": {"access_token": "new"}, "capabilities": ["a"]}
    assert change(acme, connection, credentials={}).json()["status"] == "pending"
    assert acme.fetch().status_code == 424


def test_a_connection_is_switched_off_and_on(acme):
    connection = acme.connect()
    acme.grant(connection)
    assert change(acme, connection, status="revoked").json()["status"] == "revoked"
    assert acme.fetch().status_code == 424
    assert change(acme, connection, credentials={"access_token": "n"}).json()["status"] == "revoked"
    assert acme.fetch().status_code == 424
    assert change(acme, connection, status="active").json()["status"] == "active"
    assert acme.fetch().json()["credentials"] == {"access_token": "n"}


def test_switching_on_does_not_mend_what_is_missing(acme):
    connection = acme.connect(credentials={})
    assert change(acme, connection, status="active").json()["status"] == "pending"
    change(acme, connection, status="revoked")
    assert change(acme, connection, status="active").json()["status"] == "pending"


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "expired"},
        {"name": " "},
        {"name": "n" * 256},
        {"provider": "xero"},
        {"auth_type": "basic"},
        {"credential": {}},
        {"credentials": []},
    ],
)
def test_changes_that_are_refused(solo, fields):
    connection = solo.connect()
    before = solo.show(connection)
    assert faults(change(solo, connection, **fields))
    assert solo.show(connection) == before


def test_a_name_that_is_taken(acme):
    acme.connect(name="taken")
    connection = acme.connect()
    before = acme.show(connection)
    assert change(acme, connection, name="taken", credentials={"access_token": "x"}).status_code == 409
    assert acme.show(connection) == before
    acme.grant(connection)
    assert acme.fetch().json()["credentials"] == {"access_token": "t"}


def test_new_credentials_wait_for_a_renewal_of_the_old_ones(acme):
    connection = acme.connect()
    id = of_uuid("con", UUID(connection))
    at = datetime.now(UTC)
    with acme.api.container.store.begin() as work:
        assert work.renewals.claim(acme.org, id, "somebody", at, at + timedelta(minutes=1))
    answer = change(acme, connection, credentials={"access_token": "new"})
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert change(acme, connection, name="other").status_code == 200
    with acme.api.container.store.begin() as work:
        assert work.renewals.end(acme.org, id, "somebody")
    assert change(acme, connection, credentials={"access_token": "new"}).status_code == 200


# ── deleting ─────────────────────────────────────────────────────────────────────────────────────


def test_with_the_connection_everything_of_it_goes(acme):
    connection = acme.connect()
    grant = acme.grant(connection, "a")
    path = f"{acme.connections}/{connection}"
    assert acme.fetch().status_code == 200
    assert acme.ask("DELETE", path).status_code == 204
    assert acme.fetch().status_code == 404
    for method, lost in itertools.product(["DELETE"], [path, f"{path}/grants/{grant}"]):
        answer = acme.ask(method, lost)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found"})
    assert acme.ask("GET", acme.connections).json() == {"connections": [], "total": 0}
    id = of_uuid("con", UUID(connection))
    with acme.api.container.store.read() as work:
        assert work.secrets.get(acme.org, id) is None
        assert work.grants.list(acme.org) == []


def test_of_twenty_deletions_one_happens(acme):
    path = f"{acme.connections}/{acme.connect()}"
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: acme.ask("DELETE", path), range(20)))
    assert sorted(one.status_code for one in answers) == [204] + [404] * 19


def test_everything_that_was_done_is_on_record(acme):
    connection = acme.connect()
    change(acme, connection, name="other", credentials={"access_token": "canary-7d1f"})
    acme.ask("DELETE", f"{acme.connections}/{connection}")
    entries = acme.ask("GET", "/v1/audit").json()["entries"]
    mine = [one for one in entries if one["object"] == connection]
    assert [one["action"] for one in mine][:3] == [
        "connection.create",
        "connection.update",
        "connection.delete",
    ]
    assert all(one["actor"].startswith("key:") and one["address"] == "127.0.0.1" for one in mine)
    assert mine[1]["detail"] == {"fields": ["name", "credentials"], "status": "active"}
    assert "canary" not in str(entries)
