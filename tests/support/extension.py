"""Starts extension servers: the published Node module behind HTTP, with the functions of ``tests/extension``.

``python -m support.extension`` installs the module alone, and does nothing where it is there already.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.loopback import loopback

FOLDER = Path(__file__).parents[1] / "extension"
#: So often a server that takes long says that it is still at it.
_HEARTBEAT_MILLISECONDS = 20
_INSTALL_SECONDS = 300


def install() -> str | None:
    """Install the module as its lock file says, if it is missing; why that was not possible, or None."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "Node.js is not installed"
    modules = FOLDER / "node_modules" / ".package-lock.json"
    lock = FOLDER / "package-lock.json"
    if modules.exists() and modules.stat().st_mtime >= lock.stat().st_mtime:
        return None
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    return f"npm ci failed: {done.stderr.strip()[-300:]}" if done.returncode else None


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    token: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def config(self, **more: Any) -> dict[str, Any]:
        """The settings of a stack."""
        return {"server": {"host_uri": self.url, "system_token": self.token} | more}

    def heard(self) -> list[dict[str, Any]]:
        """The requests since the last time that this was asked."""
        return self._ask("GET", "/heard")

    def fill(self, place: str, records: Any) -> None:
        """What wrappers of that place read."""
        self._ask("PUT", f"/places/{place}", records)

    def written(self, place: str) -> list[dict[str, Any]]:
        """What wrappers of that place wrote."""
        return self._ask("GET", f"/places/{place}")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)  # noqa: S310 - our own server
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own server
            return json.load(answer)


@contextmanager
def _started(environment: Mapping[str, str]) -> Iterator[Server]:
    """A server that ends with the context, and also if this process is killed: it watches its input."""
    reason = install()
    if reason:
        pytest.skip(reason)
    token = secrets.token_urlsafe(24)
    process = subprocess.Popen(
        ["node", str(FOLDER / "server.js")],
        env={**os.environ, "TOKEN": token, "HEARTBEAT": str(_HEARTBEAT_MILLISECONDS), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield Server(int(process.stdout.readline()), token)
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


@pytest.fixture(scope="session")
def extension_server() -> Iterator[Server]:
    """A server with one's own functions."""
    with _started({}) as server:
        yield server


@pytest.fixture(scope="session")
def app_server() -> Iterator[Server]:
    """A server with the functions of apps, whatever their ids are."""
    with _started({"APP": "1"}) as server:
        yield server


@pytest.fixture
def extension(extension_server: Server) -> Iterator[Server]:
    """The server with one's own functions, nothing heard yet, and leave to reach it."""
    extension_server.heard()
    with loopback():
        yield extension_server


if __name__ == "__main__":
    reason = install()
    if reason:
        print(f"{reason}: tests of extension servers will be skipped.", file=sys.stderr)
