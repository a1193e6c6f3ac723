"""Lookups of many records at once: threads, each with the step opened for itself."""

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

S = TypeVar("S")

_MOST = 8


@dataclass(frozen=True)
class _Job(Generic[S]):
    number: int
    record: Any
    do: Callable[[S, Any], Any]
    answers: "queue.SimpleQueue[tuple[int, Any, BaseException | None]]"


class Crew(Generic[S]):
    """Does one thing to many records, with at most ``size`` of them under way, in threads that are started
    when they are first needed. Close it, or use it as a context manager.
    """

    def __init__(self, open_step: Callable[[], AbstractContextManager[S]], size: int) -> None:
        self._open = open_step
        self._size = max(1, min(size, _MOST))
        self._jobs: queue.SimpleQueue[_Job[S] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for _thread in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def each(self, records: Sequence[Any], do: Callable[[S, Any], Any]) -> list[Any]:
        """What ``do(step, record)`` returned for each record, in their order. The first exception is raised,
        after all have ended.
        """
        answers: queue.SimpleQueue[tuple[int, Any, BaseException | None]] = queue.SimpleQueue()
        for number, record in enumerate(records):
            self._jobs.put(_Job(number, record, do, answers))
        self._hire(min(self._size, len(records)))
        found: list[Any] = [None] * len(records)
        failed: dict[int, BaseException] = {}
        for _ in records:
            number, answer, error = answers.get()
            found[number] = answer
            if error is not None:
                failed[number] = error
        if failed:
            raise failed[min(failed)]
        return found

    def _hire(self, count: int) -> None:
        while len(self._threads) < count:
            thread = threading.Thread(target=self._work, name="lookup", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _work(self) -> None:
        job = self._jobs.get()
        if job is None:
            return
        try:
            with self._open() as step:
                while job is not None:
                    answer, error = None, None
                    try:
                        answer = job.do(step, job.record)
                    except BaseException as raised:  # noqa: BLE001 - it is raised again where it is waited for
                        error = raised
                    job.answers.put((job.number, answer, error))
                    job = self._jobs.get()
        except BaseException as raised:  # noqa: BLE001 - as above; the step could not be opened
            while job is not None:
                job.answers.put((job.number, None, raised))
                job = self._jobs.get()
