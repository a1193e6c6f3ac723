"""The run log as the worker writes it: lines are gathered and stored in batches."""

import threading
from collections import defaultdict
from typing import Any

from towpath.core.errors import TowpathError
from towpath.core.records import Level, LogLine
from towpath.engine.books import Books

#: Lines kept while the store is away; what comes after that is dropped.
_MOST_LINES = 10_000


class Diary:
    """Takes lines from any thread."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._lines: dict[tuple[str, str], list[LogLine]] = defaultdict(list)

    def note(
        self,
        org: str,
        run: str,
        message: str,
        event: str,
        *,
        level: Level = Level.INFO,
        stream: str | None = None,
        slice: str | None = None,
        **fields: Any,
    ) -> None:
        """Add a line; it is stored at the next `flush`."""
        line = LogLine(level=level, message=message, event=event, stream=stream, slice=slice, fields=fields)
        with self._lock:
            lines = self._lines[org, run]
            if len(lines) < _MOST_LINES:
                lines.append(line)

    def flush(self) -> None:
        """Store what was gathered. Lines of a run that was deleted meanwhile go with it."""
        with self._writing:  # or two flushes could store a run's lines out of order
            with self._lock:
                lines, self._lines = self._lines, defaultdict(list)
            for (org, run), batch in lines.items():
                self._store(org, run, batch)

    def _store(self, org: str, run: str, batch: list[LogLine]) -> None:
        try:
            self._books.write(lambda work: work.log.append(org, run, batch))
        except TowpathError:
            return
