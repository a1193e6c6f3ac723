from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from towpath.core.errors import ConfigError
from towpath.core.ports import Connector
from towpath.services import forms
from towpath.services.secrets import fields as secretfields
from towpath.vault import join_secrets, split_secrets


class Tls(BaseModel):
    verify: bool
    ca: str = ""


class Token(BaseModel):
    type: Literal["token"] = "token"
    token: SecretStr


class Basic(BaseModel):
    type: Literal["basic"] = "basic"
    username: str
    password: SecretStr


class Config(BaseModel):
    model_config = ConfigDict(extra="forbid")

    host: str = Field(title="Host name", json_schema_extra={"placeholder": "db.example.com"})
    port: int = Field(5432, ge=1)
    key: SecretStr
    mode: Literal["fast", "safe"] = "safe"
    sheet: str = Field("", alias="sheet-url")
    tags: list[str] = []
    headers: dict[str, SecretStr] = {}
    tls: Tls
    auth: Annotated[Token | Basic, Field(discriminator="type")] | None = None
    base_url: str = Field("https://x", json_schema_extra={"advanced": True})

    @field_validator("host")
    @classmethod
    def _no_space(cls, value: str) -> str:
        if " " in value:
            raise ValueError("no spaces, please")
        return value


FORM = forms.form_of(Config)
GOOD = {"host": "h", "key": "k", "tls.verify": "true"}


def plugin():
    return Connector(name="x", title="X", version="1", categories=(), config=Config)


def fill(values, stored):
    forms.check(plugin(), FORM, forms.config_of(FORM, values, stored))


def faults(values, stored=None):
    with pytest.raises(ConfigError) as error:
        fill(values, stored)
    assert error.value.code == "config.invalid"
    return error.value.context["faults"]


def test_a_form_has_one_field_for_each_setting_in_their_order():
    assert list(FORM) == [
        "host",
        "port",
        "key",
        "mode",
        "sheet-url",
        "tags",
        "headers",
        "tls.verify",
        "tls.ca",
        "auth.type",
        "auth.token",
        "auth.username",
        "auth.password",
        "base_url",
    ]


def test_fields_say_what_they_are():
    host, port, key = FORM["host"], FORM["port"], FORM["key"]
    assert (host.label, host.placeholder, host.required) == ("Host name", "db.example.com", True)
    assert (port.placeholder, port.required, port.default) == ("Enter your Port", False, 5432)
    assert (key.secret, key.required, key.default) == (True, True, None)
    assert FORM["mode"].options == ("fast", "safe")
    assert FORM["auth.type"].options == ("basic", "token")
    assert [id for id, field in FORM.items() if field.secret] == [
        "key",
        "headers",
        "auth.token",
        "auth.password",
    ]
    assert [id for id, field in FORM.items() if field.json] == ["tags", "headers"]
    assert [id for id, field in FORM.items() if field.hidden] == ["base_url"]
    # What belongs to one of several choices cannot be required.
    assert [id for id, field in FORM.items() if field.required] == ["host", "key", "tls.verify"]


def test_texts_become_settings():
    form = GOOD | {
        "port": "1",
        "tags": '["a"]',
        "headers": '{"a": "b"}',
        "auth.type": "basic",
        "auth.username": "u",
        "auth.password": "p",
        "sheet-url": "www",
    }
    config = Config.model_validate(forms.config_of(FORM, form))
    assert (config.port, config.tags, config.tls.verify, config.sheet) == (1, ["a"], True, "www")
    assert config.auth == Basic(username="u", password=SecretStr("p"))
    assert config.headers == {"a": SecretStr("b")}


def test_nested_values_do_as_well_as_dotted_ones():
    nested = {"host": "h", "key": "k", "tls": {"verify": True}, "auth": {"type": "token", "token": "t"}}
    dotted = {"host": "h", "key": "k", "tls.verify": True, "auth.type": "token", "auth.token": "t"}
    assert forms.config_of(FORM, nested) == forms.config_of(FORM, dotted)


def test_blanks_of_optional_fields_are_left_out():
    blank = dict.fromkeys(FORM, "") | GOOD
    assert forms.config_of(FORM, blank) == {"host": "h", "key": "k", "tls": {"verify": "true"}}


def test_a_pasted_key_file_may_be_an_object():
    config = forms.config_of(FORM, GOOD | {"key": {"type": "service_account"}})
    assert config["key"] == '{"type":"service_account"}'


def test_everything_that_is_wrong_is_said_at_once():
    assert faults({"host": "", "colour": "red"}) == {
        "colour": ["There is no such field."],
        "host": [forms.BLANK],
        "key": [forms.REQUIRED],
        "tls.verify": [forms.REQUIRED],
    }
    assert faults(GOOD | {"tags": "a"}) == {"tags": ["Enter valid JSON."]}
    wrong = faults(GOOD | {"host": "a b", "port": "x", "mode": "slow", "tls.verify": "perhaps"})
    assert set(wrong) == {"host", "port", "mode", "tls.verify"}
    assert wrong["host"] == ["No spaces, please."]


def test_faults_within_choices_are_found():
    assert list(faults(GOOD | {"auth.type": "basic", "auth.username": "u"})) == ["auth.password"]
    assert list(faults(GOOD | {"auth.token": "t"})) in (["auth"], ["auth.type"])


@given(st.text(min_size=1))
def test_no_fault_repeats_a_value(text):
    canary = f"canary{text}"
    values = {"host": "h", "key": "k", "port": canary, "mode": canary, "tls.verify": canary, "tags": canary}
    assert canary not in repr(faults(values))


@pytest.mark.parametrize("mask", ["********", "••••", secretfields.MASK])
def test_a_mask_stands_for_what_is_stored(mask):
    stored, secrets = split_secrets(Config, forms.config_of(FORM, GOOD))
    again = forms.config_of(FORM, GOOD | {"key": mask, "host": "new"}, stored)
    assert join_secrets(again, secrets) == forms.config_of(FORM, GOOD | {"host": "new"})


def test_a_mask_of_nothing_is_refused():
    assert list(faults(GOOD | {"key": "****"})) == ["key"]
    stored, _ = split_secrets(Config, forms.config_of(FORM, GOOD))
    assert list(faults(GOOD | {"auth.type": "token", "auth.token": "****"}, stored)) == ["auth.token"]


def test_marks_of_the_vault_cannot_be_sent():
    mark = {"$secret": "key"}
    assert list(faults(GOOD | {"key": mark})) == ["key"]
    assert list(faults(GOOD | {"headers": {"a": mark}})) == ["headers"]
    assert list(faults(GOOD | {"auth": {"type": "token", "token": mark}})) == ["auth.token"]


texts = st.text(min_size=1, max_size=9).filter(lambda text: not forms._is_mask(text))
filled = st.fixed_dictionaries(
    {"host": texts, "key": texts, "tls.verify": st.booleans()},
    optional={
        "port": st.integers(1, 9),
        "headers": st.dictionaries(texts, texts, min_size=1, max_size=3),
        "tags": st.lists(texts, min_size=1, max_size=3),
        "auth.type": st.just("token"),
        "auth.token": texts,
        "sheet-url": texts,
    },
)


@given(filled)
def test_sending_back_what_is_shown_changes_nothing(values):
    stored, secrets = split_secrets(Config, forms.config_of(FORM, values))
    shown = forms.values_of(FORM, stored)
    assert set(shown) == set(values)
    assert forms.config_of(FORM, shown, stored) == stored
    assert join_secrets(stored, secrets) == forms.config_of(FORM, values)
