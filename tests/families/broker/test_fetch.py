"""Fetching credentials: the whole table of answers, on both stores."""

from uuid import uuid4

import pytest

from support.fetches import change, ours, path, trail
from towpath.core.records import Connection, ConnectionStatus, Grant, now
from towpath.services.connections import Connections

AWKWARD = {
    "nested": {"unicode": "žluťoučký 🐎 \u2028", "list": [1, [2.5, None, True]], "empty": {}},
    "large": 2**80,
    "negative": -(2**63),
    "exact": 0.1,
    "null": None,
    "no": False,
    'quote"\\': "\t\n",
}

# ── what is lent ─────────────────────────────────────────────────────────────────────────────────


def test_what_was_stored_is_what_is_lent(acme):
    acme.grant(acme.connect(credentials={"access_token": "t"} | AWKWARD), "send_mail", "read_events")
    answer = acme.fetch(capability="send_mail")
    assert answer.status_code == 200
    assert answer.json() == {
        "credentials": {"access_token": "t"} | AWKWARD,
        "capabilities": ["send_mail", "read_events"],
    }
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert answer.headers["content-type"] == "application/json"


def test_both_forms_of_the_path(solo):
    solo.grant(solo.connect())
    for form in (path(solo, provider="gmail"), path(solo, provider="gmail").replace("?", "/?")):
        assert solo.api.get(form, solo.proxy_key).status_code == 200


def test_a_connection_that_another_family_made_lends_its_configuration(acme):
    config = {"host": "db.example", "port": 5432, "database": "d", "username": "u", "password": "pass-word"}
    made = acme.api.container
    row = Connections(made).create(acme.org, "warehouse", "postgres", config)
    with made.store.begin() as work:
        work.grants.add(acme.org, Grant(org=acme.org, connection=row.id, instance=ours("ins", acme.instance)))
    answer = acme.fetch(provider="postgres")
    assert (answer.status_code, answer.json()) == (200, {"credentials": config, "capabilities": []})


def test_a_connection_without_secrets(acme):
    with acme.api.container.store.begin() as work:
        row = work.connections.add(
            acme.org, Connection(org=acme.org, name="lake", connector="parquet", config={"path": "/lake"})
        )
        work.grants.add(acme.org, Grant(org=acme.org, connection=row.id, instance=ours("ins", acme.instance)))
    assert acme.fetch(provider="parquet").json()["credentials"] == {"path": "/lake"}


@pytest.mark.parametrize("written", ["gmail", "Gmail", "GMAIL", "%20gmail%20"])
def test_the_case_of_a_provider_does_not_count(solo, written):
    solo.grant(solo.connect(provider="GMail"))
    assert solo.api.get(path(solo, provider=written), solo.proxy_key).status_code == 200


def test_a_name_is_exact(acme):
    acme.grant(acme.connect(name="Info"))
    assert acme.fetch(name="Info").status_code == 200
    for other in ("info", "Info ", "Inf", ""):
        assert acme.fetch(name=other).status_code == 404


def test_of_several_connections_none_is_taken_by_chance(acme):
    for name in ("sales", "info"):
        acme.grant(acme.connect(name=name, credentials={"access_token": name}))
    acme.connect(name="secret board")
    answer = acme.fetch()
    assert answer.status_code == 409
    assert answer.json()["code"] == "ambiguous_connection"
    assert answer.json()["names"] == ["sales", "info"]
    assert acme.fetch(name="info").json()["credentials"] == {"access_token": "info"}


@pytest.mark.parametrize(
    ("asked", "status"),
    [("send_mail", 200), ("read", 403), ("SEND_MAIL", 403), ("send_mail ", 403), ("", 200), (None, 200)],
)
def test_a_capability_is_granted_or_not(solo, asked, status):
    solo.grant(solo.connect(), "send_mail")
    answer = solo.fetch(**({} if asked is None else {"capability": asked}))
    assert answer.status_code == status
    if status == 403:
        assert answer.json() == {"detail": "The grant does not include this capability."}


def test_a_grant_without_capabilities_lends_to_who_asks_for_none(solo):
    solo.grant(solo.connect())
    assert solo.fetch().json()["capabilities"] == []
    assert solo.fetch(capability="send_mail").status_code == 403


# ── what is refused ──────────────────────────────────────────────────────────────────────────────


def refused_keys(tenant):
    """Keys that do not open this instance's door, for one reason each."""
    api, customer = tenant.api, ours("cus", tenant.customer)
    _, of_another_instance = api.instance(tenant.org, customer)
    gone, was_good = api.instance(tenant.org, customer)
    with api.container.store.begin() as work:
        (key,) = work.keys.list(tenant.org, instance=gone)
        work.keys.update(tenant.org, key.id, revoked_at=now())
    return {
        "another instance's": of_another_instance,
        "revoked": was_good,
        "another kind": tenant.key,
        "never made": "tp_proxy_" + "a" * 43,
        "of no form": "garbage",
        "too long": "tp_proxy_" + "a" * 5000,
    }


