"""Reading ahead: the next batches are decoded while the last one is written."""

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")

#: Batches that may lie between the two threads: enough to smooth, few enough to bound memory.
DEPTH = 2
_PATIENCE = 0.2


class _End:
    """What the reading thread puts last: the exception that ended it, if any."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(items: Iterator[T], depth: int = DEPTH) -> Iterator[T]:
    """The same items, produced in a thread of their own, at most ``depth`` ahead of the consumer.

    An exception of the producer is raised here, in its place. If the consumer stops early, so does the
    producer, after the item it is at.
    """
    lane: queue.Queue[T | _End] = queue.Queue(depth)
    left = threading.Event()
    thread = threading.Thread(target=_produce, args=(items, lane, left), name="reader", daemon=True)
    thread.start()
    try:
        while not isinstance(item := lane.get(), _End):
            yield item
    finally:
        left.set()
    thread.join()
    if item.error is not None:
        raise item.error


def _produce(items: Iterator[T], lane: "queue.Queue[T | _End]", left: threading.Event) -> None:
    error: BaseException | None = None
    try:
        for item in items:
            if not _put(lane, item, left):
                return
    except BaseException as caught:  # noqa: BLE001 - it is raised again where it is waited for
        error = caught
    _put(lane, _End(error), left)


def _put(lane: "queue.Queue[T | _End]", item: T | _End, left: threading.Event) -> bool:
    while not left.is_set():
        try:
            lane.put(item, timeout=_PATIENCE)
        except queue.Full:
            continue
        return True
    return False
