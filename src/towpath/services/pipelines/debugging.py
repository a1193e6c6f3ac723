"""What is captured of a connection's requests while somebody debugs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.core.records import Connection, DebugLine, now
from towpath.services.context import Rooms, UseCases

#: How many lines are read at once.
MOST = 1000


@dataclass(frozen=True)
class Line:
    """A request, or its answer; its secrets are masked already."""

    what: str
    """``request`` or ``response``."""
    detail: Mapping[str, Any]


def is_watched(row: Connection) -> bool:
    """Whether anybody debugs the connection now."""
    return row.debug_until is not None and now() < row.debug_until


def note(rooms: Rooms, org: str, connection: str, step: str | None, lines: Sequence[Line]) -> None:
    """Keep the lines."""
    rows = [DebugLine(connection=connection, step=step, what=line.what, detail=line.detail) for line in lines]
    with rooms.store.begin() as work:
        work.debug_lines.append(org, rows)


class Debugging(UseCases):
    """Reading what was captured."""

    def read(self, org: str, connection: str, steps: Sequence[str] = ()) -> Sequence[DebugLine]:
        """The newest `MOST`, the oldest first; with ``steps`` only those of these exports and imports."""
        with self.rooms.store.read() as work:
            if not steps:
                return work.debug_lines.read(org, connection, limit=MOST)
            found = [work.debug_lines.read(org, connection, step=step, limit=MOST) for step in steps]
        return sorted((line for lines in found for line in lines), key=lambda line: line.id)[-MOST:]

    def clear(self, org: str, connection: str) -> None:
        with self.rooms.store.begin() as work:
            work.debug_lines.remove(org, connection)
