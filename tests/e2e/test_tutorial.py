"""The tutorial works: its commands are run as they stand, from the first to the last."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.ports import free_port

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "first-flow.md"
#: A block of commands, and the comment above it: ``exit: 1`` if they fail so, ``stays`` if they do not end.
BLOCK = re.compile(r"(?:^<!-- (?P<note>.+?) -->\n)?^```sh\n(?P<commands>.*?)^```$", re.MULTILINE | re.DOTALL)
#: Waits until the server listens.
READY = "for i in $(seq 300); do (: < /dev/tcp/127.0.0.1/8080) 2> /dev/null && break; sleep 0.2; done"


def script(page: str, port: int) -> str:
    """All blocks as one shell script that ends at the first surprise."""
    lines = ["set -e", "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT"]
    for block in BLOCK.finditer(page):
        note, commands = block["note"] or "", block["commands"]
        if note.startswith("exit: "):
            code = note.removeprefix("exit: ")
            lines += [
                "code=0",
                f"{commands.strip()} || code=$?",
                f'[ "$code" = {code} ] || {{ echo "exit code $code, not {code}"; exit 99; }}',
            ]
        elif note == "stays":
            lines += [f"{commands.strip()} &", READY]
        else:
            lines += [commands]
    return "\n".join(lines).replace("8080", str(port))


@pytest.mark.slow
def test_every_command_of_the_tutorial_works(tmp_path: Path):
    port = free_port()
    bin = str(Path(sys.executable).parent)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TOWPATH_")}
    environment |= {"PATH": f"{bin}:{environment['PATH']}", "TOWPATH_PORT": str(port)}
    process = subprocess.Popen(
        ["bash", "-c", script(PAGE.read_text(), port)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=240)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 0, output
    # What the page shows is what the commands print.
    assert "cursor.null (docs/reference/errors/cursor.null.md)" in output
    assert re.search(r"orders +committed +2 +2 +0 +0", output)
    assert re.search(r"orders +5 +3 id +updated_at", output)
    assert output.count("succeeded.") == 4, output
