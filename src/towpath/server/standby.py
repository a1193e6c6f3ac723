"""Of several servers in one embedded home one works; the others answer, and one of them takes over."""

import logging
import threading
from types import TracebackType
from typing import Self

from towpath.bootstrap.container import Container
from towpath.core.errors import TowpathError

#: Seconds between two looks at whether the home has lost its worker.
EVERY = 5.0

_log = logging.getLogger("towpath.server")


class StandBy:
    """Work if nobody in this home does, or as soon as that one is gone. Raises what `try_work` does,
    if that is at the beginning.
    """

    def __init__(self, container: Container) -> None:
        self._container = container
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if not self._container.try_work():
            # Its lock is another's, but its answers need the key too.
            self._container.open()
            _log.info("Another process works in this home: this one answers, and waits to take over.")
            self._thread = threading.Thread(target=self._wait, name="standby")
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _wait(self) -> None:
        while not self._stopping.wait(EVERY):
            try:
                if self._container.try_work():
                    _log.info("This process works in this home from now on.")
                    return
            except TowpathError as error:
                _log.error("This process cannot work in this home: %s", error)
