"""Requests that nobody thought of, made from the document: none is a 5xx, and all answers are as it says."""

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import SQLITE

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"

CONFIG = """
[parameters]
"path.template_id" = 4
"path.destination_id" = {destination}
"path.connector_id" = {connector}
"path.file" = "sqlite.svg"
"""


@pytest.mark.slow
# What deletes goes last: else there is nothing left for the others.
@pytest.mark.parametrize("part", ["--exclude-method", "--include-method"])
def test_the_document_is_kept(acme, shop, tmp_path, part):
    destination = acme.destination(tmp_path / "a.duckdb")
    connector = acme.post("connectors/", acme.copy(shop, destination))["data"]["id"]
    (tmp_path / "schemathesis.toml").write_text(CONFIG.format(destination=destination, connector=connector))
    assert SQLITE == 4
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("run", f"{acme.api.url}/openapi/partners.json", part, "DELETE"),
            *("-H", f"Authorization: Bearer {acme.token}"),
            *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "-n", "10"),
            *("--seed", "1", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]
