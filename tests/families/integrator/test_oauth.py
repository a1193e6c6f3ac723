"""Connections of OAuth 2: registered by an iClient, signed in to by a person, kept fresh."""

import json

import httpx2
import pytest

from support.http import endpoint
from support.oauth import CLIENT, SECRET, oauth_server
from towpath.core.ids import of_object_id


@pytest.fixture(scope="module")
def provider():
    with oauth_server() as found:
        yield found


@pytest.fixture
def api_of_provider(provider):
    """What lets in whoever shows a token that is good now."""

    def answer(asked):
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        return (200, {}, b"{}") if provider.live(token) else (401, {}, b"{}")

    with endpoint() as found:
        found.answer = answer
        yield found


def client_of(program, provider):
    provider.client(CLIENT, SECRET, f"{program.api.url}/connect/callback")
    half = {"clientId": CLIENT, "clientSecret": SECRET, "scope": ["read"]}
    return program.make("/iclients", {"provider": "google", "name": "Sheets", "oauth2": half})


def connection_of(program, provider, api, client):
    rest = {
        "baseURI": api.url,
        "mediaType": "json",
        "authType": "oauth",
        "authURI": provider.definition.authorize_url,
        "oauthTokenURI": provider.definition.token_url,
        "scope": ["read"],
        "_iClientId": client["_id"],
    }
    return program.make("/connections", {"name": "Sheets", "type": "rest", "rest": rest})


def test_a_person_signs_in_and_the_connection_is_online(program, provider, api_of_provider):
    client = client_of(program, provider)
    made = connection_of(program, provider, api_of_provider, client)
    path = f"/connections/{made['_id']}"
    assert (made["needsAuthorization"], made["offline"]) == (True, True)

    answered = program.get(f"/connection/{made['_id']}/oauth2")
    assert set(answered) == {"authorizationURL"}
    with httpx2.Client(timeout=60, trust_env=False) as browser:
        url = answered["authorizationURL"]
        assert browser.get(url).status_code == 200
        there = browser.post(url).headers["location"]
        back = httpx2.get(there).headers["location"]
        welcome = browser.get(back)
    assert welcome.status_code == 200
    assert "Connected" in welcome.text

    shown = program.get(path)
    assert (shown["needsAuthorization"], shown["offline"]) == (False, False)
    assert program.good("GET", f"{path}/ping").json() == {"code": 200}

    # What a client changes leaves the tokens where they are.
    shown["rest"]["pingRelativeURI"] = "me"
    assert program.good("PUT", path, shown).json()["needsAuthorization"] is False
    assert program.good("POST", f"{path}/ping").json() == {"code": 200}

    # A token that has ended is renewed before it is used.
    before = provider.count("refresh_token")
    with program.api.container.store.begin() as work:
        row = work.connections.get(program.org, of_object_id("con", made["_id"]))
        work.connections.update(program.org, row.id, expires_at=row.created_at)
    assert program.good("POST", f"{path}/ping").json() == {"code": 200}
    assert provider.count("refresh_token") == before + 1
    everything = json.dumps([program.get(path), program.get("/iclients"), program.get(f"{path}/audit")])
    assert SECRET not in everything


def test_only_connections_of_oauth_are_signed_in_to(program):
    plain = {"type": "rest", "rest": {"baseURI": "https://x.example", "mediaType": "json"}}
    made = program.make("/connections", plain)
    refused = program.refused(422, "GET", f"/connections/{made['_id']}/oauth2")
    assert "not an OAuth 2 connection" in refused[0]["message"]


def test_iclients_of_both_shapes_are_kept_without_their_secrets(program, stranger):
    flat = {"provider": "shopify", "clientId": "id", "clientSecret": SECRET, "scope": ["a"]}
    old = program.make("/iclients", flat)
    assert old["clientSecret"] == "******"
    new = program.make(
        "/iclients", {"provider": "netsuite", "netsuite": {"consumerKey": "k", "consumerSecret": SECRET}}
    )
    path = f"/iclients/{new['_id']}"
    assert new["netsuite"] == {"consumerKey": "k", "consumerSecret": "******"}
    changed = program.good("PUT", path, {**new, "name": "N"}).json()
    assert changed["netsuite"] == new["netsuite"]
    found = program.refused(422, "POST", "/iclients", {"oauth2": {"clientId": "x"}})
    assert {fault["field"] for fault in found} == {"provider", "oauth2.clientSecret"}
    assert [one["_id"] for one in program.get("/iclients")] == [old["_id"], new["_id"]]
    assert program.get("/connections") == []
    for method, tail in (
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("GET", "/audit"),
        ("GET", "/dependencies"),
    ):
        body = flat if method == "PUT" else None
        assert stranger.call(method, path + tail, body).status_code == 404
    foreign = {
        "type": "rest",
        "_iClientId": new["_id"],
        "rest": {"baseURI": "https://x", "mediaType": "json"},
    }
    assert stranger.refused(422, "POST", "/connections", foreign)[0]["code"] == "invalid_ref"
    used = program.make("/connections", foreign)
    assert program.refused(422, "DELETE", path)[0]["code"] == "dependency_conflict"
    assert program.get(f"{path}/dependencies")["connections"][0]["id"] == used["_id"]
    program.good("DELETE", f"/connections/{used['_id']}")
    assert program.call("DELETE", path).status_code == 204
