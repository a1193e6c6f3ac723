"""Lent credentials: kept whole, and judged by what using them takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from towpath.core.ports import AuthType, Category, Connector, OAuth
from towpath.core.records import Connection, ConnectionStatus
from towpath.services.lending import credentials

ACTIVE, PENDING = ConnectionStatus.ACTIVE, ConnectionStatus.PENDING
texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)
objects = st.dictionaries(texts, values, max_size=4)


@given(objects)
def test_nothing_changes_on_the_way_through_the_vault(given_):
    secrets = credentials.to_secrets(given_)
    assert list(secrets) == [credentials.FIELD]
    assert credentials.from_secrets(secrets) == given_


def test_nothing_sealed_is_nothing():
    assert credentials.from_secrets({}) == {}


class Shop(BaseModel):
    shop: str
    access_token: SecretStr
    version: str = "1"


def connector(**more):
    return Connector(
        name="shop", title="Shop", version="1", categories=(Category.APPLICATION,), config=Shop, **more
    )


SIGN_IN = connector(oauth=OAuth(token_url="https://t", authorize_url="https://a"))
BY_ITSELF = connector(oauth=OAuth(token_url="https://t"))
OAUTH2, KEY = AuthType.OAUTH2, AuthType.API_KEY


@pytest.mark.parametrize(
    ("plugin", "auth", "given_", "status"),
    [
        (None, OAUTH2, {}, PENDING),
        (None, OAUTH2, {"refresh_token": "r"}, ACTIVE),
        (None, OAUTH2, {"token": "r"}, PENDING),
        (None, KEY, {}, PENDING),
        (None, KEY, {"a": 0}, ACTIVE),
        (None, KEY, {"a": None, "b": ""}, PENDING),
        (SIGN_IN, OAUTH2, {"access_token": "t"}, PENDING),
        (SIGN_IN, OAUTH2, {"access_token": "t", "shop": "s"}, ACTIVE),
        (SIGN_IN, OAUTH2, {"refresh_token": "t", "shop": "s"}, ACTIVE),
        (SIGN_IN, OAUTH2, {"client_id": "c", "client_secret": "s", "shop": "s"}, PENDING),
        (BY_ITSELF, OAUTH2, {"client_id": "c", "client_secret": "s", "shop": "s"}, ACTIVE),
        (BY_ITSELF, OAUTH2, {"client_id": "c", "shop": "s"}, PENDING),
        (SIGN_IN, KEY, {"shop": "s"}, PENDING),
        (SIGN_IN, KEY, {"shop": "s", "access_token": "t"}, ACTIVE),
    ],
)
def test_when_credentials_are_enough(plugin, auth, given_, status):
    assert credentials.status_of(plugin, auth, given_) is status


@pytest.mark.parametrize(("text", "name"), [("Gmail", "gmail"), ("  Google_Calendar\t", "google_calendar")])
def test_names_of_providers(text, name):
    assert credentials.provider_name(text) == name


def test_a_flow_gets_the_fields_that_its_connector_knows():
    known = {"shop": "s", "access_token": "t"}
    assert credentials.fields_for(SIGN_IN, known | {"refresh_token": "r", "scope": "all"}) == known


def row(**more):
    return Connection(org="o", name="n", connector="c", **more)


def test_which_connections_are_sealed_as_a_whole():
    assert credentials.whole(row(config=credentials.stored_config(), auth=OAUTH2))
    assert not credentials.whole(row(config=credentials.stored_config()))
    assert not credentials.whole(row(config={"host": "h"}, auth=AuthType.BASIC))


def test_other_names_of_fields_count_too():
    from towpath.connectors.google_sheets import connector

    given = {"sheet-url": "https://docs.google.com/spreadsheets/d/abc/edit", "unknown": 1}
    assert credentials.fields_for(connector, given) == {"sheet-url": given["sheet-url"]}
