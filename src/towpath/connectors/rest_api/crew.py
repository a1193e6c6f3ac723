"""Several threads that do one kind of work, each the next piece, until all is done."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

_MOST = 64


class Crew:
    """Threads that are made when they are needed; close it."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def close(self) -> None:
        """Wait for the threads to end."""
        if self._pool:
            self._pool.shutdown()

    def run(self, work: Callable[[int], None], count: int, level: int) -> None:
        """Do ``work`` for each number below ``count``, at most ``level`` at once. After an error none begins
        anew, and the first one is raised.
        """
        hands = min(level, count, _MOST)
        if hands <= 1:
            for number in range(count):
                work(number)
            return
        rest, lock, failed = iter(range(count)), Lock(), Event()

        def drain() -> None:
            while not failed.is_set():
                with lock:
                    number = next(rest, None)
                if number is None:
                    return
                try:
                    work(number)
                except BaseException:
                    failed.set()
                    raise

        if self._pool is None:
            self._pool = ThreadPoolExecutor(_MOST, thread_name_prefix="towpath-rest")
        futures = [self._pool.submit(drain) for _ in range(hands)]
        errors = [error for future in futures if (error := future.exception())]
        if errors:
            raise errors[0]
