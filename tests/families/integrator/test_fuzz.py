"""Requests that nobody thought of, made from the document: none is a 5xx, and all answers are as it says."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.orders import order_shop
from support.steps import customers_import, orders_export, rest_connection

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"

#: Where an id that is there belongs: else nearly all that is tried would be a 404.
FOUND = """
[[operations]]
include-path-regex = "^/v1/{kind}/.id."
parameters = {{ "path.id" = "{id}" }}
"""
#: No server takes URLs of more than 64 KB, as many long texts would make them.
SHORT = """
[[operations]]
include-path = "/v1/jobs"
parameters = {{ {names} }}
"""
LONG = (
    *("_integrationId", "_exportId", "_importId", "_flowId", "_flowId_in", "_flowJobId", "_parentJobId"),
    *("_bulkJobId", "status", "status_in", "type", "type_in"),
)

#: What deletes goes last: else there is nothing left for the others.
PARTS = {
    "managing": ("--exclude-method", "DELETE", "-n", "5"),
    "deleting": ("--include-method", "DELETE", "-n", "1"),
}
#: What is alike for all kinds, and what no token opens.
ALIKE = (
    "--exclude-path-regex",
    "^/v1/(signed|asynchelpers|filedefinitions|templates|scripts|.*/state$|.*/state/|.*/audit$)",
)


@pytest.fixture
def furnished(program):
    """Ids of one of each of the kinds that do something."""
    with order_shop(3) as shop:
        connection = program.make("/connections", rest_connection(shop.url))["_id"]
        export = program.make("/exports", orders_export(connection))["_id"]
        target = program.make("/imports", customers_import(connection))["_id"]
        steps = {"_exportId": export, "_importId": target}
        flow = program.make("/flows", {"name": "f", "disabled": False, **steps})["_id"]
        job = program.good("POST", f"/flows/{flow}/run").json()["_jobId"]
        yield {"connections": connection, "exports": export, "imports": target, "flows": flow, "jobs": job}


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_the_document_is_kept(program, furnished, tmp_path, part):
    known = "".join(FOUND.format(kind=kind, id=id) for kind, id in furnished.items())
    known += SHORT.format(names=", ".join(f'"query.{name}" = ["{name}"]' for name in LONG))
    (tmp_path / "schemathesis.toml").write_text(known)
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("run", f"{program.api.url}/openapi/integrator.json", *PARTS[part], *ALIKE),
            *("-H", f"Authorization: Bearer {program.token}", "--request-timeout", "60"),
            *("--checks", CHECKS, "--phases", "examples,fuzzing"),
            *("--seed", "1", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[:4000]
    # Else it would have tried the locks only.
    assert "401/403" not in done.stdout
