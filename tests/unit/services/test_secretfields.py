import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from towpath.core.errors import ConfigError
from towpath.services import secretfields


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


def split(config):
    return secretfields.split(Config.model_validate(config))


@given(configs)
def test_join_puts_back_what_split_took(config):
    plain, secrets = split(config)
    assert secretfields.join(plain, secrets) == config


@given(configs)
def test_sending_back_what_is_shown_changes_nothing(config):
    plain, secrets = split(config)
    assert secretfields.kept(secretfields.shown(plain), plain, secrets) == config


def test_secrets_are_taken_out_wherever_they_are():
    plain, secrets = split(
        {"host": "h", "password": "s1", "auth": {"token": "s2"}, "headers": {"X": "s3"}, "keys": ["s4", "s5"]}
    )
    assert set(secrets.values()) == {"s1", "s2", "s3", "s4", "s5"}
    assert not any(secret in str(plain) for secret in secrets.values())
    assert set(secrets) == {"password", "auth.token", "headers.X", "keys.0", "keys.1"}


def test_an_omitted_secret_stays_and_a_new_one_replaces():
    plain, secrets = split({"host": "h", "password": "old", "auth": {"token": "t"}})
    assert secretfields.kept({"host": "i", "auth": {"token": "new"}}, plain, secrets) == {
        "host": "i",
        "password": "old",
        "auth": {"token": "new"},
    }


def test_a_mark_cannot_be_smuggled_in():
    with pytest.raises(ConfigError, match="reserved"):
        secretfields.refuse_marks({"headers": [{"$secret": "password"}]})
