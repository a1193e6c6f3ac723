"""Who may come in, what their tokens open, and how much may be asked."""

from contextlib import closing
from datetime import timedelta

from support.api import running, settings_of
from towpath.api.integrator import family
from towpath.api.integrator.auth import spend
from towpath.bootstrap.container import Container
from towpath.bootstrap.settings import load
from towpath.core.ids import as_object_id, new_id
from towpath.core.records import Key, KeyKind, now
from towpath.vault import new_machine_key


def once(program, *scopes, life=timedelta(minutes=15)):
    """The text of a new one-time token."""
    new = new_machine_key(program.api.container.vault, KeyKind.ONCE)
    row = Key(
        org=program.org,
        name="call",
        kind=KeyKind.ONCE,
        digest=new.digest,
        scopes=scopes,
        expires_at=now() + life,
    )
    with program.api.container.store.begin() as work:
        work.keys.add(program.org, row)
    return new.key.get_secret_value()


def test_a_token_tells_whose_it_is(program):
    assert program.get("/tokenInfo") == {"_userId": program.account, "scope": "*"}
    assert program.get("/tokenInfo/", token=once(program, "invoke"))["scope"] == "invoke"


def test_who_shows_no_token_or_a_wrong_one_is_told_so(program, server):
    nobody = server.get("/v1/tokenInfo")
    assert (nobody.status_code, nobody.json()) == (401, {"message": "Unauthorized"})
    dead = once(program, "invoke", life=timedelta(0))
    for wrong in ("nonsense", f"tp_integrator_{'a' * 43}", server.key(program.org, "broker"), dead):
        found = server.get("/v1/tokenInfo", wrong)
        assert (found.status_code, found.json()) == (401, {"message": "Bearer Authentication Failed"})


def test_an_access_token_is_shown_once_revoked_and_only_then_deleted(program):
    made = program.make("/accesstokens", {"name": "robot", "description": "d", "fullAccess": True})
    token = made.pop("token")
    assert program.get("/tokenInfo", token=token)["scope"] == "*"
    path = f"/accesstokens/{made['_id']}"
    shown = program.get(path)
    assert shown == made | {"token": "******"}
    assert shown["fullAccess"] is True
    assert shown["revoked"] is False
    assert shown["description"] == "d"
    assert token not in program.call("GET", "/accesstokens").text

    assert program.refused(422, "DELETE", path)[0]["code"] == "dependency_conflict"
    program.good("PATCH", path, [{"op": "replace", "path": "/revoked", "value": True}])
    assert program.call("GET", "/tokenInfo", token=token).status_code == 401
    assert program.refused(422, "PUT", path, {**shown, "revoked": False})[0]["field"] == "revoked"
    assert program.call("DELETE", path).status_code == 204
    assert program.call("GET", path).status_code == 404


def test_an_access_token_is_for_everything_or_for_what_it_names(program, stranger):
    refused = program.refused(422, "POST", "/accesstokens", {"name": "x"})
    assert refused[0]["code"] == "missing_required_field"
    foreign = as_object_id("con_01K3V0Q8W6Z5D1N4YB2M7RXT9C")
    body = {"fullAccess": True, "_connectionIds": [foreign], "autoPurgeAt": "soon"}
    found = {(one["code"], one["field"]) for one in program.refused(422, "POST", "/accesstokens", body)}
    assert found == {("invalid_ref", "_connectionIds"), ("invalid_field", "autoPurgeAt")}
    ended = {"fullAccess": True, "autoPurgeAt": "2020-01-01T00:00:00Z"}
    assert program.refused(422, "POST", "/accesstokens", ended)[0]["field"] == "autoPurgeAt"
    later = program.make("/accesstokens", {"fullAccess": True, "autoPurgeAt": "2099-01-31"})
    assert later["autoPurgeAt"] == "2099-01-31T00:00:00.000Z"


