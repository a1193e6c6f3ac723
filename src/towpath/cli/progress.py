"""What a run looks like while it goes on: bars on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, Self

from towpath.cli import output

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from towpath.core.records import LogLine, RunStream
    from towpath.services.runs import RunDetail

#: Seconds between two lines where nobody watches a terminal.
LINE_INTERVAL = 10.0


class Watcher(Protocol):
    """Shows the present state of a run; leaves the screen tidy when it is closed."""

    def show(self, detail: "RunDetail") -> None: ...
    def log(self, line: "LogLine") -> None: ...


def watcher() -> "AbstractContextManager[Watcher]":
    """Bars if people look at stderr, else lines."""
    return Bars() if sys.stderr.isatty() else Lines()


class Lines:
    """One line for each stream that is being moved, every ten seconds; never a carriage return."""

    def __init__(
        self, say: Callable[[str], None] = output.say, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._clock = clock
        self._next = clock() + LINE_INTERVAL

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, detail: "RunDetail") -> None:
        if self._clock() < self._next:
            return
        self._next = self._clock() + LINE_INTERVAL
        running = [stream for stream in detail.streams if stream.status == "running"]
        for stream in running:
            self._say(f"{stream.stream}: {_progress(stream)}")
        if not running:
            self._say(f"{detail.flow}: {detail.run.status}")

    def log(self, line: "LogLine") -> None:
        self._say(f"{line.level}: {line.message}")


def _progress(stream: "RunStream") -> str:
    of = f" of about {stream.rows_expected:,}" if stream.rows_expected else ""
    return f"{stream.counters.read:,}{of} rows, {stream.rows_per_second:,.0f} rows/s"


def average(stream: "RunStream") -> tuple[int | None, float | None]:
    """Rows per second over the stream's whole time, and that time in seconds; None until it has ended."""
    if stream.started_at is None or stream.ended_at is None:
        return None, None
    seconds = (stream.ended_at - stream.started_at).total_seconds()
    return round(stream.counters.read / seconds) if seconds else None, seconds


class Bars:
    """A bar for each stream: rows, rows per second, bytes, time left."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._tasks: dict[str, Any] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[rows]}", justify="right"),
            TextColumn("{task.fields[speed]}", justify="right"),
            TextColumn("{task.fields[size]}", justify="right"),
            TimeRemainingColumn(compact=True),
            console=output.stderr(),
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, detail: "RunDetail") -> None:
        for stream in detail.streams:
            task = self._tasks.get(stream.stream)
            if task is None:
                task = self._progress.add_task(stream.stream, total=None, rows="", speed="", size="")
                self._tasks[stream.stream] = task
            self._progress.update(task, **_bar(stream))

    def log(self, line: "LogLine") -> None:
        self._progress.console.print(f"{line.level}: {line.message}", markup=False)


def _bar(stream: "RunStream") -> dict[str, Any]:
    from rich.filesize import decimal

    done = stream.status == "committed"
    expected = stream.counters.read if done else stream.rows_expected
    speed = (average(stream)[0] or 0) if done else stream.rows_per_second
    return {
        # An estimate may be short: a bar never goes beyond its end, and a bar of nothing is full.
        "total": None if expected is None else max(expected, stream.counters.read, 1),
        "completed": max(stream.counters.read, 1) if done else stream.counters.read,
        "rows": f"{stream.counters.read:,} rows",
        "speed": f"{speed:,.0f} rows/s",
        "size": decimal(stream.counters.bytes),
    }
