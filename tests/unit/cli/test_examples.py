"""The examples that users copy can be applied as they are."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples" / "flows").glob("*.yaml"))
VARIABLES = {
    "PGPASSWORD": "x",
    "PG_PASSWORD": "x",
    "LAKE_ACCESS_KEY": "x",
    "LAKE_SECRET_KEY": "x",
    "CRM_SIGNING_SECRET": "whsec_" + "A" * 32,
}


def test_there_are_examples():
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_can_be_applied(towpath, tmp_path, path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "erp-password").write_text("x")
    copy = tmp_path / path.name
    copy.write_text(path.read_text())
    assert towpath.json("apply", "-f", copy, env=VARIABLES)
