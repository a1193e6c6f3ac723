"""The session in the README, pasted into a shell beside a running server: it ends with rows."""

import re
import subprocess
from pathlib import Path

import duckdb
import pytest

from support.command import PATIENCE

README = Path(__file__).parents[3] / "README.md"
DEFAULT = "http://127.0.0.1:8080"


@pytest.fixture(scope="module")
def session():
    section = README.read_text().split("\n## Build connectors by API\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert DEFAULT in block
    return block


def test_the_session_in_the_readme_works_as_pasted(towpath, session, tmp_path):
    path = f"{Path(towpath.program).parent}:{towpath.environment['PATH']}"
    with towpath.serving() as (url, _):
        done = subprocess.run(
            ["bash", "-eu"],
            input=session.replace(DEFAULT, url),
            env=towpath.environment | {"PATH": path, "no_proxy": "127.0.0.1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert '"lifecycle_status":"ACTIVE"' in done.stdout
    with duckdb.connect(str(tmp_path / "lake.duckdb"), read_only=True) as lake:
        assert lake.execute("SELECT * FROM orders ORDER BY id").fetchall() == [(1, 9.5), (2, 12.25)]
