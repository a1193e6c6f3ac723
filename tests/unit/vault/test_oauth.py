"""The dialogs of OAuth 2 with a real server."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from pydantic import SecretStr

from support.http import endpoint
from support.oauth import CLIENT, SECRET, Provider
from towpath.core.errors import AuthError, ConfigError, DataError, UnreachableError
from towpath.core.ports import OAuth
from towpath.sdk import guard
from towpath.sdk.http import HttpClient, Retry
from towpath.vault.oauth import Dialog, OAuthClient
from towpath.vault.oauth_urls import filled

VERIFIER = "v" * 43
BACK = "https://app.example/connect/callback"


@pytest.fixture(autouse=True)
def loopback():
    before = guard.allowed_hosts()
    guard.configure(guard.AllowedHosts.parse("127.0.0.0/8"))
    yield
    guard.configure(before)


def dialog(provider: Provider, **client) -> Dialog:
    given = {"id": CLIENT, "secret": SecretStr(SECRET)} | client
    return Dialog(provider.definition, OAuthClient(**given))


def sign_in(talk: Dialog, verifier: str = VERIFIER) -> dict[str, str]:
    """What the browser brings back."""
    answer = httpx2.get(talk.authorize_url(BACK, "the-state", verifier, ["read", "write"]))
    assert answer.status_code == 302, answer.text
    location = answer.headers["location"]
    assert location.startswith(BACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


@pytest.mark.parametrize("auth", ["client_secret_basic", "client_secret_post"])
def test_a_person_signs_in_and_tokens_are_renewed(provider: Provider, auth: str):
    provider.client(CLIENT, SECRET, BACK)
    with dialog(provider, auth=auth) as talk:
        back = sign_in(talk)
        assert (back["state"], back["iss"]) == ("the-state", provider.url)
        tokens = talk.exchange(back["code"], BACK, VERIFIER)
        assert tokens.scopes == ("read", "write")
        fresh = talk.refresh(tokens.values["refresh_token"])
        assert provider.live(fresh.values["access_token"])
        assert fresh.values["refresh_token"] != tokens.values["refresh_token"]
        with pytest.raises(AuthError) as caught:
            talk.refresh(tokens.values["refresh_token"])
    assert caught.value.code == "oauth.invalid_grant"


def test_a_code_is_of_no_use_without_its_verifier(provider: Provider):
    provider.client(CLIENT, SECRET, BACK)
    with dialog(provider) as talk:
        back = sign_in(talk)
        with pytest.raises(AuthError) as caught:
            talk.exchange(back["code"], BACK, "w" * 43)
    assert caught.value.code == "oauth.invalid_grant"


def test_a_public_client_signs_in_with_the_verifier_alone(provider: Provider):
    provider.client("public", None, BACK)
    with dialog(provider, id="public", secret=None) as talk:
        tokens = talk.exchange(sign_in(talk)["code"], BACK, VERIFIER)
    assert provider.live(tokens.values["access_token"])


def test_a_client_gets_tokens_for_itself(provider: Provider):
    with dialog(provider) as talk:
        assert provider.live(talk.own_tokens(["read"]).values["access_token"])


def test_tokens_are_revoked(provider: Provider):
    token = provider.issue()
    with dialog(provider) as talk:
        talk.revoke(token.refresh_token or "", "refresh_token")
        talk.revoke("unknown", "access_token")
    assert token.revoked


def test_a_wrong_client_is_refused(provider: Provider):
    token = provider.issue()
    with dialog(provider, secret=SecretStr("wrong")) as talk:
        with pytest.raises(ConfigError) as caught:
            talk.refresh(token.refresh_token or "")
        assert caught.value.code == "oauth.client_refused"
        with pytest.raises(ConfigError):
            talk.revoke(token.access_token, "access_token")


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, {"error": "invalid_grant"}, AuthError, "oauth.invalid_grant"),
        (200, {"error": "bad_refresh_token"}, AuthError, "oauth.invalid_grant"),
        (200, {"ok": False, "error": "token_revoked"}, AuthError, "oauth.invalid_grant"),
        (401, {"error": "invalid_client"}, ConfigError, "oauth.client_refused"),
        (401, {"message": "no"}, ConfigError, "oauth.client_refused"),
        (400, {"error": "invalid_scope"}, ConfigError, "oauth.request_refused"),
        (403, {"error": "something CANARY"}, ConfigError, "oauth.request_refused"),
        (400, {"error": {"CANARY": 1}}, ConfigError, "oauth.request_refused"),
        (400, {"error": "temporarily_unavailable"}, UnreachableError, "oauth.unavailable"),
        (500, {"error": "invalid_grant"}, UnreachableError, "oauth.unavailable"),
        (429, {}, UnreachableError, "oauth.unavailable"),
        (200, {}, DataError, "oauth.malformed_answer"),
        (200, {"access_token": 7}, DataError, "oauth.malformed_answer"),
        (200, {"access_token": ""}, DataError, "oauth.malformed_answer"),
        (200, ["CANARY"], DataError, "oauth.malformed_answer"),
        (200, None, DataError, "oauth.malformed_answer"),
        (404, None, DataError, "oauth.malformed_answer"),
    ],
)
def test_answers_become_errors_that_tell_no_secret(provider: Provider, status, body, kind, code):
    provider.faults.answer(status, b"<html>CANARY" if body is None else json.dumps(body).encode())
    with dialog(provider) as talk, pytest.raises(kind) as caught:
        talk.refresh("canary-refresh")
    assert caught.value.code == code
    said = json.dumps(caught.value.to_json()).lower()
    assert "canary" not in said


def test_a_wait_that_the_provider_asks_for_is_passed_on(provider: Provider):
    provider.faults.answer(503, b"", **{"retry-after": "120"})
    with dialog(provider) as talk, pytest.raises(UnreachableError) as caught:
        talk.refresh("any")
    assert caught.value.context["retry_after"] == 120


def test_a_slow_provider_is_not_waited_for(provider: Provider):
    provider.faults.delay = 1
    client = HttpClient(timeout=0.2, retry=Retry(attempts=1))
    talk = Dialog(provider.definition, OAuthClient(CLIENT, SecretStr(SECRET)), client)
    with talk, pytest.raises(UnreachableError) as caught:
        talk.refresh("any")
    assert caught.value.code == "connection.timeout"


def test_a_broken_connection_is_not_tried_again_by_itself(provider: Provider):
    provider.faults.reset()
    with dialog(provider) as talk, pytest.raises(UnreachableError):
        talk.refresh("any")
    assert provider.count() == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_is_sent_along_with_a_redirect(provider: Provider, status: int):
    with endpoint() as thief, dialog(provider, auth="client_secret_post") as talk:
        provider.faults.answer(status, b"", location=thief.url)
        with pytest.raises(ConfigError) as caught:
            talk.refresh("any")
    assert caught.value.code == "http.redirect_refused"
    assert thief.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://localhost:1/token",
        "http://[::1]/token",
        "http://10.0.0.1/token",
        "http://2130706433/token",
        "http://[::ffff:127.0.0.1]/token",
        "file:///etc/passwd",
        "gopher://example.com/",
    ],
)
def test_token_addresses_do_not_lead_inside(url: str):
    guard.configure(guard.AllowedHosts())
    talk = Dialog(OAuth(token_url=url, revoke_url=url), OAuthClient("id", SecretStr("secret")))
    with talk, pytest.raises(ConfigError) as refused:
        talk.refresh("any")
    with talk, pytest.raises(ConfigError):
        talk.revoke("any", "access_token")
    assert refused.value.code in ("http.blocked_host", "http.invalid_url")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "", "https://", "https://a b/", "//example.com"])
def test_browsers_are_sent_to_web_addresses_only(url: str):
    talk = Dialog(OAuth(token_url="https://a.example", authorize_url=url), OAuthClient("id"))
    with talk, pytest.raises(ConfigError):
        talk.authorize_url(BACK, "state", VERIFIER)


def test_a_provider_cannot_replace_what_we_say():
    oauth = OAuth(
        token_url="https://a.example/t",
        authorize_url="https://a.example/a?fixed=1",
        authorize_parameters={"state": "theirs", "access_type": "offline"},
        scopes=("a", "b"),
        scope_separator=",",
    )
    with Dialog(oauth, OAuthClient("id")) as talk:
        url = talk.authorize_url(BACK, "ours", VERIFIER)
        told = parse_qs(urlsplit(url).query)
        bare = replace(talk, oauth=replace(oauth, pkce=False)).authorize_url(BACK, "ours", VERIFIER)
    assert told["state"] == ["ours"]
    assert told["scope"] == ["a,b"]
    assert told["access_type"] == ["offline"]
    assert told["fixed"] == ["1"]
    assert told["code_challenge_method"] == ["S256"]
    assert VERIFIER not in url
    assert "code_challenge" not in bare


def test_a_secret_that_cannot_be_sent_is_said_to_be_so():
    with (
        Dialog(OAuth(token_url="https://a.example/t"), OAuthClient("id", SecretStr("☃"))) as talk,
        pytest.raises(ConfigError) as caught,
    ):
        talk.own_tokens()
    assert caught.value.code == "oauth.client_refused"


def test_words_of_the_credentials_stand_in_addresses():
    oauth = OAuth(token_url="https://{shop}.example.com/{tenant}/token", authorize_url="https://{shop}.x/")
    words = {"shop": "acme-1", "tenant": "a.b_c~d"}
    assert filled(oauth, words).token_url == "https://acme-1.example.com/a.b_c~d/token"
    assert filled(OAuth(token_url="https://{shop}"), words).token_url == "https://acme-1"


HOSTILE = [
    "evil.com/", "evil.com#", "evil.com?", "a.b", "a@b", "a:1", "a/b", "..", ".", "-a", "a-", "", None, 7,
    ["a"], "a\n", "a b", "a\\b", "%2f", "é", "a\0", "{shop}", "x" * 64,
]  # fmt: skip


@pytest.mark.parametrize("word", HOSTILE, ids=repr)
def test_a_hostile_word_leads_nowhere_else(word):
    with pytest.raises(ConfigError) as caught:
        filled(OAuth(token_url="https://{shop}.example.com/token"), {"shop": word})
    assert caught.value.code in ("oauth.word_invalid", "oauth.word_missing")
    assert caught.value.context["field"] == "shop"


@pytest.mark.parametrize("word", ["..", ".", "a/b", "a?b", "a#b", "%2e", "", "/a", "a\\b", "x" * 129])
def test_a_hostile_word_does_not_leave_its_place_in_the_path(word):
    with pytest.raises(ConfigError):
        filled(OAuth(token_url="https://example.com/{tenant}/token"), {"tenant": word})
