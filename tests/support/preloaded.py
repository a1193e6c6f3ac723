"""A process that has imported Towpath, and becomes the `towpath` command again and again.

Importing is most of what a short command costs. Every call is still a process of its own, forked off, with
its own arguments, environment, folder and standard streams::

    with Preloaded() as commands:
        code = commands.run(["towpath", "flows", "list"], environment, folder, (0, 1, 2), 60)
"""

import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

#: What nearly every command imports sooner or later.
MODULES = (
    "towpath.cli.app",
    "towpath.bootstrap.container",
    "towpath.store",
    "towpath.vault",
    "towpath.engine",
    "towpath.engine.machine",
    "towpath.services.documents.apply",
    "towpath.services.flows",
    "towpath.services.runs",
    "pyarrow",
    "yaml",
)
_LONGEST = 1 << 20
_POLL = 0.01


class Preloaded:
    """The process, from here."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="towpath-")
        self._path = str(Path(self._folder.name) / "socket")
        ours, theirs = os.pipe()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TOWPATH_")}
        environment["PYTHONPATH"] = str(Path(__file__).parents[1])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.preloaded", self._path, str(theirs)],
            pass_fds=[theirs],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        os.close(theirs)
        os.read(ours, 1)  # it listens
        os.close(ours)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def run(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        folder: str,
        streams: Sequence[int],
        timeout: float,
    ) -> int:
        """The exit code of the command, negative for a signal. ``streams``: file descriptors of its standard
        input, output and error. Raises `TimeoutError`, and then it is killed.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            line.connect(self._path)
            line.settimeout(timeout)
            request = {"words": list(words), "environment": dict(environment), "folder": folder}
            line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LONGEST)
            socket.send_fds(line, [json.dumps(request).encode()], list(streams))
            pid = int(line.recv(32))
            try:
                return int(line.recv(32))
            except TimeoutError:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                raise


def _serve(path: str, ready: int) -> None:
    """Returns in a child, as the command that it is to be."""
    for module in MODULES:
        importlib.import_module(module)
    children: dict[int, socket.socket] = {}
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen()
    os.write(ready, b"!")
    os.close(ready)
    while True:
        if select.select([listener], [], [], _POLL if children else None)[0]:
            line = listener.accept()[0]
            data, streams, _, _ = socket.recv_fds(line, _LONGEST, 3)
            pid = os.fork()
            if not pid:
                for other in (listener, line, *children.values()):
                    other.close()
                _become(json.loads(data), streams)
                return
            for stream in streams:
                os.close(stream)
            line.send(str(pid).encode())
            children[pid] = line
        for pid in list(children):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                with children.pop(pid) as line, suppress(OSError):
                    line.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(request: Mapping[str, object], streams: Sequence[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[call-overload]  # it is a mapping of texts
    os.chdir(str(request["folder"]))
    sys.argv[:] = request["words"]  # type: ignore[call-overload]  # as above


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
    from towpath.cli import main

    main()
