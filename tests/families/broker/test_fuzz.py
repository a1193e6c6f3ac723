"""Requests that nobody thought of, made from the document: none is a 5xx, and all answers are as it says."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"

CONFIG = """
[parameters]
"path.customer_id" = "{customer}"
"path.instance_id" = "{instance}"
"path.connection_id" = "{connection}"
"path.grant_id" = "{grant}"
"query.provider" = "gmail"
"""


#: What deletes goes last: else there is nothing left for the others.
PARTS = {
    "managing": ("--exclude-path-regex", "^/internal", "--exclude-method", "DELETE"),
    "deleting": ("--exclude-path-regex", "^/internal", "--include-method", "DELETE"),
    "fetching": ("--include-path-regex", "^/internal"),
}


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_the_document_is_kept(solo, tmp_path, part):
    key = solo.proxy_key if part == "fetching" else solo.key
    both = ["-H", f"Authorization: Bearer {key}", "-H", f"X-Api-Key: {key}"]
    connection = solo.connect()
    ids = {"connection": connection, "grant": solo.grant(connection, "a")}
    config = CONFIG.format(customer=solo.customer, instance=solo.instance, **ids)
    (tmp_path / "schemathesis.toml").write_text(config)
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("run", f"{solo.api.url}/openapi/broker.json", *PARTS[part], *both),
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
    # Else it would have tried the locks only.
    assert "401/403" not in done.stdout
