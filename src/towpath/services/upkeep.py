"""What a worker does beside its runs for the people and programs around: send events, forget what is over."""

import logging
import threading
import time
import traceback
from datetime import timedelta

from towpath.core.errors import TowpathError
from towpath.core.records import now
from towpath.services.context import Rooms
from towpath.services.events import deliver
from towpath.services.pipelines.reviving import Reviving

_EVERY = 2.0
_FORGET_EVERY = 600.0
#: Sign-ins are kept for a while after they ended: who opens an old link is told so.
_KEEP_SIGN_INS = timedelta(days=1)
#: How long an ``Idempotency-Key`` is remembered.
_KEEP_REQUESTS = timedelta(hours=24)
#: How long what was captured of a connection's requests is kept.
_KEEP_DEBUG_LINES = timedelta(hours=24)
_STOP_TIMEOUT = 30.0

_log = logging.getLogger(__name__)


class Upkeep:
    """A thread. All workers may have one: each event is sent by one of them."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
        self._forgotten_at = 0.0
        self._reviving = Reviving(rooms)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what it was sending is sent, or sent again by another one."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT)

    def tick(self) -> None:
        """One round."""
        deliver(self._rooms)
        if time.monotonic() - self._forgotten_at >= _FORGET_EVERY:
            self._forgotten_at = time.monotonic()
            with self._rooms.store.begin() as work:
                work.authorizations.sweep(now() - _KEEP_SIGN_INS)
                work.requests.sweep(now() - _KEEP_REQUESTS)
                work.keys.sweep(now())
                work.debug_lines.sweep(now() - _KEEP_DEBUG_LINES)
            self._reviving.round(now())

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY):
            try:
                self.tick()
            except TowpathError as error:
                _log.warning("Upkeep waits: %s", error.message)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next round may do better
                where = "".join(traceback.format_tb(error.__traceback__))
                _log.error("Upkeep failed: %s\n%s", type(error).__name__, where)
