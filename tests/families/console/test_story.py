"""The session in the README, pasted into a shell beside a running server: it ends with rows."""

import re
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from support.command import PATIENCE

README = Path(__file__).parents[3] / "README.md"
DEFAULT = "http://127.0.0.1:8080"


@pytest.fixture(scope="module")
def session():
    section = README.read_text().split("\n## Speak to a console\n")[1].split("\n## ")[0]
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
    assert "event: status" in done.stdout
    assert '"status":"Completed"' in done.stdout
    files = [path for path in (tmp_path / "lake").rglob("*.parquet") if path.parent.name == "orders"]
    assert [row for path in files for row in pq.read_table(path).to_pylist()] == [
        {"id": 1, "amount": 9.5},
        {"id": 2, "amount": 12.25},
    ]
