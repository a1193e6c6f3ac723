"""Requests that nobody thought of, made from the document: none is a 5xx, and all answers are as it says."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"

#: A stream of events has no end; people who go away, or whose session ends, end the test.
LEFT_OUT = ("--exclude-path-regex", "events$|^/logout|^/auth/|^/login|users|download")


#: What deletes goes last: else there is nothing left for the others.
PARTS = {
    "managing": ("--exclude-method", "DELETE"),
    "deleting": ("--include-method", "DELETE"),
}

CONFIG = """
[parameters]
"path.projectid" = "123"
"path.id" = {id}
"path.jobid" = {id}
"""


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_the_document_is_kept(console, tmp_path, part):
    id = console.made_job()
    (tmp_path / "schemathesis.toml").write_text(CONFIG.format(id=id))
    token = console.cookie.partition("=")[2]
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("run", f"{console.api.url}/openapi/console.json", *PARTS[part], *LEFT_OUT),
            *("-H", f"Authorization: Bearer {token}"),
            *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "-n", "8"),
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
