"""The desk: one thread that decides all fetches of its process, whatever waits together.

Group commit: while one unit of work is on its way to the disk, the next fetches gather, and share the next
one. Where several shared the last one, the next waits a moment for company. A fetch that comes alone is
decided alone, at once.
"""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from towpath.core.errors import BusyError, TowpathError
from towpath.core.records import now
from towpath.services.context import Rooms
from towpath.services.lending.answers import Answer, Ask, Due, Outcome, refusal
from towpath.services.lending.deciding import IsDue, decide

#: How many fetches share a unit of work at most: it holds the store's write lock while they are decided.
BATCH = 256

#: How many may wait. More than that would only time out later.
WAITING = 4096

#: From how many fetches in the last unit on the next one lets those in who are at the door: the commit costs
#: as much for one as for many, and takes longer than this wait.
_COMPANY = 4

#: How long it looks whether more come, in seconds, and how often at most.
_PAUSE, _PAUSES = 0.0005, 4

#: How long `Desk.close` waits for the unit of work that is under way, in seconds.
_PATIENCE = 40.0

Answered = Callable[[Answer | Due], None]
"""Called on the desk's thread: it must be quick, and never raise."""

_log = logging.getLogger(__name__)


class Desk:
    """Made for one process; its thread starts with the first ask. Safe to use from any thread."""

    def __init__(self, rooms: Rooms, is_due: IsDue) -> None:
        self._rooms = rooms
        self._is_due = is_due
        self._waiting: SimpleQueue[tuple[Ask, Answered] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._guard = threading.Lock()
        self._closed = False
        self._company = False

    def ask(self, ask: Ask, answered: Answered) -> None:
        """Have it decided; ``answered`` is called once. Raises `BusyError` (``desk.full``) at once when too
        many wait, or the desk is closed.
        """
        if self._thread is None:
            self._start()
        if self._closed or self._waiting.qsize() >= WAITING:
            raise BusyError(
                "desk.full", "Too many credentials are being fetched.", hint="Try again in a few seconds."
            )
        self._waiting.put((ask, answered))

    def close(self) -> None:
        """Decide what waits, and end. Idempotent."""
        with self._guard:
            self._closed = True
            thread = self._thread
        if thread is not None:
            self._waiting.put(None)
            thread.join(_PATIENCE)

    def _start(self) -> None:
        # The vault may have to write when it is opened: not inside the unit of work of a batch.
        _ = self._rooms.vault
        with self._guard:
            if self._thread is None and not self._closed:
                # A daemon, for a process that ends without closing: what was not answered was not lent.
                self._thread = threading.Thread(target=self._work, name="desk", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        going = True
        while going:
            batch = self._gather()
            going = None not in batch
            pairs = [pair for pair in batch if pair is not None]
            self._company = len(pairs) >= _COMPANY
            if pairs:
                answers = self._decide([ask for ask, _ in pairs])
                for (_, answered), answer in zip(pairs, answers, strict=True):
                    answered(answer)

    def _gather(self) -> list[tuple[Ask, Answered] | None]:
        """Wait for one, and take along all that is there."""
        batch = [self._waiting.get()]
        if self._company:
            self._linger()
        while len(batch) < BATCH and batch[-1] is not None:
            try:
                batch.append(self._waiting.get_nowait())
            except Empty:
                break
        return batch

    def _linger(self) -> None:
        """Let those in who are at the door, as long as they keep coming."""
        size = 0
        for _ in range(_PAUSES):
            time.sleep(_PAUSE)
            size, before = self._waiting.qsize(), size
            if size == before or size >= BATCH:
                break

    def _decide(self, asks: Sequence[Ask]) -> Sequence[Answer | Due]:
        # The asks come first and the unit of work after: what was revoked before an ask came in is seen.
        try:
            with self._rooms.store.begin() as work:
                answers = decide(work, self._rooms.vault, asks, now(), self._is_due)
        except TowpathError as error:
            # No record, no credential: whatever was decided is forgotten.
            _log.error("%d credential fetches were refused: %s", len(asks), error)
            return [refusal(Outcome.UNAVAILABLE)] * len(asks)
        except Exception as error:  # noqa: BLE001 - the thread has to live on
            # The text of an unexpected error may hold a secret: only its type and place are told.
            where = "".join(traceback.format_tb(error.__traceback__))
            _log.error("%d credential fetches failed: %s\n%s", len(asks), type(error).__name__, where)
            return [refusal(Outcome.FAILED)] * len(asks)
        return answers
