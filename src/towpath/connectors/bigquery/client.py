"""The client of one connection, and the jobs that run through it."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import Conflict
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery.job import LoadJob

from towpath.connectors.bigquery.config import BigqueryConfig
from towpath.sdk.googleauth import check_place, credentials

_SCOPES = ("https://www.googleapis.com/auth/bigquery",)
_PATIENCE = 6 * 3600
_KINDS = {str: "STRING", int: "INT64"}


def connect(config: BigqueryConfig) -> bigquery.Client:
    """A client; nothing is asked of the service yet."""
    plain = config.endpoint.startswith("http://")
    key = config.credential.get_secret_value()
    check_place(config.endpoint, own=bool(key))
    return bigquery.Client(
        project=config.destination_project_id,
        # What is not encrypted gets no credential. # Invariant 8
        credentials=AnonymousCredentials() if plain else credentials(key, _SCOPES),  # type: ignore[no-untyped-call]  # the vendor's constructor has no hints
        location=config.location or None,
        client_options=ClientOptions(api_endpoint=config.endpoint or None),
    )


def run(client: bigquery.Client, sql: str, given: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """All rows of the statement or script; ``given`` are its parameters: texts, numbers, lists of texts."""
    config = bigquery.QueryJobConfig(
        query_parameters=[_parameter(name, value) for name, value in (given or {}).items()],
        use_legacy_sql=False,
    )
    job = client.query(sql, job_config=config, job_id_prefix="towpath_")
    return [tuple(row.values()) for row in job.result(timeout=_PATIENCE)]


def _parameter(name: str, value: Any) -> bigquery.ArrayQueryParameter | bigquery.ScalarQueryParameter:
    if isinstance(value, list):
        return bigquery.ArrayQueryParameter(name, "STRING", value)
    return bigquery.ScalarQueryParameter(name, _KINDS[type(value)], value)


def load(
    client: bigquery.Client, path: Path, table: str, schema: Sequence[bigquery.SchemaField], job_id: str
) -> None:
    """Append a Parquet file to the table, once: a job of this id that exists already is waited for."""
    config = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET,
        write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
        create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
        schema=list(schema),
    )
    try:
        with path.open("rb") as file:
            job = client.load_table_from_file(
                file, table, size=path.stat().st_size, job_id=job_id, job_config=config
            )
    except Conflict:
        found = client.get_job(job_id)
        if not isinstance(found, LoadJob):
            raise
        job = found
    job.result(timeout=_PATIENCE)


def attempt() -> str:
    """A fresh name for one attempt at a slice; the ids of its jobs begin with it."""
    return f"towpath_{secrets.token_hex(8)}"
