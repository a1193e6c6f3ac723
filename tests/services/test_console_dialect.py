"""What the console's types are translated to opens real systems."""

from typing import Any

import pytest

from support.postgres import PostgresServer
from support.s3 import S3
from towpath.api.console import dialect
from towpath.sdk import Selection, Source
from towpath.sdk.registry import Registry, parse_config

REGISTRY = Registry.installed()
FILES = {"csv": ("csv", b"id\n1\n"), "json": ("jsonl", b'{"id": 1}\n')}


def opened(role: dialect.Role, type: str, config: dict[str, Any]) -> Any:
    found = dialect.find(REGISTRY, role, type).to_ours(config)
    connector = REGISTRY.get(found.connector)
    make = connector.source if role == "source" else connector.destination
    assert make is not None
    return make(parse_config(connector, found.config))


def rows(source: Source) -> list[dict[str, Any]]:
    (stream,) = source.discover()
    slices = source.plan(Selection(stream), None).slices
    return [
        row for one in slices for batch in source.read(Selection(stream), one, None) for row in batch.records
    ]


def place(s3: S3, *names: str) -> dict[str, Any]:
    """Our four words for an S3 server, as the dialect calls them."""
    return dict(zip(names, (s3.region, s3.endpoint, s3.access_key, s3.secret_key), strict=True))


@pytest.mark.service("s3")
@pytest.mark.parametrize("prefix", ["", "in", "/in/"])
@pytest.mark.parametrize("format", sorted(FILES))
def test_files_in_a_bucket(s3: S3, format: str, prefix: str) -> None:
    ending, content = FILES[format]
    bucket = s3.bucket()
    key = f"{prefix.strip('/')}/orders/1.{ending}".lstrip("/")
    s3.client().put_object(Bucket=bucket, Key=key, Body=content)
    config = {"bucket_name": bucket, "path_prefix": prefix, "file_format": format}
    config |= place(s3, "region", "endpoint", "access_key_id", "secret_access_key")
    with opened("source", "s3", config) as source:
        assert source.check()
        assert [stream.name for stream in source.discover()] == ["orders"]
        assert rows(source) == [{"id": 1}]


@pytest.mark.service("s3")
def test_parquet_in_a_bucket(s3: S3) -> None:
    writer = {
        "s3_bucket": s3.bucket(),
        "s3_path": "/data",
        "max_file_size_mb": 512,
        "compression": "uncompressed",
    }
    writer |= place(s3, "s3_region", "s3_endpoint", "s3_access_key", "s3_secret_key")
    with opened("destination", "parquet", {"type": "PARQUET", "writer": writer}) as destination:
        assert destination.check()


@pytest.mark.service("postgres")
def test_one_schema_of_postgres(postgres: PostgresServer, postgres_database: str) -> None:
    with postgres.connect(postgres_database) as connection:
        connection.execute("CREATE SCHEMA sales")
        connection.execute("CREATE TABLE sales.t AS SELECT 1 AS id")
        connection.execute("CREATE TABLE public.t (id int)")
    more = {
        "ssl": {"mode": "disable", "server_ca": "", "client_cert": "", "client_key": ""},
        "schemas": ["sales"],
        "update_method": {"type": "Standalone"},
        "ssh_config": {"type": "no_tunnel"},
        "max_threads": 30,
        "retry_count": 3,
        "jdbc_url_params": {},
    }
    with opened("source", "postgres", postgres.config(postgres_database) | more) as source:
        assert source.check().startswith("PostgreSQL")
        assert rows(source) == [{"id": 1}]
