"""Secrets are cut out of configurations wherever their types allow one, and come back to where they were."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, Optional, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, RootModel, SecretStr
from typing_extensions import TypeAliasType, TypedDict

from towpath.core.errors import ConfigError, IntegrityError
from towpath.vault import join_secrets, split_secrets

T = TypeVar("T")

Token = Annotated[SecretStr, Field(min_length=1)]
Alias = TypeAliasType("Alias", Token | None)


class Password(BaseModel):
    kind: Literal["password"] = "password"
    user: str = ""
    password: SecretStr


class Key(BaseModel):
    kind: Literal["key"] = "key"
    pem: SecretStr | None = None
    password: str = "a public one, but a twin's is secret"


class Headers(RootModel[dict[str, SecretStr]]):
    pass


class Box(BaseModel, Generic[T]):
    content: T


class Extra(TypedDict, total=False):
    token: SecretStr
    note: str


@dataclass
class Proxy:
    url: str
    password: SecretStr | None = None


class Config(BaseModel):
    model_config = ConfigDict(populate_by_name=True, extra="allow")

    host: str = ""
    port: int = 0
    password: SecretStr | None = None
    auth: Annotated[Password | Key, Field(discriminator="kind")] | None = None
    hosts: list[Password] = []
    headers: Headers = Headers({})
    options: dict[str, str | int | SecretStr] = {}
    pairs: tuple[str, SecretStr] | None = None
    alias: Alias = None
    renamed: SecretStr | None = Field(default=None, alias="api.key")
    choices: Optional[SecretStr] = Field(default=None, validation_alias=AliasChoices("one", "two"))  # noqa: UP045 - both spellings must work
    box: Box[Box[SecretStr]] | None = None
    extra: Extra = {}
    proxy: Proxy | None = None
    child: "Config | None" = None
    deep: dict[str, list[dict[str, Token]]] = {}


MARK = "S3CRET"
public = st.text(max_size=8)
secret = st.text(max_size=8).map(lambda text: MARK + text)
names = st.text(max_size=6).filter(lambda name: name != "$secret")
password = st.fixed_dictionaries({"password": secret}, optional={"kind": st.just("password"), "user": public})


def some(**fields):
    return st.fixed_dictionaries({}, optional=fields)


configs = st.recursive(
    st.just({}),
    lambda inner: some(
        host=public,
        port=st.integers(),
        password=st.none() | secret,
        auth=st.none() | password | st.fixed_dictionaries({"kind": st.just("key")}, optional={"pem": secret}),
        hosts=st.lists(password, max_size=3),
        headers=st.dictionaries(names, secret, max_size=3),
        options=st.dictionaries(names, secret | st.integers(), max_size=3),
        pairs=st.tuples(public, secret).map(list).map(lambda pair: [MARK + pair[0], pair[1]]),
        alias=st.none() | secret,
        **{"api.key": secret, "renamed": secret, "one": secret, "two": secret, "unknown": public},
        box=secret.map(lambda text: {"content": {"content": text}}),
        extra=some(token=secret, note=public),
        proxy=st.fixed_dictionaries({"url": public}, optional={"password": secret}),
        child=inner,
        deep=st.dictionaries(
            names, st.lists(st.dictionaries(names, secret, max_size=2), max_size=2), max_size=2
        ),
    ),
    max_leaves=3,
)


@given(configs)
def test_split_and_join_are_inverse_and_leave_no_secret(config):
    kept, secrets = split_secrets(Config, config)
    assert MARK not in json.dumps(kept)
    assert json.loads(json.dumps(kept)) == kept
    assert join_secrets(kept, secrets) == config
    assert all(value.get_secret_value().startswith(MARK) for value in secrets.values())


@given(configs)
def test_splitting_again_finds_nothing_new(config):
    kept, _ = split_secrets(Config, config)
    assert split_secrets(Config, kept) == (kept, {})


def test_paths_are_readable():
    config = {
        "password": "a",
        "hosts": [{"password": "b"}],
        "headers": {"X.Key": "c"},
        "auth": {"kind": "key", "pem": "d"},
    }
    kept, secrets = split_secrets(Config, config)
    assert {path: value.get_secret_value() for path, value in secrets.items()} == {
        "password": "a",
        "hosts.0.password": "b",
        r"headers.X\.Key": "c",
        "auth.pem": "d",
    }
    assert kept["hosts"] == [{"password": {"$secret": "hosts.0.password"}}]


def test_validated_secrets_are_secrets_wherever_they_stand():
    class Loose(BaseModel):
        anything: Any = None

    kept, secrets = split_secrets(Loose, {"anything": [{"x": SecretStr("hunter2")}]})
    assert kept == {"anything": [{"x": {"$secret": "anything.0.x"}}]}
    assert secrets["anything.0.x"].get_secret_value() == "hunter2"


def test_a_twin_in_a_union_makes_a_text_secret():
    """`Key.password` is public, `Password.password` is not: in doubt it is cut out."""
    kept, _ = split_secrets(Config, {"auth": {"kind": "key", "password": "hunter2"}})
    assert "hunter2" not in str(kept)


@pytest.mark.parametrize("value", [12345, 1.5, True])
def test_a_secret_that_is_no_text_is_refused_and_not_quoted(value):
    with pytest.raises(ConfigError) as wrong:
        split_secrets(Config, {"hosts": [{"password": value}]})
    assert (wrong.value.code, wrong.value.context["field"]) == ("config.invalid", "hosts.0.password")
    assert str(value) not in str(wrong.value.to_json())


@pytest.mark.parametrize(
    "config",
    [
        {"host": {"$secret": "password"}},
        {"password": {"$secret": "auth.pem"}},
        {"password": {"$secret": "password", "more": 1}},
        {"options": {"x": {"$secret": "password"}}},
        {"unknown": [{"$secret": "password"}]},
        {"extra": {"note": {"$secret": "extra.note"}}},
    ],
)
def test_a_reference_cannot_carry_a_secret_elsewhere(config):
    with pytest.raises(ConfigError) as wrong:
        split_secrets(Config, config)
    assert wrong.value.code == "config.invalid"


@pytest.mark.parametrize(
    ("kept", "secrets"),
    [
        ({"host": {"$secret": "password"}}, {"password": "hunter2"}),
        ({"password": {"$secret": "password"}}, {}),
        ({"a": [{"$secret": "a.1"}]}, {"a.1": "hunter2"}),
    ],
)
def test_joining_gives_a_secret_to_its_own_place_only(kept, secrets):
    with pytest.raises(IntegrityError) as missing:
        join_secrets(kept, secrets)
    assert missing.value.code == "vault.secret_missing"
    assert "hunter2" not in str(missing.value.to_json())
