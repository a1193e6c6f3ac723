"""Watching a run while it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass

from towpath.core.records import Counters, Key, LogLine, Run, RunStream, now
from towpath.services.context import UseCases
from towpath.services.jobs.tasks import SHOWN

#: Log lines that are read at once.
LINES = 500


@dataclass(frozen=True)
class Look:
    """A run at one moment."""

    run: Run
    streams: Sequence[RunStream]
    newest: int
    """`LogLine.seq` of the last line that is shown; 0 while there is none."""

    @property
    def counters(self) -> Counters:
        return sum((stream.counters for stream in self.streams), Counters())


class Watching(UseCases):
    """Small questions that are asked again and again."""

    def look(self, org: str, run: str) -> Look | None:
        """How the run is now; None if it was deleted. Of a final run all lines are there."""
        with self.rooms.store.read() as work:
            row = work.runs.find(org, id=run)
            if row is None:
                return None
            last = work.log.read(org, run, limit=1, tail=True, minimum=SHOWN)
            return Look(row, work.streams.list(org, run), last[0].seq if last else 0)

    def lines(self, org: str, run: str, after: int) -> Sequence[LogLine]:
        """The next lines after the one with this ``seq``."""
        with self.rooms.store.read() as work:
            return work.log.read(org, run, after=after, limit=LINES, minimum=SHOWN)

    def admits(self, session: Key) -> bool:
        """Whether the session still opens anything."""
        with self.rooms.store.read() as work:
            key = work.keys.find(session.org, id=session.id)
            user = work.users.find(session.org, id=session.user)
        return key is not None and key.opens(now()) and user is not None and not user.disabled
