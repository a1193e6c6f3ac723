"""Who may come in: the six published endpoints, and everything that a caller may show, in each header."""

import itertools
from datetime import timedelta

import pytest

from towpath.core.records import now

NOBODY, STRANGER = "Bearer", 'Bearer error="invalid_token"'
OK = {"list": 200, "create": 201, "delete": 204, "grant": 201, "ungrant": 204, "fetch": 200}
FIVE = [name for name in OK if name != "fetch"]
_names = itertools.count()


def request(tenant, endpoint):
    """A request that succeeds for who may make it, on things of its own."""
    fresh = f"mailbox {next(_names)}"
    if endpoint == "fetch":
        tenant.grant(tenant.connect(name=fresh))
        path = f"/internal/v1/instances/{tenant.instance}/connections"
        return "GET", path, {"params": {"provider": "gmail", "name": fresh}}
    if endpoint == "list":
        return "GET", tenant.connections, {}
    if endpoint == "create":
        body = {"name": fresh, "provider": "gmail", "credentials": {}}
        return "POST", tenant.connections, {"json": body}
    connection = tenant.connect(name=fresh)
    path = f"{tenant.connections}/{connection}"
    if endpoint == "delete":
        return "DELETE", path, {}
    if endpoint == "grant":
        body = {"capabilities": ["send_mail"], "instance_id": str(tenant.instance)}
        return "POST", f"{path}/grants", {"json": body}
    return "DELETE", f"{path}/grants/{tenant.grant(connection)}", {}


def ended(tenant, kind, **changes):
    """A key that was good once."""
    shown = tenant.api.shown_key(tenant.org, kind)
    with tenant.api.container.store.begin() as work:
        work.keys.update(tenant.org, shown.key.id, **changes)
    return shown.text.get_secret_value()


def ended_proxy(tenant, **changes):
    """The instance's own key, which is good no more."""
    with tenant.api.container.store.begin() as work:
        (key,) = work.keys.list(tenant.org, kind="proxy")
        work.keys.update(tenant.org, key.id, **changes)
    return tenant.proxy_key


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def api_key(key):
    return {"X-Api-Key": key}


#: What is shown → (status, challenge) at the five endpoints, and at the fetch; None is success.
SHOWN = {
    "nothing": (lambda *_: {}, (401, NOBODY), (401, NOBODY)),
    "garbage as Bearer": (lambda *_: bearer("garbage"), (401, STRANGER), (401, STRANGER)),
    "garbage as X-Api-Key": (lambda *_: api_key("garbage"), (401, STRANGER), (401, NOBODY)),
    "an empty X-Api-Key": (lambda *_: api_key(""), (401, STRANGER), (401, NOBODY)),
    "a key that is not there": (
        lambda a, _: bearer(a.key[:-1] + ("a" if a.key[-1] != "a" else "b")),
        (401, STRANGER),
        (401, STRANGER),
    ),
    "X-Api-Key": (lambda a, _: api_key(a.key), None, (401, NOBODY)),
    "Bearer": (lambda a, _: bearer(a.key), None, (401, STRANGER)),
    "bearer in small letters": (
        lambda a, _: {"Authorization": f"bearer {a.key}"},
        None,
        (401, STRANGER),
    ),
    "Basic": (lambda *_: {"Authorization": "Basic dXNlcjpwYXNz"}, (401, STRANGER), (401, NOBODY)),
    "a proxy key as Bearer": (lambda a, _: bearer(a.proxy_key), (401, STRANGER), None),
    "a proxy key as X-Api-Key": (lambda a, _: api_key(a.proxy_key), (401, STRANGER), (401, NOBODY)),
    "another organization's key": (lambda _, b: bearer(b.key), (404, None), (401, STRANGER)),
    "another instance's proxy key": (lambda _, b: bearer(b.proxy_key), (401, STRANGER), (401, STRANGER)),
    "an integrator's key": (
        lambda a, _: bearer(a.api.key(a.org, "integrator")),
        (401, STRANGER),
        (401, STRANGER),
    ),
    "a partner's key": (
        lambda a, _: api_key(a.api.key(a.org, "partner")),
        (401, STRANGER),
        (401, NOBODY),
    ),
    "a revoked key": (
        lambda a, _: api_key(ended(a, "broker", revoked_at=now())),
        (401, STRANGER),
        (401, NOBODY),
    ),
    "an expired key": (
        lambda a, _: bearer(ended(a, "broker", expires_at=now() - timedelta(seconds=1))),
        (401, STRANGER),
        (401, STRANGER),
    ),
    "both, and both good": (lambda a, _: bearer(a.key) | api_key(a.key), None, (401, STRANGER)),
    "both, and the first one bad": (
        lambda a, _: bearer("garbage") | api_key(a.key),
        (401, STRANGER),
        (401, STRANGER),
    ),
    "both, and the second one bad": (
        lambda a, _: bearer(a.key) | api_key("garbage"),
        (401, STRANGER),
        (401, STRANGER),
    ),
    "keys of two organizations": (
        lambda a, b: bearer(a.key) | api_key(b.key),
        (401, STRANGER),
        (401, STRANGER),
    ),
    "a broker key beside a proxy key": (
        lambda a, _: bearer(a.proxy_key) | api_key(a.key),
        (401, STRANGER),
        None,
    ),
}


