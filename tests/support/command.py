"""The `towpath` command as users have it: real processes, in a home of their own."""

import atexit
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.preloaded import Preloaded

#: Longer than anything here may take on a busy machine.
PATIENCE = 120


class Towpath:
    """Calls the installed command. Nothing of the caller's own settings gets through, nor of Python's."""

    def __init__(self, home: Path, **variables: str) -> None:
        self.home = home
        own = ("TOWPATH_", "PYTHON")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        self.environment = inherited | {"TOWPATH_HOME": str(home)} | variables
        program = Path(sys.executable).with_name("towpath")
        self.program = str(program) if program.exists() else str(shutil.which("towpath"))

    def __call__(self, *words: object, code: int = 0, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run to the end; the exit code must be ``code``."""
        words = (self.program, *map(str, words))
        if "preexec_fn" in more:
            options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": PATIENCE}
            done = subprocess.run(words, env=self.environment, check=False, **(options | more))
        else:
            done = self._run(words, **more)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done

    def _run(
        self, words: Sequence[str], *, input: str = "", cwd: Path | None = None, timeout: float = PATIENCE
    ) -> subprocess.CompletedProcess[str]:
        with TemporaryFile("w+") as given, TemporaryFile("w+") as out, TemporaryFile("w+") as err:
            given.write(input)
            given.seek(0)
            streams = [file.fileno() for file in (given, out, err)]
            code = preloaded().run(words, self.environment, str(cwd or Path.cwd()), streams, timeout)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(words, code, out.read(), err.read())

    def json(self, *words: object, **more: Any) -> Any:
        return json.loads(self(*words, "--json", **more).stdout)

    @contextmanager
    def started(self, *words: object, **more: Any) -> Iterator["subprocess.Popen[str]"]:
        """A process in a group of its own; whatever is left of it at the end of the block is killed."""
        options: dict[str, Any] = {
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "stdin": subprocess.DEVNULL,
        }
        with subprocess.Popen(
            [self.program, *map(str, words)],
            env=self.environment,
            text=True,
            start_new_session=True,
            **(options | more),
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    @contextmanager
    def serving(self, *words: object) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
        """``towpath serve`` on a free port; yields its URL once it answers."""
        with self.started("serve", "--port", "0", *words) as process:
            yield wait_for_url(process), process


@cache
def preloaded() -> Preloaded:
    """One for the whole of the tests."""
    made = Preloaded()
    atexit.register(made.__exit__, None, None, None)
    return made


def wait_for_url(process: "subprocess.Popen[str]") -> str:
    """The URL that a starting server prints; fails with what it printed if it ends instead."""
    seen = []
    for line in process.stderr or ():
        seen.append(line)
        if "http://" in line:
            return "http://" + line.split("http://")[1].split()[0]
    raise AssertionError("".join(seen))


def get(url: str) -> tuple[int, str]:
    """Status and body of what a server answers, whatever the status."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def towpath(tmp_path: Path) -> Towpath:
    return Towpath(tmp_path / "home")


def document(kind: str, name: str, **spec: Any) -> str:
    """One document as text; JSON is YAML."""
    content = {"apiVersion": "towpath/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    return "---\n" + json.dumps(content) + "\n"


def connection(name: str, connector: str, **config: Any) -> str:
    return document("Connection", name, connector=connector, config=config)


def flow(name: str, source: str, destination: str, **spec: Any) -> str:
    ends = {"source": {"connection": source}, "destination": {"connection": destination}}
    return document("Flow", name, **ends, **spec)
