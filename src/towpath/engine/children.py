"""The worker's side of the nursery: starts children, kills them, hears of their ends."""

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

import orjson

from towpath.engine.channel import Channel

_MESSAGE = 4096
_STOP_TIMEOUT = 5.0


class Child:
    """A child process and the pipe to it."""

    def __init__(self, number: int, channel: Channel, nursery: "Nursery") -> None:
        self.channel = channel
        self.pid: int | None = None
        """None until the nursery has told it."""
        self.exit_code: int | None = None
        """Negative: the number of the signal that ended it. None while it lives, and if nobody knows."""
        self._number = number
        self._nursery = nursery
        self._ended = threading.Event()

    def kill(self) -> None:
        """End it at once and for sure. Idempotent."""
        if not self._ended.is_set():
            self._nursery.ask_kill(self._number, self.pid)

    def wait(self, timeout: float) -> bool:
        """Wait until it has ended; False if it has not after ``timeout`` seconds."""
        return self._ended.wait(timeout)

    def end(self, exit_code: int | None) -> None:
        self.exit_code = exit_code
        self._ended.set()


class Nursery:
    """Starts the nursery process when the first child is wanted, and again if somebody killed it."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._children: dict[int, Child] = {}
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(
        self, connectors: Sequence[str] = (), *, modules: Sequence[str] = (), spare: bool = False
    ) -> Child:
        """A new child that waits for its task. ``connectors``: names of those that it will use, and
        ``modules`` of ours, which the nursery loads once for all children. ``spare``: leave it alone if the
        worker dies.
        """
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            control = self._control or self._start()
            child = Child(next(self._numbers), Channel(ours), self)
            self._children[child._number] = child  # noqa: SLF001 - the two classes are one thing
            number = child._number  # noqa: SLF001 - as above
            request = orjson.dumps(
                {"number": number, "spare": spare, "connectors": connectors, "modules": modules}
            )
            try:
                socket.send_fds(control, [request], [theirs.fileno()])
            except OSError:  # it was killed: the child ends before it began, and is tried again
                del self._children[child._number]  # noqa: SLF001 - as above
                child.end(None)
        return child

    def warm_up(self) -> None:
        """Start the nursery now, so that the first child need not wait for it."""
        with self._lock:
            if self._control is None:
                self._start()

    def ask_kill(self, number: int, pid: int | None) -> None:
        """Have the nursery, as the parent that cannot mistake one process for another, kill a child."""
        with self._lock:
            try:
                if self._control is None:
                    raise BrokenPipeError
                self._control.send(orjson.dumps({"kill": number}))
            except OSError:
                if pid is not None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """Kill all children and the nursery; returns when they are gone. Nobody serves a child any more."""
        children = list(self._children.values())
        for child in children:
            child.kill()
        for child in children:
            child.wait(_STOP_TIMEOUT)
            child.channel.close()
        with self._lock:
            control, process, self._control, self._process = self._control, self._process, None, None
        if control is not None and process is not None:
            control.shutdown(socket.SHUT_RDWR)
            try:
                process.wait(_STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "towpath.engine.nursery", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # Ctrl-C is for the worker: it ends its children in good order.
                start_new_session=True,
                env=None if self._environment is None else dict(self._environment),
            )
        self._control, self._process = ours, process
        listener = threading.Thread(target=self._listen, args=(ours, process), name="nursery", daemon=True)
        listener.start()
        return ours

    def _listen(self, control: socket.socket, process: subprocess.Popen[bytes]) -> None:
        with control:
            while data := self._hear(control):
                self._note(orjson.loads(data))
        process.wait()
        with self._lock:
            if self._control is control:
                self._control = None
            orphans, self._children = self._children, {}
        for child in orphans.values():
            if child.pid is not None and process.returncode != 0:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
            child.end(None)

    @staticmethod
    def _hear(control: socket.socket) -> bytes:
        try:
            return control.recv(_MESSAGE)
        except OSError:
            return b""

    def _note(self, message: Mapping[str, int]) -> None:
        child = self._children.get(message["number"])
        if child is None:
            return
        if "pid" in message:
            child.pid = message["pid"]
        else:
            self._children.pop(message["number"], None)
            child.end(message["status"])
