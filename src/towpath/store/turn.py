"""Whose turn it is to write."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from towpath.core.errors import BusyError, InternalError
from towpath.store.engine import LOCK_TIMEOUT


class Turn:
    """The writers of one process queue here for SQLite's one write lock: it would make them sleep and poll,
    and may starve one. It also catches a unit of work inside another on the same thread, which would wait
    for itself.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: int | None = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        me = threading.get_ident()
        if self._holder == me:
            raise InternalError(
                "store.nested_unit",
                "A writing unit of work was opened inside another.",
                hint="Please report this.",
            )
        if not self._lock.acquire(timeout=LOCK_TIMEOUT):
            raise BusyError(
                "store.busy", "Another thread has been writing to the store for too long.", hint="Try again."
            )
        self._holder = me
        try:
            yield
        finally:
            self._holder = None
            self._lock.release()
