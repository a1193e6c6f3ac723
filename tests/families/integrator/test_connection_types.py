"""Tables of fields: both directions, and what is secret in them."""

import pytest

from towpath.api.integrator.connection_types import TYPES, described, files, type_of, web, wrapper
from towpath.api.integrator.connection_types import databases as sql
from towpath.api.integrator.connection_types.tables import put
from towpath.sdk.registry import Registry, parse_config
from towpath.services.pipelines.masking import is_secret
from towpath.vault import split_secrets

TABLES = [
    *(("rest", "rest_api", (*web._REST, *rows)) for rows in web._REST_AUTH.values()),
    *(("http", "rest_api", (*web._HTTP, *rows)) for rows in web._HTTP_AUTH.values()),
    ("ftp", "ftp", files._FTP),
    ("s3", "s3", files._S3),
    ("wrapper", "wrapper", wrapper._WRAPPER),
    *(("rdbms", connector, table) for connector, table, _ in sql._DATABASES.values()),
]


@pytest.fixture(scope="module")
def registry():
    return Registry.installed()


@pytest.mark.parametrize(("section", "connector", "table"), TABLES)
def test_what_is_secret_to_the_connector_is_masked_in_documents(registry, section, connector, table):
    for row in table:
        config = {}
        value = {"x": "secret"} if row.ours in ("encrypted", "unencrypted") else "secret"
        put(config, row.ours, value)
        if row.ours.startswith("auth."):
            config["auth"]["type"] = _way(table)
        _, secrets = split_secrets(registry.get(connector).config, config)
        path = (section, *row.theirs.split("."), *(["x"] if isinstance(value, dict) else []))
        if [name for name in secrets if name != "auth.type"]:
            assert is_secret(path), row


def _way(table):
    ways = {**web._REST_AUTH, **web._HTTP_AUTH}
    return next((way for way, rows in ways.items() if rows and set(rows) <= set(table)), "none")


PING = {
    "relativeURI": "/me",
    "method": "GET",
    "successPath": "ok",
    "successValues": ["true"],
    "failPath": "error",
    "failValues": ["x"],
    "errorPath": "error.message",
}
TOKEN = {
    "token": "t",
    "location": "url",
    "paramName": "key",
    "headerName": "X-Token",
    "scheme": "MAC",
    "refreshToken": "r",
    "refreshMethod": "POST",
    "refreshRelativeURI": "/refresh",
    "refreshBody": "{}",
    "refreshTokenPath": "access",
    "refreshMediaType": "json",
}
HTTP = {
    "baseURI": "https://x.example/api",
    "mediaType": "json",
    "successMediaType": "xml",
    "errorMediaType": "plaintext",
    "headers": [{"name": "X-A", "value": "{{connection.http.encrypted.key}}"}],
    "retryHeader": "X-Retry",
    "disableStrictSSL": True,
    "encrypted": {"key": "k"},
    "unencrypted": {"shop": "acme"},
    "ping": PING,
    "rateLimit": {"failStatusCode": 420, "failPath": "e", "failValues": ["slow"], "limit": 250},
    "auth": {"type": "token", "failStatusCode": 403, "failPath": "e", "failValues": ["auth"], "token": TOKEN},
}


def test_every_field_of_http_has_its_setting_and_its_way_back(registry):
    faults = []
    found = web.read_http({"type": "http", "http": HTTP}, faults)
    assert faults == []
    parsed = parse_config(registry.get("rest_api"), found.config)
    assert parsed.rate_limit.pause == 0.25
    assert web.write_http(found.config) == HTTP


def test_what_nobody_knows_is_described_by_its_own_settings():
    config = {"path": "/x"}
    assert described("sqlite", config) == {"type": "sqlite", "towpath": config}
    server = {"host": "h", "port": 5432, "database": "d", "username": "u"}
    assert described("postgres", server)["rdbms"] == {"type": "postgresql", **server}
    assert described("wrapper", {"ping_function": "p"})["wrapper"] == {"pingFunction": "p"}


def test_every_published_type_has_a_name():
    old = "netsuite salesforce ftp sftp s3 magento rest wrapper"
    new = "http rdbms jdbc mongodb dynamodb as2 van filesystem mcp"
    assert {*old.split(), *new.split()} == set(TYPES)
    assert type_of({"type": "netsuite"}).usable is False
