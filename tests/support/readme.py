"""Sessions of the README, pasted into a shell beside a running server."""

import re
import subprocess
from pathlib import Path

from support.command import PATIENCE, Towpath

README = Path(__file__).parents[2] / "README.md"
#: Where the README has the server.
DEFAULT = "http://127.0.0.1:8080"


def session(heading: str) -> str:
    """The block of shell commands under this heading."""
    section = README.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert DEFAULT in block
    return str(block)


def pasted(towpath: Towpath, text: str, url: str, folder: Path) -> str:
    """What a shell in this folder prints that is given the text, for a server at ``url``."""
    path = f"{Path(towpath.program).parent}:{towpath.environment['PATH']}"
    done = subprocess.run(
        ["bash", "-eu"],
        input=text.replace(DEFAULT, url),
        env=towpath.environment | {"PATH": path, "no_proxy": "127.0.0.1"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
