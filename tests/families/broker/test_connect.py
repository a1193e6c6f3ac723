"""Connect links: a person signs in at a real provider, in a browser, and nobody else can."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

import httpx2
import pytest

from support.api import Api, running, settings_of, uuid
from support.lent import LOOPBACK, description
from support.oauth import CLIENT, SECRET, Provider
from towpath.core.ids import of_uuid
from towpath.core.records import now
from towpath.sdk import guard


@dataclass
class Desk:
    """A program with its key, and a customer who is to sign in."""

    api: Api
    org: str
    key: str
    customer: UUID
    provider: Provider

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self.api.call(method, path, self.key, **options)

    @property
    def here(self) -> str:
        return f"/v1/customers/{self.customer}/connections"

    def connection(self, name: str = "mailbox", **fields: Any) -> str:
        body = {"name": name, "provider": "acme", "credentials": {}} | fields
        made = self.ask("POST", self.here, json=body)
        assert made.status_code == 201, made.text
        return made.json()["id"]

    def show(self, connection: str) -> Any:
        return self.ask("GET", f"{self.here}/{connection}").json()

    def link(self, connection: str, **body: Any) -> str:
        made = self.ask("POST", f"{self.here}/{connection}/connect", json=body)
        assert made.status_code == 201, made.text
        return made.json()["url"]

    def trail(self) -> list[str]:
        with self.api.container.store.read() as work:
            entries = work.audit.list(self.org)
        return [entry.detail["outcome"] for entry in entries if entry.action == "connection.sign_in"]

    def seen(self) -> str:
        """All that the store and the trail show of it."""
        with self.api.container.store.read() as work:
            return repr([work.audit.list(self.org), work.connections.list(self.org)])


@pytest.fixture
def desk(tmp_path: Path, provider: Provider) -> Iterator[Desk]:
    home, before = tmp_path / "home", guard.allowed_hosts()
    (home / "connectors").mkdir(parents=True)
    (home / "connectors" / "acme.yaml").write_text(description(provider, "acme"))
    with running(settings_of(home, allowed_hosts=(LOOPBACK,))) as api:
        org = api.organization("Bright Books")
        made = Desk(api, org, api.key(org, "broker"), uuid(api.customer(org)), provider)
        put = made.ask(
            "PUT", "/v1/providers/acme/client", json={"client_id": CLIENT, "client_secret": SECRET}
        )
        assert put.status_code == 200, put.text
        provider.client(CLIENT, SECRET, put.json()["redirect_uri"])
        yield made
    guard.configure(before)


class Browser:
    """Keeps cookies, and follows nothing by itself."""

    def __init__(self, api: Api) -> None:
        self.client = httpx2.Client(timeout=60, trust_env=False, base_url=api.url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def open(self, url: str) -> httpx2.Response:
        return self.client.get(url)

    def press(self, url: str) -> httpx2.Response:
        """Open the link and press its button; the redirect to the provider."""
        assert self.open(url).status_code == 200
        return self.client.post(url)

    def consent(self, url: str) -> str:
        """Up to the provider's answer: the address that it sends the browser back to."""
        answer = self.press(url)
        assert answer.status_code == 303, answer.text
        asked = httpx2.get(answer.headers["location"])
        assert asked.status_code == 302, asked.text
        return asked.headers["location"]

    def sign_in(self, url: str) -> httpx2.Response:
        return self.client.get(self.consent(url))


@pytest.fixture
def browser(desk: Desk) -> Iterator[Browser]:
    with Browser(desk.api) as made:
        yield made


@pytest.fixture
def other_browser(desk: Desk) -> Iterator[Browser]:
    with Browser(desk.api) as made:
        yield made