def test_a_key_that_opens_nothing_gets_one_answer_whatever_is_wrong_with_it(acme, other):
    acme.grant(acme.connect())
    answers = {name: acme.fetch(key) for name, key in refused_keys(acme).items()}
    answers["another organization's"] = acme.fetch(other.proxy_key)
    answers["unknown instance"] = acme.api.get(path(acme, uuid4(), provider="gmail"), acme.proxy_key)
    answers["bad and missing everything"] = acme.api.get(path(acme, "nothing"), "garbage")
    shown = {
        name: (answer.status_code, answer.content, answer.headers["www-authenticate"])
        for name, answer in answers.items()
    }
    refusal = (401, b'{"detail":"Not authenticated"}', 'Bearer error="invalid_token"')
    assert shown == dict.fromkeys(shown, refusal)


@pytest.mark.parametrize("header", [None, "Basic dTpw", "Bearer", "tp_proxy_x"])
def test_without_a_bearer_key_nobody_is_blamed(solo, header):
    headers = {} if header is None else {"Authorization": header}
    answer = solo.api.get(path(solo, "not-a-uuid"), headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})
    assert answer.headers["www-authenticate"] == "Bearer"


def test_two_keys_are_none(solo):
    solo.grant(solo.connect())
    twice = [("Authorization", f"Bearer {solo.proxy_key}")] * 2
    assert solo.api.client.get(path(solo, provider="gmail"), headers=twice).status_code == 401


def test_a_proxy_key_does_not_go_into_the_other_header(solo):
    solo.grant(solo.connect())
    headers = {"X-Api-Key": solo.proxy_key}
    assert solo.api.get(path(solo, provider="gmail"), headers=headers).status_code == 401


MISSING = {"loc": ["query", "provider"], "msg": "Field required", "type": "missing"}
NO_UUID = {"loc": ["path", "instance_id"], "msg": "Input should be a valid UUID", "type": "uuid_parsing"}


@pytest.mark.parametrize(
    ("instance", "query", "found"),
    [
        (None, {}, [MISSING]),
        (None, {"name": "x"}, [MISSING]),
        ("canary-4711", {"provider": "gmail"}, [NO_UUID]),
        ("canary-4711", {}, [NO_UUID, MISSING]),
    ],
)
def test_what_is_missing_or_malformed_is_told_to_who_may_come_in(solo, instance, query, found):
    answer = solo.api.get(path(solo, instance, **query), solo.proxy_key)
    assert (answer.status_code, answer.json()) == (422, {"detail": found})
    assert "4711" not in answer.text


def test_what_is_missing_reads_as_what_is_not_granted(acme, other):
    acme.connect(name="mine, not granted")
    other.grant(other.connect(name="theirs"))
    deleted = acme.connect(name="deleted")
    acme.grant(deleted)
    acme.ask("DELETE", f"{acme.connections}/{deleted}")
    answers = [acme.fetch(name=name) for name in ("mine, not granted", "theirs", "deleted", "never was")] + [
        acme.fetch(),
        acme.fetch(provider="slack"),
        acme.fetch(provider="x" * 300),
    ]
    shown = {(answer.status_code, answer.content) for answer in answers}
    assert shown == {(404, b'{"detail":"Not found"}')}


@pytest.mark.parametrize(
    ("status", "code"),
    [("pending", "pending"), ("expired", "reauth_required"), ("revoked", "revoked")],
)
def test_a_connection_that_has_to_be_set_right_first(acme, status, code):
    connection = acme.connect()
    acme.grant(connection)
    change(acme, connection, status=ConnectionStatus(status))
    # Before the capability, which nobody could use either.
    answer = acme.fetch(capability="none")
    assert (answer.status_code, answer.json()["code"]) == (424, code)
    assert answer.json()["detail"]


def test_a_connection_whose_last_test_failed_is_lent(solo):
    connection = solo.connect()
    solo.grant(connection)
    change(solo, connection, status=ConnectionStatus.ERROR, error="did not answer")
    assert solo.fetch().status_code == 200


def test_credentials_that_ended_and_cannot_be_renewed(solo):
    solo.grant(
        solo.connect(auth_type="api_key", credentials={"key": "k", "expires_at": "2001-01-01T00:00:00Z"})
    )
    answer = solo.fetch()
    assert (answer.status_code, answer.json()["code"]) == (424, "reauth_required")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_it_can_only_be_read(solo, method):
    solo.grant(solo.connect())
    answer = solo.api.call(method, path(solo, provider="gmail"), solo.proxy_key)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.json() == {"detail": "Method Not Allowed"}


def test_asking_for_the_head_shows_no_credentials(solo):
    solo.grant(solo.connect())
    answer = solo.api.call("HEAD", path(solo, provider="gmail"), solo.proxy_key)
    assert answer.content == b""
    assert [row.detail["outcome"] for row in trail(solo)] == [answer.status_code]


def test_no_refusal_may_be_kept_on_the_way(solo):
    for answer in (solo.fetch(), solo.fetch("garbage"), solo.api.get(path(solo), solo.proxy_key)):
        assert answer.headers["cache-control"] == "no-store"
