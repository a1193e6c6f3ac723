"""What the console's types say in our words, and what they refuse."""

from typing import Any

import pytest

from towpath.api.console import dialect
from towpath.core.errors import ConfigError
from towpath.sdk.registry import Registry

REGISTRY = Registry.installed()
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nY2VydA==\n-----END CERTIFICATE-----\n"


def kind(name: str, role: dialect.Role = "source") -> dialect.Kind:
    return dialect.find(REGISTRY, role, name)


def refusal(name: str, config: dict[str, Any], role: dialect.Role = "source") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        kind(name, role).to_ours(config)
    assert caught.value.hint
    assert caught.value.message.endswith(".")
    assert "hunter2" not in f"{caught.value.to_json()}"
    return caught.value


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_files_of_a_bucket_that_were_changed_elsewhere(format: str) -> None:
    ours = {
        "path": "s3://b/x",
        "region": "eu",
        "access_key": "a",
        "secret_key": "tp_ref_1",
        "compression": "none",
    }
    theirs = kind("s3").from_ours(format, ours, {})
    assert kind("s3").to_ours(theirs) == dialect.Translated(format, ours, {})
    assert kind("s3").from_ours(format, {"path": "/data"}, {})["path"] == "/data"


def test_the_words_of_postgres() -> None:
    config = {
        "host": "h", "port": 5433, "database": "d", "username": "u", "password": "p", "jdbc_url_params": {},
        "ssl": {"mode": "verify-ca", "server_ca": CERTIFICATE, "client_cert": "", "client_key": ""},
        "schemas": ["public"], "update_method": {"type": "CDC", "replication_slot": "s", "publication": "p"},
        "max_threads": 100, "retry_count": 3, "ssh_config": {"type": "no_tunnel"},
    }  # fmt: skip
    ours = kind("postgres").to_ours(config)
    assert ours.config == {
        "host": "h", "port": 5433, "database": "d", "username": "u", "password": "p", "schemas": ["public"],
        "sslmode": "verify-ca", "ca_certificate": CERTIFICATE, "client_certificate": "", "parallel": 64,
    }  # fmt: skip
    assert set(ours.extra) == {
        "jdbc_url_params", "update_method", "retry_count", "ssh_config", "max_threads", "ssl"
    }  # fmt: skip
    assert kind("postgres").place("sslmode") == "ssl.mode"
    assert kind("postgres").place("schemas.0") == "schemas.0"


def test_the_words_of_mysql() -> None:
    config = {"hosts": "h", "database": "d", "username": "u", "port": 3306, "ssl": {"mode": "verify-full"}}
    ours = {"host": "h", "database": "d", "username": "u", "port": 3306, "tls": "verify"}
    assert kind("mysql").to_ours(config) == dialect.Translated("mysql", ours, {})


def test_the_words_of_a_bucket() -> None:
    config = {
        "bucket_name": "b",
        "path_prefix": "/in",
        "file_format": "json",
        "access_key_id": "a",
        "secret_access_key": "k",
    }
    ours = {"path": "s3://b/in", "access_key": "a", "secret_key": "k"}
    assert kind("s3").to_ours(config) == dialect.Translated("jsonl", ours, {"path_prefix": "/in"})


def test_the_words_of_parquet() -> None:
    writer = {"s3_bucket": "b", "s3_path": "/data", "s3_region": "eu", "max_file_size_mb": 512}
    found = kind("PARQUET", "destination").to_ours({"type": "PARQUET", "writer": writer})
    extra = {"writer": {"s3_path": "/data", "max_file_size_mb": 512}}
    assert found == dialect.Translated("parquet", {"path": "s3://b/data", "region": "eu"}, extra)
    local = {"type": "PARQUET", "writer": {"local_path": "/out"}}
    assert kind("parquet", "destination").to_ours(local).config == {"path": "/out"}
    assert kind("parquet", "destination").place("path") == "writer.local_path"
    assert kind("parquet", "destination").place("compression") == "writer.compression"


PLACE = {"host": "h", "database": "d", "username": "u"}
TUNNEL = {"type": "ssh_key_authentication", "host": "h", "private_key": "hunter2"}
BUCKET = {"bucket_name": "b", "file_format": "csv"}
CDC = {"type": "CDC", "replication_slot": "s"}


