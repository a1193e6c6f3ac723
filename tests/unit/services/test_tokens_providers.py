"""The providers of the catalogue, as data: what a sign-in at each would look like."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from towpath.core.ports import AuthType
from towpath.sdk.registry import Registry
from towpath.services.tokens import page as tokens_page
from towpath.vault.oauth import Dialog, OAuthClient
from towpath.vault.oauth_urls import filled

REGISTRY = Registry.installed()
NAMED = {"gmail", "google_calendar", "xero", "deputy", "slack", "github", "shopify", "oauth2"}
PROVIDERS = {
    name: connector.oauth
    for name in REGISTRY.names()
    if (connector := REGISTRY.get(name)).oauth and name != "oauth2"
}
WORDS = {"shop": "acme"}


def test_the_providers_that_everybody_asks_for_are_there():
    assert set(REGISTRY.names()) >= NAMED
    for name in NAMED:
        connector = REGISTRY.get(name)
        assert AuthType.OAUTH2 in connector.auth
        assert connector.icon.startswith("<svg")
        assert connector.summary
        assert connector.title


@pytest.mark.parametrize("name", PROVIDERS)
def test_its_addresses_are_safe(name: str):
    oauth = filled(PROVIDERS[name], WORDS)
    for url in filter(None, (oauth.token_url, oauth.authorize_url, oauth.revoke_url)):
        parts = urlsplit(url)
        assert parts.scheme == "https"
        assert not parts.query
        assert "{" not in url
    assert oauth.client_auth in ("client_secret_basic", "client_secret_post")


@pytest.mark.parametrize("name", [name for name, oauth in PROVIDERS.items() if oauth.authorize_url])
def test_a_sign_in_can_be_begun(name: str):
    oauth = filled(PROVIDERS[name], WORDS)
    with Dialog(oauth, OAuthClient("the-client")) as dialog:
        url = dialog.authorize_url("https://a.example/connect/callback", "the-state", "v" * 43)
    told = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
    assert told["client_id"] == "the-client"
    assert told["state"] == "the-state"
    assert told["response_type"] == "code"
    assert told["redirect_uri"] == "https://a.example/connect/callback"
    assert set(told["scope"].split(oauth.scope_separator)) == set(oauth.scopes)
    assert ("code_challenge" in told) == oauth.pkce


def test_the_page_of_providers_is_up_to_date():
    page = (Path(__file__).parents[3] / "docs/reference/providers.md").read_text()
    assert page == tokens_page.page(REGISTRY), (
        "run: python -m towpath.services.tokens.page > docs/reference/providers.md"
    )
