"""The types of the console's dialect: both ways without a loss."""

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


#: Wherever something may stand, and what may stand there by mistake.
PATHS = [
    "host",
    "hosts",
    "database",
    "username",
    "port",
    "password",
    "ssl",
    "ssl.mode",
    "ssl.server_ca",
    "ssl.client_key",
    "jdbc_url_params",
    "jdbc_url_params.ssl",
    "update_method",
    "update_method.type",
    "ssh_config",
    "ssh_config.type",
    "max_threads",
    "schemas",
    "bucket_name",
    "path_prefix",
    "file_format",
    "csv",
    "csv.delimiter",
    "csv.skip_rows",
    "json",
    "json.line_delimited",
    "compression",
    "region",
    "parallel",
    "arrays",
    "null_text",
    "type",
    "writer",
    "writer.s3_bucket",
    "writer.s3_path",
    "writer.local_path",
    "writer.compression",
    "writer.s3_secret_key",
    "secret_access_key",
    "tls_skip_verify",
    "file_pattern",
]
ODD = ["5", "5.0", "csv", "", None, True, 0, 5.0, 5.5, [], ["a"], {}, {"type": []}, "\0"]
PLACE = {"host": "h", "database": "d", "username": "u"}
BUCKET = {"bucket_name": "b", "file_format": "csv"}
VALID: dict[tuple[dialect.Role, str], dict[str, Any]] = {
    ("source", "postgres"): PLACE,
    ("source", "mysql"): {"hosts": "h", "database": "d", "username": "u"},
    ("source", "s3"): BUCKET,
    ("destination", "parquet"): {"type": "PARQUET", "writer": {"s3_bucket": "b"}},
}


def changed(config: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    name, dot, rest = path.partition(".")
    return config | {name: changed(config.get(name, {}), rest, value) if dot else value}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("role", "name"), sorted(VALID))
def test_whatever_is_sent_is_taken_or_refused(role: dialect.Role, name: str, path: str) -> None:
    for value in ODD:
        config = changed(VALID[role, name], path, value)
        try:
            ours = kind(name, role).to_ours(config)
        except ConfigError as error:
            field = error.context["field"]
            assert path.startswith(field) or field.startswith(path), value
        else:
            found = kind(name, role).from_ours(ours.connector, ours.config, ours.extra)
            assert changed(found, "type", None) == changed(config, "type", None)
