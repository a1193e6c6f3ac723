"""A worker: its parts, put together, started and stopped in order."""

import threading
import time
from contextlib import suppress

from towpath.core.errors import TowpathError, UnreachableError
from towpath.core.repositories import Store
from towpath.engine import durable
from towpath.engine.board import Board
from towpath.engine.books import Books, StoppedError
from towpath.engine.children import Nursery
from towpath.engine.context import Context
from towpath.engine.diary import Diary
from towpath.engine.ends import Ended, unheard
from towpath.engine.housekeeping import Housekeeping
from towpath.engine.liveness import new_worker
from towpath.engine.settings import EngineSettings, Resolve

_STOP_TIMEOUT = 10.0


class Machine:
    """One worker process."""

    def __init__(
        self, store: Store, resolve: Resolve, settings: EngineSettings, ended: Ended = unheard
    ) -> None:
        self._worker = new_worker()
        self._stopping = threading.Event()
        books = Books(store, self._stopping)
        self._context = Context(
            worker=self._worker.id,
            books=books,
            resolve=resolve,
            settings=settings,
            nursery=Nursery(settings.environment),
            stopping=self._stopping,
            diary=Diary(books),
            board=Board(books),
            slots=threading.BoundedSemaphore(settings.slots),
            ended=ended,
        )
        self._housekeeping = Housekeeping(self._context, self._worker)

    def start(self) -> None:
        # The first beat goes before the first work: a worker that works is known to live.
        self._housekeeping.beat()
        self._context.nursery.warm_up()
        try:
            durable.launch(self._context)
        except Exception as error:
            self.stop()
            raise UnreachableError(
                "engine.unavailable",
                f"The database of the execution engine cannot be opened ({type(error).__name__}).",
                hint="See whether the database answers, and whether its user may create tables there.",
            ) from error
        self._housekeeping.start()

    def wake(self) -> None:
        self._housekeeping.wake()

    def stop(self) -> None:
        self._stopping.set()
        self._wait_for_attempts()
        self._housekeeping.stop()
        self._context.nursery.stop()
        with suppress(StoppedError, TowpathError):
            self._context.diary.flush()
            self._housekeeping.leave()
        durable.shut_down()

    def _wait_for_attempts(self) -> None:
        """The threads that watch over children see the flag, kill them, and write that down."""
        until = time.monotonic() + _STOP_TIMEOUT
        while self._context.attempts and time.monotonic() < until:
            time.sleep(0.05)
