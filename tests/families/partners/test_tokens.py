"""``/o/token/``: every way to ask for an access token, and every way to be refused."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx2
import pytest

from support.api import running, settings_of
from towpath.api.partners.app import build
from towpath.api.partners.tokens import Refused, client_credentials, parameters
from towpath.services.people.keys import Keys

from .conftest import Partner

GRANT = {"grant_type": "client_credentials"}


def ask(partner, path="/o/token/", **options):
    return partner.api.client.post(path, **options)


def basic(partner):
    return {"auth": (partner.key, partner.secret)}


def both(partner):
    return {"client_id": partner.key, "client_secret": partner.secret}


def header(id, secret):
    return {"Authorization": "Basic " + base64.b64encode(f"{id}:{secret}".encode()).decode()}


def test_a_client_gets_a_token_by_http_basic_and_json(acme):
    answer = ask(acme, json=GRANT, **basic(acme))
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 36_000, "read write")
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert acme.api.get("/api/v2/connectors/", body["access_token"]).status_code == 200


def test_the_body_may_be_a_form(acme):
    assert ask(acme, data=GRANT, **basic(acme)).status_code == 200


def test_json_is_understood_whatever_it_is_called(acme):
    # What `curl -d '{…}'` sends without a content type of its own.
    kind = {"content-type": "application/x-www-form-urlencoded"}
    for text in ('{"grant_type": "client_credentials"}', '\n {"grant_type":"client_credentials"}'):
        assert ask(acme, content=text, headers=kind, **basic(acme)).status_code == 200


@pytest.mark.parametrize("way", ["data", "json"])
def test_the_client_may_show_itself_in_the_body(acme, way):
    assert ask(acme, **{way: GRANT | both(acme)}).status_code == 200


@pytest.mark.parametrize("way", ["data", "json"])
def test_not_in_header_and_body_at_once(acme, way):
    answer = ask(acme, **{way: GRANT | both(acme)}, **basic(acme))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_client_that_repeats_its_id_in_the_body_is_known(acme):
    assert ask(acme, json=GRANT | {"client_id": acme.key}, **basic(acme)).status_code == 200
    assert ask(acme, json=GRANT | {"client_id": "other"}, **basic(acme)).status_code == 400


def test_bad_clients_are_refused_all_alike(acme):
    other = acme.api.shown_key(acme.org, "partner")
    broker = acme.api.key(acme.org, "broker")
    pairs = [
        (acme.key, "wrong"),
        (acme.key, ""),
        ("", ""),
        ("tp_partner_" + "x" * 43, acme.secret),
        (acme.key, other.secret.get_secret_value()),
        (acme.secret, acme.secret),
        (broker, acme.secret),
        ("é", "ü"),
        ("x" * 100_000, "y" * 5),
    ]
    answers = [ask(acme, json=GRANT, headers=header(*pair)) for pair in pairs[:-1]]
    answers += [ask(acme, json=GRANT | {"client_id": pair[0], "client_secret": pair[1]}) for pair in pairs]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    for answer in answers:
        assert answer.json()["error"] == "invalid_client"
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "given", ["Basic", "Basic !!!", "Basic " + base64.b64encode(b"no colon").decode(), "Bearer x"]
)
def test_headers_that_are_not_basic_are_refused(acme, given):
    answer = ask(acme, json=GRANT, headers={"Authorization": given})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_nobody_at_all_is_refused(acme):
    answer = ask(acme, json=GRANT)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
        (GRANT | {"scope": "admin"}, "invalid_scope"),
    ],
)
@pytest.mark.parametrize("way", ["data", "json"])
def test_what_is_asked_for_must_be_on_offer(acme, way, body, error):
    answer = ask(acme, **{way: body}, **basic(acme))
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"grant_type": 1}',
        b'{"grant_type": "client_credentials", "grant_type": "password"}',
        b'{"grant_type": "a\\u0000b"}',
        b"\xff\xfe=1",
        b"grant_type=client_credentials&grant_type=password",
        b"grant_type=%00",
        b"grant_type",
    ],
)
def test_broken_bodies_are_invalid_requests(acme, body):
    answer = ask(
        acme, content=body, headers={"content-type": "application/x-www-form-urlencoded"}, **basic(acme)
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), answer.text


def test_only_post(acme):
    answer = acme.api.get("/o/token/")
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]


def test_halves_may_be_encoded_and_hold_anything():
    nasty = "a:b%+ü/ ="
    request = httpx2.Request(
        "POST", "http://x/", headers=header(quote(nasty, safe=""), quote(nasty, safe=""))
    )
    assert client_credentials(request, {}) == (nasty, nasty)
    form = f"client_id={quote(nasty, safe='')}&client_secret={quote(nasty, safe='')}".encode()
    request = httpx2.Request("POST", "http://x/")
    assert client_credentials(request, parameters(form, "")) == (nasty, nasty)
    body = json.dumps({"client_id": nasty, "client_secret": nasty}).encode()
    assert client_credentials(request, parameters(body, "")) == (nasty, nasty)


def test_an_encoded_key_is_known(acme):
    encoded = [text.replace("_", "%5F") for text in (acme.key, acme.secret)]
    assert ask(acme, json=GRANT, headers=header(*encoded)).status_code == 200


def test_who_guesses_has_to_wait(tmp_path):
    with running(settings_of(tmp_path / "home", failure_limit="3/minute")) as api:
        acme = Partner.furnish(api)
        answers = [ask(acme, json=GRANT, headers=header(acme.key, f"guess {n}")) for n in range(6)]
        assert [answer.status_code for answer in answers] == [401] * 3 + [429] * 3
        assert int(answers[-1].headers["retry-after"]) > 0


def test_refusals_show_nothing_of_what_was_sent():
    with pytest.raises(Refused) as refused:
        parameters(b'{"client_secret": "hush" x', "")
    assert "hush" not in refused.value.description


def test_scopes_say_what_a_token_is_good_for(acme):
    token = ask(acme, json=GRANT | {"scope": "read"}, **basic(acme)).json()
    assert token["scope"] == "read"
    assert acme.api.get("/api/v2/destinations/", token["access_token"]).status_code == 200
    answer = acme.api.post("/api/v2/destinations/", token["access_token"], json={})
    assert answer.status_code == 403
    assert answer.json() == {"detail": "You do not have permission to perform this action."}


@pytest.mark.parametrize("token", [None, "nonsense", "tp_access_" + "x" * 43])
def test_who_has_no_token_is_told_so_before_anything_else(acme, token):
    for method, path in (("GET", "connectors/"), ("POST", "connectors/"), ("PUT", "destinations/x")):
        answer = acme.api.call(method, f"/api/v2/{path}", token, content=b"{broken")
        assert answer.status_code == 401
        assert set(answer.json()) == {"detail"}
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_other_keys_open_nothing(acme):
    proxy = acme.api.instance(acme.org, acme.api.customer(acme.org))[1]
    for text in (
        acme.key,
        acme.secret,
        proxy,
        *(acme.api.key(acme.org, kind) for kind in ("broker", "integrator")),
    ):
        assert acme.api.get("/api/v2/connectors/", text).status_code == 401


def test_a_token_ends_when_its_key_is_revoked(acme):
    name = next(key.name for key in Keys(acme.api.container).list(acme.org) if key.kind == "partner")
    Keys(acme.api.container).revoke(acme.org, name)
    assert acme.ask("GET", "connectors/").status_code == 401
    assert ask(acme, json=GRANT, **basic(acme)).status_code == 401


def test_a_token_can_be_revoked(acme):
    for token in ("unknown", "tp_access_" + "x" * 43, acme.token, acme.token):
        answer = ask(acme, "/o/revoke_token/", data={"token": token}, **basic(acme))
        assert (answer.status_code, answer.json()) == (200, {})
    assert acme.ask("GET", "connectors/").status_code == 401
    assert ask(acme, "/o/revoke_token/", data={}, **basic(acme)).json()["error"] == "invalid_request"
    assert ask(acme, "/o/revoke_token/", data={"token": "x"}).status_code == 401


def test_a_token_of_somebody_else_is_not_revoked(acme):
    other = acme.furnish(acme.api)
    assert ask(acme, "/o/revoke_token/", data={"token": acme.token}, **basic(other)).status_code == 200
    assert acme.ask("GET", "connectors/").status_code == 200


def test_tokens_are_not_stored(acme):
    with acme.api.container.store.read() as work:
        rows = repr(work.keys.list(acme.org)) + repr(work.audit.list(acme.org))
    assert acme.token not in rows
    assert acme.secret not in rows


def test_a_token_lives_to_the_second(acme):
    at = [datetime(2030, 1, 1, tzinfo=UTC)]
    app = build(acme.api.container, lambda: at[0])

    async def life():
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
            body = (await client.post("/o/token/", json=GRANT | both(acme))).json()
            bearer = {"Authorization": f"Bearer {body['access_token']}"}
            statuses = []
            for seconds in (0, body["expires_in"] - 1, 1, 3600):
                at[0] += timedelta(seconds=seconds)
                statuses.append((await client.get("/api/v2/connectors/", headers=bearer)).status_code)
            return statuses

    assert asyncio.run(life()) == [200, 200, 401, 401]
