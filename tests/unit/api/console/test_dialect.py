"""The types of the console's dialect: both ways without a loss, and forms that ask for what is taken."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from towpath.api.console import dialect
from towpath.core.errors import ConfigError
from towpath.sdk.registry import Registry, parse_config

REGISTRY = Registry.installed()
ROLES: tuple[dialect.Role, ...] = ("source", "destination")
ALL = [(role, name) for role in ROLES for name in dialect.kinds(REGISTRY, role)]
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nY2VydA==\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"

words = st.text("abc/ _-é", min_size=1, max_size=8)
secrets = words | st.just("tp_ref_0b5e")
ports = st.integers(1, 65535)


def some(required: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


def pair(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Both, both blank, or neither."""
    both = st.fixed_dictionaries(dict.fromkeys(names, secrets))
    return both | st.just(dict.fromkeys(names, "")) | st.just({})


def merged(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(*parts).map(lambda found: {key: item for one in found for key, item in one.items()})


def ssl(*modes: str) -> st.SearchStrategy[dict[str, Any]]:
    given = some({}, mode=st.sampled_from(modes), server_ca=st.sampled_from(["", CERTIFICATE]))
    client = st.sampled_from(
        [
            {},
            {"client_cert": "", "client_key": ""},
            {"client_cert": CERTIFICATE, "client_key": KEY},
            {"client_cert": CERTIFICATE, "client_key": "tp_ref_0b5e"},
        ]
    )
    return merged(given, client)


unknown = st.dictionaries(
    st.sampled_from(["later", "more"]), st.none() | st.booleans() | st.integers() | st.just("") | st.just([])
)
cdc = some(
    {"type": st.just("CDC")}, replication_slot=words, publication=words, initial_wait_time=st.integers(0, 300)
)
shared = {
    "database": words, "username": words, "port": ports, "password": secrets | st.just("") | st.none(),
    "ssh_config": some({"type": st.just("no_tunnel")}, host=st.just(""), port=st.none()),
    "max_threads": st.integers(1, 200),
    "jdbc_url_params": st.dictionaries(words, words | st.integers(), max_size=2),
}  # fmt: skip
postgres = merged(
    some(
        {"host": words, **{name: shared[name] for name in ("database", "username")}},
        **{
            name: shared[name]
            for name in ("port", "password", "ssh_config", "max_threads", "jdbc_url_params")
        },
        schemas=st.lists(words, max_size=2),
        ssl=ssl("disable", "allow", "prefer", "require", "verify-full"),
        update_method=st.just({"type": "Standalone"}) | cdc,
        retry_count=st.integers(0, 9),
        arrays=st.sampled_from(["list", "text"]),
    ),
    unknown,
)
mysql = merged(
    some(
        {"hosts": words, **{name: shared[name] for name in ("database", "username")}},
        **{
            name: shared[name]
            for name in ("port", "password", "ssh_config", "max_threads", "jdbc_url_params")
        },
        ssl=ssl("disable", "prefer", "require", "verify-ca", "verify-full"),
        tls_skip_verify=st.just(True),
        update_method=st.sampled_from([{"type": "Standalone"}, {"type": "CDC", "initial_wait_time": 10}]),
        backoff_retry_count=st.integers(0, 9),
        parallel=st.integers(1, 16),
    ),
    unknown,
)
buckets = st.text("abc.-", min_size=1, max_size=8)
prefixes = st.text("abc/", max_size=6)
endpoints = st.sampled_from(["", "http://minio:9000"])
regions = st.sampled_from(["", "us-east-1"])
in_bucket = {
    "path_prefix": prefixes,
    "region": regions,
    "endpoint": endpoints,
    "max_threads": st.integers(1, 20),
}
keys = pair("access_key_id", "secret_access_key")
s3 = st.one_of(
    merged(
        some(
            {"bucket_name": buckets, "file_format": st.just("csv")},
            csv=some(
                {}, delimiter=st.sampled_from([",", ";"]), quote_character=st.just("'"),
                has_header=st.booleans(), skip_rows=st.just(0),
            ),
            compression=st.sampled_from(["none", "gzip"]), file_pattern=st.just(""), null_text=words,
            **in_bucket,
        ),
        keys,
    ),
    merged(
        some(
            {"bucket_name": buckets, "file_format": st.just("json")},
            json=st.just({"line_delimited": True}), compression=st.sampled_from(["none", "gzip"]),
            **in_bucket,
        ),
        keys,
    ),
    merged(
        some(
            {"bucket_name": buckets, "file_format": st.just("parquet")},
            parquet=st.just({"streaming_enabled": True}), csv=st.just({"delimiter": ","}),
            compression=st.sampled_from(["none", "gzip", "snappy"]), **in_bucket,
        ),
        keys,
        unknown,
    ),
)  # fmt: skip
to_bucket = merged(
    some(
        {"s3_bucket": buckets}, s3_path=prefixes, s3_region=regions, s3_endpoint=endpoints,
        compression=st.sampled_from(["zstd", "snappy", "uncompressed", "none"]),
        max_file_size_mb=st.integers(1, 999), local_path=st.just(""),
    ),
    pair("s3_access_key", "s3_secret_key"),
)  # fmt: skip
to_folder = some({"local_path": st.just("/data/out")}, s3_bucket=st.just(""), s3_path=st.just(""))
parquet = st.fixed_dictionaries({"type": st.just("PARQUET"), "writer": to_bucket | to_folder})

WORDED = {
    ("source", "postgres"): postgres,
    ("source", "mysql"): mysql,
    ("source", "s3"): s3,
    ("destination", "parquet"): parquet,
}
each = st.sampled_from(sorted(WORDED)).flatmap(lambda kind: st.tuples(st.just(kind), WORDED[kind]))


def kind(name: str, role: dialect.Role = "source") -> dialect.Kind:
    return dialect.find(REGISTRY, role, name)


def refusal(name: str, config: dict[str, Any], role: dialect.Role = "source") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        kind(name, role).to_ours(config)
    assert caught.value.hint
    assert caught.value.message.endswith(".")
    assert "hunter2" not in f"{caught.value.to_json()}"
    return caught.value


@given(each)
def test_what_was_sent_comes_back(found: tuple[tuple[dialect.Role, str], dict[str, Any]]) -> None:
    (role, name), config = found
    ours = kind(name, role).to_ours(config)
    resolved = {key: KEY if item == "tp_ref_0b5e" else item for key, item in ours.config.items()}
    parse_config(REGISTRY.get(ours.connector), resolved)
    assert kind(name, role).from_ours(ours.connector, ours.config, ours.extra) == config
    json.dumps(ours.extra)


@given(each)
def test_what_is_kept_aside_holds_no_secret(found: tuple[tuple[dialect.Role, str], dict[str, Any]]) -> None:
    (role, name), config = found
    assert "tp_ref_" not in json.dumps(kind(name, role).to_ours(config).extra)


@given(each)
def test_what_is_taken_fits_the_form_and_the_other_way_round(
    found: tuple[tuple[dialect.Role, str], dict[str, Any]],
) -> None:
    (role, name), config = found
    blanks = {"password", "port"} & {key for key, value in config.items() if value is None}
    config = {key: value for key, value in config.items() if key not in blanks and key != "ssh_config"}
    Draft7Validator(kind(name, role).spec()["jsonschema"]).validate(config)


OURS = {
    ("source", "postgres"): some(
        {"host": words, "database": words, "username": words},
        port=ports, password=secrets, sslmode=st.sampled_from(["allow", "verify-full"]),
        sslrootcert=st.just("/etc/ca.pem"), parallel=st.integers(1, 64), special_values=st.just("null"),
        arrays=st.just("text"), schemas=st.lists(words, max_size=2),
    ),
    ("source", "mysql"): some(
        {"host": words, "database": words, "username": words},
        port=ports, password=secrets,
        tls=st.sampled_from(["disable", "prefer", "require", "verify-ca", "verify"]),
        tls_ca=st.just("/etc/ca.pem"), parallel=st.integers(1, 16), special_values=st.just("null"),
    ),
    ("destination", "parquet"): some(
        {"path": st.sampled_from(["/data", "s3://b", "s3://b/", "s3://b/a", "s3://b/a/b/"])},
        endpoint=endpoints, region=regions, compression=st.sampled_from(["zstd", "none"]),
    ),
}  # fmt: skip
#: What was kept aside before somebody changed the connection.
STALE = {
    "postgres": {"max_threads": 99, "ssl": {"mode": None}, "password": "", "retry_count": 3},
    "mysql": {"max_threads": 99, "ssl": {}, "tls_skip_verify": True},
    "parquet": {"writer": {"s3_path": "/a", "local_path": "", "compression": "uncompressed"}},
}
elsewhere = st.sampled_from(sorted(OURS)).flatmap(lambda kind: st.tuples(st.just(kind), OURS[kind]))


@given(elsewhere, st.booleans())
def test_what_was_made_elsewhere_stays_what_it_is(
    found: tuple[tuple[dialect.Role, str], dict[str, Any]], stale: bool
) -> None:
    (role, name), ours = found
    extra = STALE[name] if stale else {}
    theirs = kind(name, role).from_ours(name, ours, extra)
    again = kind(name, role).to_ours(theirs)
    assert (again.connector, again.config) == (name, ours)


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
CDC = {"type": "CDC", "replication_slot": "s"}
BUCKET = {"bucket_name": "b", "file_format": "csv"}


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
        ("s3", BUCKET | {"secret_access_key": "hunter2"}, "(all)"),
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


@pytest.mark.parametrize(
    ("role", "name", "near"),
    [
        ("source", "mongodb", "no connector"),
        ("source", "kafka", "no connector"),
        ("destination", "iceberg", "no connector"),
        ("source", "postgers", "no source type"),
        ("destination", "s3", "no destination type"),
    ],
)
def test_types_that_cannot_be_connected(role: dialect.Role, name: str, near: str) -> None:
    for ask in (dialect.find, dialect.versions):
        with pytest.raises(ConfigError, match=near) as caught:
            ask(REGISTRY, role, name)
        assert (caught.value.code, caught.value.context["field"]) == ("connector.unknown", "type")
        assert caught.value.hint


def test_every_connector_has_a_type_in_every_role_that_it_has() -> None:
    for name in REGISTRY.names():
        for role in ROLES:
            if getattr(REGISTRY.get(name), role) is not None:
                found = dialect.kind_of(name, role)
                assert found in dialect.kinds(REGISTRY, role)
                assert kind(found, role).from_ours(name, {}, {}).keys() <= {"type", "file_format"}


@pytest.mark.parametrize(("role", "name"), ALL)
def test_versions_are_such_as_consoles_understand(role: dialect.Role, name: str) -> None:
    for version in dialect.versions(REGISTRY, role, name):
        assert version.startswith("v")
        assert tuple(int(part) for part in version[1:].split(".")) >= (0, 6, 0)


@pytest.mark.parametrize(("role", "name"), ALL)
def test_forms_are_of_draft_07_and_show_every_field(role: dialect.Role, name: str) -> None:
    spec = kind(name, role).spec()
    Draft7Validator.check_schema(spec["jsonschema"])
    text = json.dumps(spec["jsonschema"])
    assert not any(word in text for word in ('"$ref"', '"$defs"', '"prefixItems"', '"discriminator"'))
    for path, names, layout in objects(spec["jsonschema"], json.loads(spec["uischema"]), name):
        rows = layout["ui:grid"]
        assert [field for row in rows for field in row] == list(dict.fromkeys(names)), path
        assert all(0 < sum(row.values()) <= 24 for row in rows)


def objects(schema: dict[str, Any], layout: dict[str, Any], path: str) -> Any:
    """Every object that has fields: path, names and layout."""
    fields = list(fields_of(schema))
    if fields:
        yield path, [name for name, _ in fields], layout
    for name, field in fields:
        assert field.get("title") or "const" in field, f"{path}.{name}"
        yield from objects(field, layout.get(name, {}), f"{path}.{name}")


def fields_of(schema: dict[str, Any]) -> Any:
    yield from schema.get("properties", {}).items()
    for one in [*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("dependencies", {}).values()]:
        yield from fields_of(one)


@pytest.mark.parametrize(("role", "name"), ALL)
def test_secrets_are_asked_for_as_such(role: dialect.Role, name: str) -> None:
    text = json.dumps(kind(name, role).spec()["jsonschema"])
    connector = REGISTRY.get({"s3": "csv"}.get(name, name))
    wanted = connector.config.model_json_schema()
    assert text.count('"format": "password"') == json.dumps(wanted).count('"format": "password"')


def test_choices_are_called_by_their_name() -> None:
    update = kind("postgres").spec()["jsonschema"]["properties"]["update_method"]
    assert [arm["title"] for arm in update["oneOf"]] == ["Standalone", "CDC"]
    assert all("type" in arm["required"] for arm in update["oneOf"])


def test_types_of_our_own_are_taken_as_they_are() -> None:
    config = {"path": "/x.db", "busy_timeout": 3}
    found = kind("sqlite").to_ours(config)
    assert found == dialect.Translated("sqlite", config, {})
    assert kind("sqlite").from_ours("sqlite", config, {}) == config
    assert kind("sqlite").place("path") == "path"