@pytest.mark.parametrize("shown", SHOWN)
def test_the_matrix(solo, neighbour, shown):
    headers, at_five, at_fetch = SHOWN[shown]
    for endpoint, success in OK.items():
        method, path, options = request(solo, endpoint)
        answer = solo.api.call(method, path, headers=headers(solo, neighbour), **options)
        expected = at_fetch if endpoint == "fetch" else at_five
        if expected is None:
            assert answer.status_code == success, (endpoint, answer.text)
            continue
        status, challenge = expected
        assert (answer.status_code, answer.headers.get("www-authenticate")) == (status, challenge), endpoint
        detail = "Not found" if status == 404 else "Not authenticated"
        assert answer.json() == {"detail": detail}, endpoint


@pytest.mark.parametrize("end", [{"revoked_at": now()}, {"expires_at": now()}])
def test_a_proxy_key_that_ended_opens_nothing(solo, end):
    method, path, options = request(solo, "fetch")
    assert solo.api.call(method, path, solo.proxy_key, **options).status_code == 200
    answer = solo.api.call(method, path, ended_proxy(solo, **end), **options)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, STRANGER)


def test_two_headers_of_one_kind_are_never_a_choice(solo):
    for name, good in (("Authorization", f"Bearer {solo.key}"), ("X-Api-Key", solo.key)):
        for values in ((good, "Bearer garbage"), ("Bearer garbage", good)):
            headers = [(name, value) for value in values]
            assert solo.api.client.get(solo.connections, headers=headers).status_code == 401


def test_the_causes_of_a_401_are_not_told_apart(solo):
    bad = [
        bearer("garbage"),
        bearer(solo.proxy_key),
        bearer(ended(solo, "broker", revoked_at=now())),
        bearer(ended(solo, "broker", expires_at=now())),
    ]
    answers = [solo.api.get(solo.connections, headers=one) for one in bad]
    hidden = {"date", "x-request-id"}
    told = {
        (one.content, tuple(pair for pair in one.headers.items() if pair[0] not in hidden)) for one in answers
    }
    assert len(told) == 1


def test_who_may_not_come_in_learns_nothing_of_what_is_there(solo):
    connection = solo.connect()
    bodies = [{}, {"name": 5}, {"name": "n", "provider": "p", "credentials": {}}]
    for body in bodies:
        assert solo.api.post(solo.connections, json=body).status_code == 401
    for path in (f"{solo.connections}/{connection}", f"{solo.connections}/{solo.instance}"):
        assert solo.api.delete(path).status_code == 401


def test_use_of_a_key_is_noted(acme):
    assert acme.ask("GET", acme.connections).status_code == 200
    with acme.api.container.store.read() as work:
        (key,) = work.keys.list(acme.org, kind="broker")
    assert key.last_used_at is not None
