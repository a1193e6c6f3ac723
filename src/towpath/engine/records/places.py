"""Places of a connection: how many requests may use it at once, over all processes of the machine.

Each place is a lock file. The kernel frees it when the process that holds it dies, however it dies.
"""

import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: Seconds between two looks for a place that another process frees; one of ours tells.
_LOOK_EVERY = 0.01

_lock = threading.Lock()
_freed: dict[str, threading.Condition] = {}


@contextmanager
def place(folder: Path, lane: str, level: int, check: Callable[[], None]) -> Iterator[None]:
    """Hold one of ``level`` places of the lane. ``check`` is called again and again while it waits; what it
    raises ends the wait.
    """
    lane_folder = folder / _name(lane)
    lane_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    freed = _condition(str(lane_folder))
    held = _take(lane_folder, level)
    while held is None:
        check()
        with freed:
            held = _take(lane_folder, level)
            if held is None:
                freed.wait(_LOOK_EVERY)
    try:
        yield
    finally:
        os.close(held)
        with freed:
            freed.notify()


def _take(folder: Path, level: int) -> int | None:
    """The open lock file of a free place; None if there is none."""
    for number in range(max(1, level)):
        file = os.open(folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
        else:
            return file
    return None


def _condition(lane: str) -> threading.Condition:
    with _lock:
        return _freed.setdefault(lane, threading.Condition())


def _name(lane: str) -> str:
    return lane if _PLAIN.fullmatch(lane) else hashlib.sha256(lane.encode()).hexdigest()[:32]