def test_tokens_that_do_not_open_everything_open_nothing_else(program):
    made = program.make("/templates", {"name": "t"})
    for token in (
        once(program, "invoke"),
        once(program, "app:itm_01K3V0Q8W6Z5D1N4YB2M7RXT9C"),
        once(program),
    ):
        for method, path, body in (
            ("GET", "/templates", None),
            ("GET", f"/templates/{made['_id']}", None),
            ("POST", "/accesstokens", {"fullAccess": True}),
            ("GET", "/state", None),
            ("PUT", "/state/x", 1),
        ):
            assert program.refused(403, method, path, body, token=token)[0]["code"] == "access_restricted"


def test_a_limited_token_reads_and_invokes_what_it_names(program):
    rest = {"type": "rest", "rest": {"baseURI": "http://127.0.0.1:1", "mediaType": "json"}}
    mine, other = (program.make("/connections", rest)["_id"] for _ in range(2))
    made = program.make("/accesstokens", {"name": "one", "_connectionIds": [mine]})
    assert made["_connectionIds"] == [mine]
    token = made["token"]
    assert program.get("/tokenInfo", token=token)["scope"] == f"connections:{mine}"
    assert program.get(f"/connections/{mine}", token=token)["_id"] == mine
    assert program.good("POST", f"/connections/{mine}/ping", token=token).json()["code"] == 503
    for method, path, body in (
        ("GET", "/connections", None),
        ("GET", f"/connections/{other}", None),
        ("GET", "/connections/5e03061cda20740022300f09", None),
        ("PUT", f"/connections/{mine}", rest),
        ("DELETE", f"/connections/{mine}", None),
        ("POST", "/connections", rest),
        ("POST", "/connections/ping", rest),
        ("GET", f"/connections/{mine}/oauth2", None),
    ):
        assert program.refused(403, method, path, body, token=token)[0]["code"] == "access_restricted"


def test_an_app_s_token_opens_what_is_the_app_s(program):
    app = new_id("itm")
    rest = {"type": "rest", "rest": {"baseURI": "https://x.example", "mediaType": "json"}}
    foreign = program.make("/connections", rest)["_id"]
    token = once(program, f"app:{app}")
    made = program.good("POST", "/connections", {**rest, "_connectorId": "x"}, token=token).json()
    assert made["_connectorId"] == as_object_id(app)
    path = f"/connections/{made['_id']}"
    # What it replaces stays the app's.
    assert program.good("PUT", path, rest, token=token).json()["_connectorId"] == as_object_id(app)
    assert [one["_id"] for one in program.get("/connections", token=token)] == [made["_id"]]
    assert len(program.get("/connections")) == 2
    for method, tail in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/ping"), ("GET", "/audit")):
        body = rest if method == "PUT" else None
        program.refused(403, method, f"/connections/{foreign}{tail}", body, token=token)
    assert program.call("DELETE", path, token=token).status_code == 204


def test_the_bucket_holds_a_hundred_whoever_of_the_organization_asks(tmp_path):
    # Hardly leaking at all, or the test would have to be faster than the bucket.
    settings = settings_of(tmp_path / "home", integrator_bucket_rate=0.01)
    with running(settings, family) as api, closing(Container(settings)) as another:
        org = api.organization()
        key, second, other = (api.key(one, "integrator") for one in (org, org, api.organization()))
        assert [api.get("/v1/tokenInfo", key).status_code for _ in range(98)] == [200] * 98
        assert api.get("/v1/tokenInfo", second).status_code == 200
        # Another process takes from the same bucket.
        spend(another, org)
        refused = api.get("/v1/tokenInfo", key)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 100
        (fault,) = refused.json()["errors"]
        assert fault["code"] == "rate_limited"
        assert fault["message"].startswith("Too many requests. Retry after ")
        assert api.get("/v1/tokenInfo", other).status_code == 200


def test_the_bucket_is_as_large_as_the_contract_says():
    usual = load({}, {})
    assert (usual.integrator_bucket_size, usual.integrator_bucket_rate) == (100, 30)
