"""The store as the engine uses it: it waits for a store that is away instead of failing runs."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from towpath.core.errors import BusyError, TowpathError, UnreachableError
from towpath.core.repositories import Store, UnitOfWork

T = TypeVar("T")

_FIRST_WAIT = 0.1
_LONGEST_WAIT = 2.0


class StoppedError(Exception):
    """The engine stops: leave everything as it is, to be resumed. Not an error of any run."""


class Books:
    """Units of work as functions, repeated until the database has done them or the engine stops.

    That is safe because all writes of the repositories may be repeated.
    """

    def __init__(self, store: Store, stopping: threading.Event) -> None:
        self._store = store
        self._stopping = stopping

    def write(self, change: Callable[[UnitOfWork], T]) -> T:
        """What ``change`` returns, its writes committed."""
        return self._patiently(self._store.begin, change)

    def read(self, look: Callable[[UnitOfWork], T]) -> T:
        return self._patiently(self._store.read, look)

    def _patiently(
        self, begin: Callable[[], AbstractContextManager[UnitOfWork]], do: Callable[[UnitOfWork], T]
    ) -> T:
        wait = _FIRST_WAIT
        while True:
            try:
                with begin() as work:
                    return do(work)
            except (UnreachableError, BusyError) as error:
                if not _passes_by_itself(error):
                    raise
            if self._stopping.wait(wait):
                raise StoppedError
            wait = min(_LONGEST_WAIT, wait * 2)


def _passes_by_itself(error: TowpathError) -> bool:
    return error.code != "flow.busy"