@pytest.mark.parametrize(
    ("name", "config", "field"),
    [
        ("postgres", {**PLACE, "ssh_config": TUNNEL}, "ssh_config.type"),
        ("postgres", {**PLACE, "jdbc_url_params": {"sslpassword": "hunter2"}}, "jdbc_url_params.sslpassword"),
        ("mysql", {"hosts": "h", "tls_skip_verify": False}, "tls_skip_verify"),
        ("s3", BUCKET | {"file_format": "xml"}, "file_format"),
        ("s3", BUCKET | {"compression": "zip"}, "compression"),
        ("s3", BUCKET | {"file_pattern": ".*"}, "file_pattern"),
        ("s3", BUCKET | {"csv": {"skip_rows": 2}}, "csv.skip_rows"),
        ("s3", BUCKET | {"file_format": "json", "json": {"line_delimited": False}}, "json.line_delimited"),
    ],
)  # fmt: skip
def test_what_cannot_be_honoured_is_refused(name: str, config: dict[str, Any], field: str) -> None:
    error = refusal(name, config)
    assert (error.code, error.context["field"]) == ("config.unsupported", field)


def test_gzip_in_parquet_is_refused() -> None:
    error = refusal("parquet", {"writer": {"s3_bucket": "b", "compression": "gzip"}}, "destination")
    assert (error.code, error.context["field"]) == ("config.unsupported", "writer.compression")


@pytest.mark.parametrize(
    ("name", "config", "field"),
    [
        ("postgres", {"database": "d", "username": "u"}, "host"),
        ("postgres", {**PLACE, "port": "many"}, "port"),
        ("postgres", {**PLACE, "ssl": {"mode": "sometimes"}}, "ssl.mode"),
        ("postgres", {**PLACE, "ssl": "hunter2"}, "ssl"),
        ("postgres", {**PLACE, "ssl": {"mode": "verify-ca"}}, "ssl"),
        ("postgres", {**PLACE, "ssl": {"client_key": "hunter2"}}, "ssl"),
        ("postgres", {**PLACE, "update_method": CDC | {"publication": 1}}, "update_method.publication"),
        ("postgres", {**PLACE, "update_method": {"type": "Guess"}}, "update_method"),
        ("postgres", {**PLACE, "ssh_config": []}, "ssh_config"),
        ("postgres", {**PLACE, "pasword": "hunter2"}, "pasword"),
        ("postgres", {**PLACE, "ssl": {"mode": "require", "token": "hunter2"}}, "ssl.token"),
        ("mysql", {"hosts": ["h"], "database": "d", "username": "u"}, "hosts"),
        ("s3", {"bucket_name": "b"}, "file_format"),
        ("s3", {"file_format": "csv"}, "bucket_name"),
        ("s3", BUCKET | {"bucket_name": "b/c"}, "bucket_name"),
        ("s3", BUCKET | {"secret_access_key": "hunter2"}, ""),
        ("s3", BUCKET | {"csv": {"delimiter": ""}}, "csv.delimiter"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_the_words_it_came_in(name: str, config: dict[str, Any], field: str) -> None:
    error = refusal(name, config)
    assert (error.code, error.context["field"]) == ("config.invalid", field)


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "writer"),
        ({"writer": []}, "writer"),
        ({"writer": {}}, "writer"),
        ({"writer": {"s3_bucket": "b", "local_path": "/x"}}, "writer"),
        ({"type": "ICEBERG", "writer": {"local_path": "/x"}}, "type"),
        ({"writer": {"local_path": "/x", "compression": "brotli"}}, "writer.compression"),
    ],
)
def test_what_is_wrong_with_a_place_for_parquet(config: dict[str, Any], field: str) -> None:
    error = refusal("parquet", config, "destination")
    assert (error.code, error.context["field"]) == ("config.invalid", field)


def test_types_of_our_own_are_taken_as_they_are() -> None:
    config = {"path": "/x.db", "busy_timeout": 3}
    found = kind("sqlite").to_ours(config)
    assert found == dialect.Translated("sqlite", config, {})
    assert kind("sqlite").from_ours("sqlite", config, {}) == config
    assert kind("sqlite").place("path") == "path"
