"""One worker in an embedded home at a time."""

import fcntl
import os
from pathlib import Path
from typing import IO

from towpath.core.errors import BusyError

FILE_NAME = "home.lock"


class HomeLock:
    """Held by the process that executes runs in a home; the operating system drops it when that dies.

    Commands that only read and write the store need no lock: SQLite has its own.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / FILE_NAME
        self._file: IO[str] | None = None

    @property
    def held(self) -> bool:
        return self._file is not None

    def acquire(self) -> None:
        """Take the lock. Raises `BusyError` (``home.in_use``) if another process holds it."""
        if not self.try_acquire():
            raise BusyError(
                "home.in_use",
                f"Another towpath (process {self._holder()}) works in {self._path.parent}.",
                hint="Stop it first, or give this one its own folder with --home.",
                home=str(self._path.parent),
            )

    def try_acquire(self) -> bool:
        """Take the lock if it is free; True if this process has it now."""
        if self._file is not None:
            return True
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file
        return True

    def release(self) -> None:
        """Give the lock back. Idempotent."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _holder(self) -> str:
        return self._path.read_text().strip() or "?"
