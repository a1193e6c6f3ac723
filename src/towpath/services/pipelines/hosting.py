"""What steps are lent that run for a request, outside of any run."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from towpath.core.errors import DataError
from towpath.core.ids import of_object_id
from towpath.core.records import DebugLine
from towpath.core.repositories import UnitOfWork
from towpath.engine.plain import plain, redacted, secrets_of
from towpath.engine.records import End
from towpath.services.context import Rooms
from towpath.services.people import once
from towpath.services.pipelines.ends import DOCUMENT

#: How long a request may take, in seconds.
PATIENCE = 120.0


class RequestHost:
    """A host (`towpath.engine.records.Host`) for one request; made by `hosting`."""

    def __init__(self, rooms: Rooms, org: str, ends: Mapping[str, End], home: Path) -> None:
        self._rooms, self._org, self._home = rooms, org, home
        self._deadline = time.monotonic() + PATIENCE
        self._secrets = frozenset().union(*(secrets_of(end.config) for end in ends.values()))
        self._lines: list[DebugLine] = []
        self._lock = threading.Lock()
        self.warnings: list[str] = []
        """What was told, once each, in order."""

    @property
    def places(self) -> Path:
        return self._rooms.places

    def note(self, end: str, step: str, what: str, detail: Mapping[str, Any]) -> None:
        shown = redacted(plain(detail), self._secrets)
        with self._lock:
            self._lines.append(DebugLine(connection=end, step=step or None, what=what, detail=shown))

    def token(self, step: str) -> AbstractContextManager[str]:
        with self._rooms.store.read() as work:
            scope = token_scope(work, self._org, step)
        return once.lent(self._rooms, self._org, scope)

    def folder(self, step: str) -> Path:
        made = self._home / (step or "step")
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
        return made

    def cached(self, cache: str, key: str) -> Any | None:
        """The value of the key in a lookup cache; None if there is none."""
        with self._rooms.store.read() as work:
            found = work.values.get(self._org, cache, key)
        return None if found is None else found.value

    def check_wanted(self) -> None:
        if time.monotonic() > self._deadline:
            raise DataError(
                "request.too_long",
                f"The request was not done within {PATIENCE:g} seconds.",
                hint="Ask for less at once: page by page, or in a flow.",
            )

    def warn(self, step: str, message: str) -> None:
        with self._lock:
            if message not in self.warnings:
                self.warnings.append(message)

    def keep_lines(self) -> None:
        """Store what was captured."""
        lines, self._lines = self._lines, []
        if lines:
            with self._rooms.store.begin() as work:
                work.debug_lines.append(self._org, lines)


def token_scope(work: UnitOfWork, org: str, step: str) -> str:
    """What a function that is called for this export or import may do: of an app's what is the app's own."""
    rows: Any = work.imports if step.startswith("imp_") else work.exports
    row = rows.find(org, id=step) if step else None
    digits = str(row.metadata.get(DOCUMENT, {}).get("_connectorId") or "") if row else ""
    try:
        return once.app_scope(of_object_id("itm", digits))
    except ValueError:
        return once.INVOKE


@contextmanager
def hosting(rooms: Rooms, org: str, ends: Mapping[str, End]) -> Iterator[RequestHost]:
    """A host for the block; what it captured is stored at the end, whatever happens."""
    with TemporaryDirectory(prefix="towpath-") as home:
        host = RequestHost(rooms, org, ends, Path(home))
        try:
            yield host
        finally:
            host.keep_lines()
