"""The process that children are forked from: ``python -m towpath.engine.nursery <fd>``.

Starting an interpreter and importing pyarrow takes over half a second; forking a process that has done so
takes milliseconds. The nursery has one thread, opens nothing and knows no secret, so that a fork of it is
clean. (`multiprocessing`'s fork server would do the same, but imports the worker's ``__main__`` again in
every child, and does not end the children of a worker that was killed.)

It serves one worker over a socket: each request carries the child's end of a pipe; each answer tells a
child's process id or its end. When the worker is gone it kills its children and ends, except for those
asked for with ``spare``: they look after themselves.
"""

import contextlib
import gc
import importlib
import os
import random
import selectors
import signal
import socket
import sys
from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import NoReturn

import orjson
import pyarrow as pa

from towpath.engine import task
from towpath.sdk.registry import GROUP

_MESSAGE = 4096


class _Nursery:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, tuple[int, int]] = {}  # pidfd → (number, process id)
        self._spared: set[int] = set()
        self._loaded: set[str] = set()

    def serve(self) -> None:
        """Fork on request until the worker is gone."""
        self._selector.register(self._control, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is not self._control:
                    self._reap(key.fd)
                elif not self._obey():
                    self._end_all()
                    return

    def _obey(self) -> bool:
        data, fds, _, _ = socket.recv_fds(self._control, _MESSAGE, 1)
        if not data:
            return False
        request = orjson.loads(data)
        if "kill" in request:
            self._kill(request["kill"])
        else:
            self._load(request["connectors"], request["modules"])
            self._fork(request["number"], spare=request["spare"], end=fds[0])
        return True

    def _load(self, connectors: Iterable[str], modules: Iterable[str]) -> None:
        """Import what these connectors import in every child otherwise, and these modules of the engine. What
        cannot be imported is the child's to complain about.
        """
        for module in set(modules) - self._loaded:
            with contextlib.suppress(Exception):
                importlib.import_module(module)
        fresh = {*connectors, *modules} - self._loaded
        for point in entry_points(group=GROUP) if fresh else ():
            if point.name in fresh:
                for part in ("source", "destination", "application"):
                    with contextlib.suppress(Exception):
                        importlib.import_module(f"{point.module}.{part}")
        if fresh:
            self._loaded |= fresh
            _keep_shared()

    def _fork(self, number: int, *, spare: bool, end: int) -> None:
        pid = os.fork()
        if pid == 0:
            self._become_child(end)
        os.close(end)
        pidfd = os.pidfd_open(pid)
        self._children[pidfd] = (number, pid)
        if spare:
            self._spared.add(number)
        self._selector.register(pidfd, selectors.EVENT_READ)
        self._tell(number=number, pid=pid)

    def _become_child(self, end: int) -> NoReturn:
        with contextlib.suppress(BaseException):
            self._control.close()
            self._selector.close()
            for pidfd in self._children:
                os.close(pidfd)
            random.seed()  # or all children would draw the same numbers
            task.main(socket.socket(fileno=end))
        os._exit(task.CRASHED)

    def _reap(self, pidfd: int) -> None:
        number, pid = self._children.pop(pidfd)
        self._selector.unregister(pidfd)
        os.close(pidfd)
        self._spared.discard(number)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self._tell(number=number, status=status)

    def _kill(self, number: int) -> None:
        for pidfd, (other, _) in self._children.items():
            if other == number:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)

    def _end_all(self) -> None:
        for number, _ in self._children.values():
            if number not in self._spared:
                self._kill(number)

    def _tell(self, **message: int) -> None:
        with contextlib.suppress(OSError):  # the worker is gone: the next select says so
            self._control.send(orjson.dumps(message))


def _keep_shared() -> None:
    """Keep the memory pages that children share with the nursery shared: leave them to no collector."""
    gc.collect()
    gc.freeze()


def main() -> None:
    # Polite requests to end go to the worker, even if they are sent to all its processes: it ends its
    # children in good order.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.dup2(2, 1)  # what a library prints must not end up in the worker's own output
    pa.table({"warm": [1]})
    _keep_shared()
    _Nursery(socket.socket(fileno=int(sys.argv[1]))).serve()
    os._exit(0)  # as the children do: there is nothing to put away, and what is frozen looks like a leak


if __name__ == "__main__":
    main()
