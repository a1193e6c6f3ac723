"""Progress of streams while their slices are under way."""

import threading
import time
from dataclasses import dataclass, field

from towpath.core.errors import NotFoundError
from towpath.core.records import Counters, StreamStatus
from towpath.core.repositories import UnitOfWork
from towpath.engine.books import Books

_SMOOTHING = 0.4


@dataclass
class _Progress:
    """What this worker knows of one stream of one run."""

    moving: dict[str, Counters] = field(default_factory=dict)
    """Task → what its present attempt has moved."""
    changed: bool = False
    read: int = 0
    at: float = field(default_factory=time.monotonic)
    rate: float = 0.0

    def measure(self, read: int) -> float:
        """Rows per second of late."""
        now = time.monotonic()
        if now > self.at and read > self.read:
            rate = (read - self.read) / (now - self.at)
            self.rate = rate if not self.rate else self.rate + _SMOOTHING * (rate - self.rate)
            self.read, self.at = read, now
        return self.rate


class Board:
    """Takes counters from any thread and stores sums, as often as it is flushed.

    While slices of a stream are under way on several workers, each adds only its own to what is done, and
    the furthest sum is kept. The exact one is stored with the commit.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._lock = threading.Lock()
        self._streams: dict[tuple[str, str, str], _Progress] = {}

    def tell(self, org: str, run: str, stream: str, task: str, counters: Counters) -> None:
        """What the present attempt of a task has moved so far."""
        with self._lock:
            progress = self._streams.setdefault((org, run, stream), _Progress())
            progress.moving[task] = counters
            progress.changed = True

    def drop(self, org: str, run: str, stream: str, task: str) -> None:
        """The attempt has ended, one way or the other."""
        with self._lock:
            progress = self._streams.get((org, run, stream))
            if progress is not None:
                progress.moving.pop(task, None)
                if not progress.moving:
                    del self._streams[org, run, stream]

    def flush(self) -> None:
        """Store what has changed."""
        with self._lock:
            changed = [(key, progress) for key, progress in self._streams.items() if progress.changed]
            for _, progress in changed:
                progress.changed = False
        for (org, run, stream), progress in changed:
            self._store(org, run, stream, progress)

    def _store(self, org: str, run: str, stream: str, progress: _Progress) -> None:
        def change(work: UnitOfWork) -> None:
            known = work.streams.get(org, run, stream)
            if known.status is not StreamStatus.RUNNING:
                return
            counters = done_counters(work, org, run, stream, ordered=known.ordered)
            with self._lock:
                counters = sum(progress.moving.values(), counters)
            if counters.read > known.counters.read:
                rate = round(progress.measure(counters.read), 1)
                work.streams.update(org, run, stream, counters=counters, rows_per_second=rate)

        try:
            self._books.write(change)
        except NotFoundError:
            return


def done_counters(work: UnitOfWork, org: str, run: str, stream: str, *, ordered: bool) -> Counters:
    """The counters of the finished slices. The counters of an ordered stream are those of the whole run."""
    if ordered:
        return Counters()
    return sum((piece.counters for piece in work.streams.slices(org, run, stream)), Counters())
