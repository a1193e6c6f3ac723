"""What BigQuery, Snowflake and Google Sheets have in common: extras, credentials, forms."""

import json
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
from pydantic import ValidationError

from towpath.connectors import bigquery, google_sheets, snowflake
from towpath.sdk import AuthError, ConfigError, Connector
from towpath.sdk.googleauth import check_key, credentials
from towpath.sdk.registry import parse_config

KEY = {
    "type": "service_account",
    "client_email": "x@y.iam.gserviceaccount.com",
    "private_key": "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
    "token_uri": "https://oauth2.googleapis.com/token",
}
CONFIGS: dict[str, dict[str, Any]] = {
    "bigquery": {"bq_dataset": "ds", "destination_project_id": "p"},
    "snowflake": {"account": "a", "username": "u", "password": "p", "database": "d"},
    "google_sheets": {"sheet-url": "www.test.com", "cleanup": True, "oauth-complete": True},
}
CONNECTORS: dict[str, Connector[Any]] = {
    one.connector.name: one.connector for one in (bigquery, snowflake, google_sheets)
}
EXTRAS = {
    "bigquery": ("google.cloud", "bigquery"),
    "snowflake": ("snowflake.connector", "snowflake"),
    "google_sheets": ("googleapiclient", "sheets"),
}


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_missing_package_is_said_with_its_extra(name: str):
    """In a process of its own, where the vendor's package is as good as not installed."""
    module, extra = EXTRAS[name]
    program = f"""
import sys
class Missing:
    def find_spec(self, found, path=None, target=None):
        if found == {module!r}:
            raise ModuleNotFoundError(f"No module named {{found!r}}", name=found)
sys.meta_path.insert(0, Missing())
from towpath.connectors.{name} import connector
from towpath.sdk import ConfigError
config = connector.config.model_validate({CONFIGS[name]!r})
assert connector.config.model_json_schema()["properties"]
try:
    connector.destination(config)
except ConfigError as error:
    print(error.code, error.hint)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"connector.extra_missing pip install 'towpath[{extra}]'"


@pytest.mark.parametrize("name", CONNECTORS)
def test_vendors_packages_are_imported_late(name: str):
    program = (
        f"import sys, towpath.connectors.{name}; "
        "print([m for m in sys.modules if m.split('.')[0] in ('google', 'snowflake', 'googleapiclient')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", CONNECTORS)
def test_the_documented_fields_are_taken(name: str):
    connector = CONNECTORS[name]
    config = parse_config(connector, CONFIGS[name])
    assert connector.destination is not None
    with connector.destination(config):
        pass


def test_the_fields_of_the_partners_form():
    schema = CONNECTORS["bigquery"].config.model_json_schema()
    assert list(schema["properties"])[:3] == ["bq_dataset", "destination_project_id", "credential"]
    assert schema["required"] == ["bq_dataset", "destination_project_id"]
    titles = [schema["properties"][name]["title"] for name in list(schema["properties"])[:3]]
    assert titles == ["Dataset", "Destination project id", "Credential JSON (optional)"]
    sheets = CONNECTORS["google_sheets"].config.model_json_schema()
    assert list(sheets["properties"])[:3] == ["sheet-url", "cleanup", "oauth-complete"]


# ── Google's keys ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[]", "type must be"),
        (json.dumps(KEY | {"type": "external_account"}), "type must be"),
        (json.dumps({"type": "service_account"}), "client_email is missing"),
        (json.dumps(KEY | {"token_uri": "http://169.254.169.254/"}), "token_uri must be"),
    ],
)
@pytest.mark.parametrize("name", ["bigquery", "google_sheets"])
def test_keys_that_are_none(name: str, text: str, message: str):
    with pytest.raises(ConfigError) as caught:
        parse_config(CONNECTORS[name], CONFIGS[name] | {"credential": text})
    assert message in str(caught.value)
    assert caught.value.context["field"] == "credential"
    assert "c2VjcmV0" not in str(caught.value.to_json())


def test_a_key_that_cannot_be_read_is_an_error_without_the_key():
    assert check_key(json.dumps(KEY))["type"] == "service_account"
    with pytest.raises(AuthError) as caught:
        credentials(json.dumps(KEY), ())
    assert caught.value.code == "connection.auth_failed"
    assert "c2VjcmV0" not in str(caught.value.to_json())


def test_no_key_and_none_of_the_machine(monkeypatch: pytest.MonkeyPatch):
    from google.auth import exceptions

    def default(**_: object) -> None:
        raise exceptions.DefaultCredentialsError("none")

    monkeypatch.setattr("google.auth.default", default)
    with pytest.raises(ConfigError) as caught:
        credentials("", ())
    assert caught.value.context["field"] == "credential"


# ── Snowflake's ──────────────────────────────────────────────────────────────────────────────────

PEM = "-----BEGIN PRIVATE KEY-----\nc2Vj\ncmV0\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize("pem", [PEM, PEM.replace("\n", "\\n"), f"\n{PEM}\n", PEM.replace("\n", "\r\n")])
def test_private_keys_as_people_paste_them(pem: str):
    der = import_module("towpath.connectors.snowflake.config").der
    assert der(pem) == b"secret"


@pytest.mark.parametrize(
    "changes",
    [
        {"private_key": PEM},
        {"password": ""},
        {"password": "", "private_key": "c2VjcmV0"},
        {"password": "", "private_key": PEM.replace("PRIVATE", "RSA PRIVATE")},
        {"password": "", "private_key": PEM.replace("c2Vj", "c2V!")},
    ],
)
def test_credentials_that_are_none(changes: dict[str, str]):
    config = CONNECTORS["snowflake"].config
    with pytest.raises(ValidationError) as caught:
        config.model_validate(CONFIGS["snowflake"] | changes)
    told = caught.value.errors(include_input=False)
    assert "c2VjcmV0" not in str([one["msg"] for one in told])


@pytest.mark.parametrize("given", ["schema", "namespace"])
def test_the_schema_has_its_usual_name(given: str):
    config = CONNECTORS["snowflake"].config.model_validate(CONFIGS["snowflake"] | {given: "s"})
    assert config.model_dump()["namespace"] == "s"


# ── spreadsheets ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url",
    [
        "https://docs.google.com/spreadsheets/d/1aBcD_eFgH-iJkLmNoPqRs/edit#gid=0",
        "https://docs.google.com/spreadsheets/u/1/d/1aBcD_eFgH-iJkLmNoPqRs/edit?usp=sharing",
        "docs.google.com/spreadsheets/d/1aBcD_eFgH-iJkLmNoPqRs",
        " 1aBcD_eFgH-iJkLmNoPqRs ",
    ],
)
@pytest.mark.parametrize("field", ["sheet-url", "sheet_url"])
def test_addresses_of_spreadsheets(url: str, field: str):
    config = google_sheets.GoogleSheetsConfig.model_validate({field: url})
    assert config.spreadsheet == "1aBcD_eFgH-iJkLmNoPqRs"


@pytest.mark.parametrize(
    "url",
    [
        "www.test.com",
        "https://evil.example/docs.google.com/spreadsheets/d/1aBcD_eFgH-iJkLmNoPqRs",
        "https://docs.google.com/document/d/1aBcD_eFgH-iJkLmNoPqRs",
        "../../secrets",
    ],
)
def test_addresses_of_other_things_are_kept_and_refused_when_used(url: str):
    config = google_sheets.GoogleSheetsConfig.model_validate({"sheet-url": url})
    assert CONNECTORS["google_sheets"].destination is not None
    with CONNECTORS["google_sheets"].destination(config) as destination, pytest.raises(ConfigError) as caught:
        destination.check()
    assert caught.value.context["field"] == "sheet-url"
