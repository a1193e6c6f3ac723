"""Reading a generator ahead, in a thread of its own."""

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from towpath.core.model import State
from towpath.engine.records.exporting import ExportStep
from towpath.engine.records.shapes import ReadPage

_AHEAD = 1
_LOOK_EVERY = 0.2
_PATIENCE = 2.0


class Reader:
    """The pages of one generator, one of them read ahead. `close` it."""

    def __init__(
        self,
        step: str,
        open_step: Callable[[], AbstractContextManager[ExportStep]],
        after: State | None,
        given: Sequence[Any] | None,
    ) -> None:
        self.step = step
        self._open = open_step
        self._after = after
        self._given = given
        self._read: queue.Queue[ReadPage | BaseException] = queue.Queue(_AHEAD)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"read {step}", daemon=True)
        self._thread.start()

    def next(self, timeout: float | None = None) -> ReadPage | None:
        """The next page; None if there is none within ``timeout`` seconds (None: wait for ever). The last one
        has no `after`. Raises what the reading raised.
        """
        try:
            found = self._read.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(found, BaseException):
            raise found
        return found

    def close(self) -> None:
        """Read no more. Whatever the thread still waits for ends with the process."""
        self._closed.set()
        self._thread.join(_PATIENCE)

    def _work(self) -> None:
        try:
            with self._open() as step:
                for page in step.pages(after=self._after, given=self._given):
                    if not self._hand_over(page):
                        return
        except BaseException as error:  # noqa: BLE001 - it is raised again by whoever takes the pages
            self._hand_over(error)

    def _hand_over(self, found: ReadPage | BaseException) -> bool:
        while not self._closed.is_set():
            try:
                self._read.put(found, timeout=_LOOK_EVERY)
            except queue.Full:
                continue
            return True
        return False