def with_words(url: str, **words: str | None) -> str:
    """The address with these parameters changed; None takes one out."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query)) | words
    return parts._replace(query=urlencode({k: v for k, v in given.items() if v is not None})).geturl()


def words(answer: httpx2.Response) -> str:
    """A page as people read it."""
    return unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", answer.text))


def test_a_person_signs_in(desk: Desk, browser: Browser):
    connection = desk.connection()
    assert desk.show(connection)["status"] == "pending"
    link = desk.link(connection)
    asked = browser.open(link)
    assert "Bright Books asks to be connected with your Acme Mail account." in words(asked)
    done = browser.sign_in(link)
    assert (done.status_code, "Connected" in words(done)) == (200, True)
    shown = desk.show(connection)
    assert (shown["status"], shown["error_message"], shown["scopes"]) == ("active", None, ["read"])
    assert shown["expires_at"]
    assert desk.trail() == ["connected"]
    instance, key = desk.api.instance(desk.org, of_uuid("cus", desk.customer))
    grant = {"capabilities": [], "instance_id": str(uuid(instance))}
    assert desk.ask("POST", f"{desk.here}/{connection}/grants", json=grant).status_code == 201
    fetched = desk.api.get(f"/internal/v1/instances/{uuid(instance)}/connections?provider=acme", key)
    assert desk.provider.live(fetched.json()["credentials"]["access_token"])
    assert "canary" not in desk.seen() + done.text + asked.text


def test_it_is_told_what_to_register_at_the_provider(desk: Desk):
    shown = desk.ask("GET", "/v1/providers/acme/client").json()
    assert shown == {
        "client_id": CLIENT,
        "has_secret": True,
        "provider": "acme",
        "redirect_uri": f"{desk.api.url}/connect/callback",
        "scopes": [],
    }


def test_pages_tell_nothing_to_others_and_load_nothing(desk: Desk, browser: Browser):
    link = desk.link(desk.connection())
    for answer in (
        browser.open(link),
        browser.press(link),
        browser.open("/connect/nonsense"),
        browser.sign_in(link),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "<script" not in answer.text
        if answer.status_code != 303:
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy


def test_names_on_pages_are_text(desk: Desk, browser: Browser):
    link = desk.link(desk.connection(name="<script>alert(1)</script>"))
    page = browser.open(link).text
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_cookie_is_for_this_site_alone(desk: Desk, browser: Browser):
    link = desk.link(desk.connection())
    cookie = browser.open(link).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert "set-cookie" not in browser.open(link).headers, "one secret for one browser"


def test_over_https_the_cookie_is_bound_to_the_host(tmp_path: Path, provider: Provider):
    home, before = tmp_path / "home", guard.allowed_hosts()
    (home / "connectors").mkdir(parents=True)
    (home / "connectors" / "acme.yaml").write_text(description(provider, "acme"))
    chosen = {"allowed_hosts": (LOOPBACK,), "public_url": "https://towpath.example"}
    with running(settings_of(home, **chosen)) as api:
        org = api.organization()
        desk = Desk(api, org, api.key(org, "broker"), uuid(api.customer(org)), provider)
        link = desk.link(desk.connection(credentials={"client_id": CLIENT}))
        assert link.startswith("https://towpath.example/connect/")
        answer = api.get(urlsplit(link).path)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-towpath-connect=")
        assert "Secure" in cookie
        left = api.post(urlsplit(link).path, headers={"cookie": cookie.split(";")[0]})
        assert "redirect_uri=https%3A%2F%2Ftowpath.example%2Fconnect%2Fcallback" in left.headers["location"]
        assert "http:" not in answer.headers["content-security-policy"]
    guard.configure(before)


def test_nobody_can_sign_a_victim_in_to_their_own_account(
    desk: Desk, browser: Browser, other_browser: Browser
):
    """Login CSRF: the attacker's answer, opened in the victim's browser."""
    connection = desk.connection()
    answer = browser.consent(desk.link(connection))
    assert other_browser.open(answer).status_code == 400
    other_browser.open(desk.link(desk.connection("other")))
    refused = other_browser.open(answer)
    assert (refused.status_code, "another browser" in words(refused)) == (400, True)
    assert desk.show(connection)["status"] == "pending"
    assert browser.open(answer).status_code == 200, "and in the right browser it still works"


def test_a_link_belongs_to_the_browser_that_goes_on_with_it(
    desk: Desk, browser: Browser, other_browser: Browser
):
    link = desk.link(desk.connection())
    other_browser.open(link)  # a mail filter looks, and binds nothing
    assert browser.press(link).status_code == 303
    refused = other_browser.press(link)
    assert (refused.status_code, "another browser" in words(refused)) == (400, True)
    assert browser.press(link).status_code == 303, "the same browser may begin again"


def test_without_cookies_nothing_goes_on(desk: Desk, browser: Browser):
    link = desk.link(desk.connection())
    for cookies in ({}, {"towpath-connect": "short"}):
        answer = httpx2.post(link, cookies=cookies)
        assert (answer.status_code, "cookie" in words(answer)) == (400, True)


def test_an_answer_is_taken_once(desk: Desk, browser: Browser):
    connection = desk.connection()
    answer = browser.consent(desk.link(connection))
    assert browser.open(answer).status_code == 200
    assert browser.open(answer).status_code == 409
    assert desk.provider.count("authorization_code") == 1
    assert desk.show(connection)["status"] == "active"


def test_of_parallel_answers_one_is_taken(desk: Desk, browser: Browser):
    connection = desk.connection()
    answer = browser.consent(desk.link(connection))
    with ThreadPoolExecutor(8) as many:
        found = list(many.map(lambda _: browser.open(answer).status_code, range(8)))
    assert sorted(found) == [200] + [409] * 7
    assert desk.provider.count("authorization_code") == 1
    assert desk.show(connection)["status"] == "active"


@pytest.mark.parametrize(
    "change",
    [{"state": None}, {"state": ""}, {"state": "a.b"}, {"state": "é"}, {"state": "x" * 9000}],
    ids=str,
)
def test_a_state_that_is_not_ours_is_refused(desk: Desk, browser: Browser, change):
    answer = browser.consent(desk.link(desk.connection()))
    assert browser.open(with_words(answer, **change)).status_code == 400
    assert desk.provider.count("authorization_code") == 0


def test_a_changed_state_is_refused(desk: Desk, browser: Browser):
    first = browser.consent(desk.link(desk.connection()))
    second = browser.consent(desk.link(desk.connection("other")))
    states = [dict(parse_qsl(urlsplit(url).query))["state"].split(".") for url in (first, second)]
    mixed = f"{states[0][0]}.{states[1][1]}"
    assert browser.open(with_words(first, state=mixed)).status_code == 400
    for place in range(0, len(states[0][0]), 7):
        body = states[0][0]
        other = body[:place] + ("A" if body[place] != "A" else "B") + body[place + 1 :]
        assert browser.open(with_words(first, state=f"{other}.{states[0][1]}")).status_code == 400


@pytest.mark.parametrize("issuer", ["https://evil.example", None, ""])
def test_the_answer_of_another_provider_is_refused(desk: Desk, browser: Browser, issuer):
    connection = desk.connection()
    answer = browser.consent(desk.link(connection))
    refused = browser.open(with_words(answer, iss=issuer))
    assert (refused.status_code, "does not come from Acme Mail" in words(refused)) == (400, True)
    assert desk.provider.count("authorization_code") == 0
    assert desk.trail() == ["sign_in.issuer_wrong"]
    assert browser.open(answer).status_code == 200, "the right answer is still welcome"


def test_who_says_no_may_think_again(desk: Desk, browser: Browser):
    connection, user = desk.connection(), desk.provider.user
    link = desk.link(connection, return_url="https://app.example/back?a=1&b=2")
    desk.provider.user = None
    said_no = browser.sign_in(link)
    assert (said_no.status_code, "was told not to connect" in words(said_no)) == (400, True)
    assert 'href="https://app.example/back?a=1&amp;b=2"' in said_no.text
    desk.provider.user = user
    assert browser.sign_in(link).status_code == 200
    assert desk.trail() == ["sign_in.denied", "connected"]


def test_what_a_provider_says_of_its_errors_is_not_shown(desk: Desk, browser: Browser):
    answer = browser.consent(desk.link(desk.connection()))
    told = with_words(answer, code=None, error="<b>CANARY", error_description="<script>CANARY")
    shown = browser.open(told)
    assert (shown.status_code, "CANARY" in shown.text) == (400, False)


def test_a_code_that_the_provider_does_not_take_ends_the_sign_in(desk: Desk, browser: Browser):
    connection = desk.connection()
    answer = browser.consent(desk.link(connection))
    desk.provider.faults.error("invalid_grant")
    failed = browser.open(answer)
    assert (failed.status_code, "did not complete" in words(failed)) == (400, True)
    assert desk.show(connection)["status"] == "pending"
    assert desk.trail() == ["oauth.invalid_grant"]


def test_a_link_expires(desk: Desk, browser: Browser):
    link = desk.link(desk.connection())
    answer = browser.consent(link)
    with desk.api.container.store.begin() as work:
        for row in work.authorizations.list(desk.org):
            work.authorizations.update(desk.org, row.id, expires_at=now() - timedelta(seconds=1))
    for late in (browser.open(link), browser.client.post(link), browser.open(answer)):
        assert (late.status_code, "expired" in words(late)) == (409, True)


@pytest.mark.parametrize("path", ["x", "a.b", "callback.x", "..%2f", "%00", "é", "x" * 5000])
def test_links_that_nobody_made(desk: Desk, browser: Browser, path):
    for answer in (browser.open(f"/connect/{path}"), browser.client.post(f"/connect/{path}")):
        assert answer.status_code in (400, 404)


def test_a_deleted_or_switched_off_connection_is_not_signed_in(desk: Desk, browser: Browser):
    gone, off = desk.connection("gone"), desk.connection("off")
    answers = [browser.consent(desk.link(one)) for one in (gone, off)]
    assert desk.ask("DELETE", f"{desk.here}/{gone}").status_code == 204
    assert desk.ask("PATCH", f"{desk.here}/{off}", json={"status": "revoked"}).status_code == 200
    assert [browser.open(answer).status_code for answer in answers] == [404, 404]
    assert desk.ask("POST", f"{desk.here}/{off}/connect").status_code == 422
    assert desk.show(off)["status"] == "revoked"


def test_a_person_goes_back_to_where_they_came_from(desk: Desk, browser: Browser):
    link = desk.link(desk.connection(), return_url="https://app.example/done")
    assert 'href="https://app.example/done"' in browser.sign_in(link).text


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "//evil.example",
        "app",
        "https://a b/",
        "https://u@a/",
        "http://[",
        "https://a/" + "x" * 600,
    ],
)
def test_the_way_back_is_a_web_address(desk: Desk, url):
    refused = desk.ask("POST", f"{desk.here}/{desk.connection()}/connect", json={"return_url": url})
    assert refused.status_code == 422
    assert url not in refused.text


def test_signing_in_again_repairs_a_connection(desk: Desk, browser: Browser):
    connection = desk.connection()
    browser.sign_in(desk.link(connection))
    desk.provider.faults.error("invalid_grant")
    assert desk.ask("POST", f"{desk.here}/{connection}/test").json()["status"] == "expired"
    assert browser.sign_in(desk.link(connection)).status_code == 200
    shown = desk.show(connection)
    assert (shown["status"], shown["error_message"]) == ("active", None)


def test_what_is_missing_for_a_sign_in_is_named(desk: Desk):
    none = desk.ask("POST", f"{desk.here}/{desk.connection(provider='gmail')}/connect")
    assert (none.status_code, none.json()["detail"][0]["type"]) == (422, "oauth.client_unknown")
    shop = desk.connection(provider="shopify", credentials={"client_id": "c"})
    assert desk.ask("POST", f"{desk.here}/{shop}/connect").json()["detail"][0]["type"] == "oauth.word_missing"
    unknown = desk.connection(provider="unheard of")
    found = desk.ask("POST", f"{desk.here}/{unknown}/connect").json()["detail"][0]["type"]
    assert found == "oauth.provider_unknown"
    basic = desk.connection("basic", auth_type="basic", credentials={"username": "u"})
    assert desk.ask("POST", f"{desk.here}/{basic}/connect").json()["detail"][0]["type"] == "sign_in.not_oauth"


def test_any_provider_will_do_if_its_addresses_come_along(desk: Desk, browser: Browser):
    own = {
        "authorize_url": f"{desk.provider.url}/authorize",
        "token_url": f"{desk.provider.url}/token",
        "client_id": CLIENT,
        "client_secret": SECRET,
    }
    for provider in ("oauth2", "unheard of"):
        connection = desk.connection(provider=provider, credentials=own)
        assert browser.sign_in(desk.link(connection)).status_code == 200
        assert desk.show(connection)["status"] == "active"


def test_the_link_is_not_in_the_log(desk: Desk, browser: Browser, caplog):
    from towpath.bootstrap import logs

    link = desk.link(desk.connection())
    token = link.rpartition("/")[2]
    line = logs.redact(f"GET {urlsplit(link).path} 200")
    assert token not in line
    assert token.rpartition(".")[2] not in line
    assert logs.redact("GET /connect/callback 200") == "GET /connect/callback 200"


def test_off_this_machine_the_operator_says_where_we_are(desk: Desk):
    path = f"{desk.here}/{desk.connection()}/connect"
    refused = desk.ask("POST", path, headers={"host": "evil.example"})
    assert (refused.status_code, refused.json()["detail"][0]["type"]) == (422, "settings.no_public_url")
