"""Customers, their instances, and keys that are shown once."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

CUSTOMER = {"created_at", "id", "name", "updated_at"}
INSTANCE = {"created_at", "customer_id", "id", "keys", "name"}
KEY = {"created_at", "expires_at", "hint", "id", "last_used_at"}


@pytest.fixture
def instances(acme):
    return f"/v1/customers/{acme.customer}/instances"


def test_the_life_of_a_customer(acme):
    made = acme.ask("POST", "/v1/customers", json={"name": "Bakery"})
    assert (made.status_code, set(made.json())) == (201, CUSTOMER)
    path = made.headers["location"]
    assert path == f"/v1/customers/{made.json()['id']}"
    assert acme.ask("GET", path).json() == made.json()
    listed = acme.ask("GET", "/v1/customers").json()
    assert (listed["total"], listed["customers"][-1]) == (2, made.json())
    assert acme.ask("GET", "/v1/customers", params={"limit": 1, "offset": 1}).json() == {
        "customers": [made.json()],
        "total": 2,
    }
    assert acme.ask("DELETE", path).status_code == 204
    for method in ("GET", "DELETE"):
        assert acme.ask(method, path).status_code == 404
    assert acme.ask("GET", f"{path}/connections").status_code == 404
    assert acme.ask("POST", "/v1/customers", json={"name": "Bakery"}).status_code == 201


def test_a_customer_with_something_left_stays(acme, instances):
    path = f"/v1/customers/{acme.customer}"
    connection = acme.connect()
    assert acme.ask("DELETE", path).status_code == 409
    acme.ask("DELETE", f"{instances}/{acme.instance}")
    assert acme.ask("DELETE", path).status_code == 409
    assert acme.show(connection)["status"] == "active"
    acme.ask("DELETE", f"{acme.connections}/{connection}")
    assert acme.ask("DELETE", path).status_code == 204


def test_names_are_taken_once(acme, instances):
    assert acme.ask("POST", "/v1/customers", json={"name": "Bakery"}).status_code == 201
    assert acme.ask("POST", "/v1/customers", json={"name": "Bakery"}).status_code == 409
    assert acme.ask("POST", instances, json={"name": "runtime"}).status_code == 201
    assert acme.ask("POST", instances, json={"name": "runtime"}).status_code == 409


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": " "}, {"name": "n" * 256}, {"name": None}, []])
def test_names_that_are_refused(solo, body):
    for path in ("/v1/customers", f"/v1/customers/{solo.customer}/instances"):
        assert solo.ask("POST", path, json=body).status_code == 422


def test_nobody_takes_the_place_of_another_by_its_name(acme):
    """Names may look like ids."""
    from towpath.core.ids import of_uuid

    ghost = uuid4()
    made = acme.ask("POST", "/v1/customers", json={"name": of_uuid("cus", ghost)})
    assert made.status_code == 201
    for method, body in (("GET", None), ("DELETE", None)):
        assert acme.ask(method, f"/v1/customers/{ghost}", json=body).status_code == 404
    assert acme.ask("POST", f"/v1/customers/{ghost}/instances", json={"name": "n"}).status_code == 404
    assert acme.ask("GET", f"/v1/customers/{made.json()['id']}").status_code == 200


def test_the_life_of_an_instance(acme, instances):
    made = acme.ask("POST", instances, json={"name": "runtime"})
    assert (made.status_code, set(made.json())) == (201, INSTANCE | {"proxy_key"})
    assert made.headers["cache-control"] == "no-store"
    assert made.headers["location"] == f"{instances}/{made.json()['id']}"
    (key,) = made.json()["keys"]
    assert set(key) == KEY
    assert made.json()["proxy_key"].startswith(key["hint"])
    assert len(key["hint"]) < 16
    shown = {name: value for name, value in made.json().items() if name != "proxy_key"}
    listed = acme.ask("GET", instances).json()
    assert (listed["total"], listed["instances"][-1]) == (2, shown)
    assert acme.ask("DELETE", made.headers["location"]).status_code == 204
    assert acme.ask("DELETE", made.headers["location"]).status_code == 404
    assert acme.ask("GET", instances).json()["total"] == 1


def test_a_key_is_shown_in_one_answer_of_all(acme, instances):
    answers = [acme.ask("POST", instances, json={"name": "runtime"})]
    made = answers[0].json()
    path, key = f"{instances}/{made['id']}", made["proxy_key"]
    connection = acme.connect()
    answers.append(acme.post_grant(connection, ["a"], made["id"]))
    fetch = f"/internal/v1/instances/{made['id']}/connections"
    answers += [acme.api.get(fetch, key, params={"provider": "gmail"}) for _ in range(2)]
    answers += [acme.ask("GET", where) for where in (instances, acme.connections, "/v1/audit")]
    rotated = acme.ask("POST", f"{path}/rotate-key", json={"overlap_seconds": 60})
    answers += [rotated, acme.ask("GET", instances), acme.ask("GET", "/v1/audit")]
    answers += [acme.ask("DELETE", path), acme.ask("GET", "/v1/audit")]
    for text in (key, rotated.json()["proxy_key"]):
        assert sum(text in one.text or text in str(one.headers) for one in answers) == 1
        assert sum(text[-20:] in one.text for one in answers) == 1


def test_what_is_kept_of_a_key_is_not_the_key(acme):
    with acme.api.container.store.read() as work:
        rows = work.keys.list(acme.org)
    for text in (acme.key, acme.proxy_key):
        assert not any(text in str(row) or text[-10:] in str(row) for row in rows)


def test_keys_are_changed_with_an_overlap(acme, instances):
    acme.grant(acme.connect())
    path = f"{instances}/{acme.instance}"
    before = datetime.now(UTC)
    rotated = acme.ask("POST", f"{path}/rotate-key", json={"overlap_seconds": 3600}).json()
    new = rotated["proxy_key"]
    old, fresh = sorted(rotated["keys"], key=lambda one: one["created_at"])
    assert fresh["expires_at"] is None
    ends = datetime.fromisoformat(old["expires_at"]) - timedelta(hours=1)
    assert before <= ends <= datetime.now(UTC)
    assert [acme.fetch(key).status_code for key in (acme.proxy_key, new)] == [200, 200]
    newest = acme.ask("POST", f"{path}/rotate-key", json={"overlap_seconds": 0}).json()
    keys = (acme.proxy_key, new, newest["proxy_key"])
    assert [acme.fetch(key).status_code for key in keys] == [401, 401, 200]
    assert len(newest["keys"]) == 1


def test_without_a_word_the_overlap_is_a_day(acme, instances):
    path = f"{instances}/{acme.instance}/rotate-key"
    for options in ({}, {"json": {}}):
        rotated = acme.ask("POST", path, **options)
        assert rotated.status_code == 200
        ends = [one["expires_at"] for one in rotated.json()["keys"] if one["expires_at"]]
        assert all(
            timedelta(hours=23) < datetime.fromisoformat(one) - datetime.now(UTC) <= timedelta(hours=24)
            for one in ends
        )


@pytest.mark.parametrize("overlap", [-1, 7 * 86_400 + 1, "soon", None, 1.5])
def test_overlaps_that_are_refused(solo, overlap):
    path = f"/v1/customers/{solo.customer}/instances/{solo.instance}/rotate-key"
    solo.grant(solo.connect())
    assert solo.ask("POST", path, json={"overlap_seconds": overlap}).status_code == 422
    assert solo.fetch().status_code == 200


def test_the_audit_trail_in_pieces(acme):
    for index in range(5):
        acme.connect(name=f"{index}")
    whole = acme.ask("GET", "/v1/audit").json()
    assert whole["next"] is None
    pieces, after = [], None
    while True:
        query = {"limit": 3} | ({"after": after} if after else {})
        piece = acme.ask("GET", "/v1/audit", params=query).json()
        pieces += piece["entries"]
        after = piece["next"]
        if after is None:
            break
    assert pieces == whole["entries"]
    assert [one["action"] for one in pieces][-5:] == ["connection.create"] * 5
    assert acme.ask("GET", "/v1/audit", params={"limit": 0}).status_code == 422
