from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from towpath.services.secrets import fields as secretfields
from towpath.vault import split_secrets


class Auth(BaseModel):
    user: str = "u"
    token: SecretStr | None = None


class Config(BaseModel):
    host: str
    password: SecretStr | None = None
    auth: Auth | None = None
    headers: dict[str, SecretStr] = {}
    keys: list[SecretStr] = []


texts = st.text(max_size=20)
configs = st.fixed_dictionaries(
    {"host": texts},
    optional={
        "password": texts,
        "auth": st.fixed_dictionaries({"user": texts}, optional={"token": texts}),
        "headers": st.dictionaries(texts, texts, max_size=3),
        "keys": st.lists(texts, max_size=3),
    },
)


@given(configs)
def test_sending_back_what_is_shown_changes_nothing(config):
    stored, secrets = split_secrets(Config, config)
    assert secretfields.kept(secretfields.shown(stored), stored) == stored
    assert set(secretfields.marks(stored)) == set(secrets)


def test_an_omitted_secret_stays_and_a_new_one_replaces():
    stored, _ = split_secrets(Config, {"host": "h", "password": "old", "auth": {"token": "t"}})
    assert secretfields.kept({"host": "i", "auth": {"token": "new"}}, stored) == {
        "host": "i",
        "password": {"$secret": "password"},
        "auth": {"token": "new"},
    }


def test_nothing_secret_is_shown():
    stored, _ = split_secrets(Config, {"host": "h", "keys": ["canary"], "headers": {"X": "canary"}})
    assert "canary" not in str(secretfields.shown(stored))
