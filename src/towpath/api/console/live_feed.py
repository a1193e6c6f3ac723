"""From the store to those who listen: one look for all of them, and to each what he has not heard."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from starlette.concurrency import run_in_threadpool
from starlette.types import Scope

from towpath.api.console import live_events as events
from towpath.api.console.live_events import Seen
from towpath.api.console.members import Place
from towpath.api.kit.closing import is_closing
from towpath.api.kit.sse import Seats
from towpath.core.errors import BusyError, NotFoundError, UnreachableError
from towpath.services.context import Rooms
from towpath.services.jobs.tasks import Task, Tasks
from towpath.services.jobs.watching import Look, Watching

#: Seconds between two looks at the store.
EVERY = 0.5
#: Seconds of silence after which a comment shows that the stream goes on.
BEAT = 15.0
#: Seconds between two looks at whether the session still opens anything.
CHECK = 5.0
#: Streams of one session at once.
MOST = 20

P = ParamSpec("P")
T = TypeVar("T")


class Live:
    """What all streams of this process share."""

    def __init__(self, rooms: Rooms) -> None:
        self.watching = Watching(rooms)
        self.seats = Seats(MOST)
        self._feeds: WeakValueDictionary[tuple[str, str], Feed] = WeakValueDictionary()

    def feed(self, org: str, run: str) -> "Feed":
        """The run's feed, one for all who listen to it."""
        feed = self._feeds.get((org, run))
        if feed is None:
            feed = self._feeds[org, run] = Feed(self.watching, org, run)
        return feed


class Feed:
    """How a run is, looked up once for all who ask within `EVERY` seconds."""

    def __init__(self, watching: Watching, org: str, run: str) -> None:
        self._watching, self._org, self._run = watching, org, run
        self._lock = asyncio.Lock()
        self._looked_at = float("-inf")
        self._last: Look | None = None

    async def look(self) -> Look | None:
        """None if the run was deleted."""
        async with self._lock:
            if time.monotonic() - self._looked_at >= EVERY:
                with suppress(UnreachableError, BusyError):  # then nothing is new
                    self._last = await run_in_threadpool(self._watching.look, self._org, self._run)
                self._looked_at = time.monotonic()
            return self._last


@dataclass(frozen=True)
class Wanted:
    """What one client listens to."""

    place: Place
    flow: str
    task: Task | None
    """None: the next one of the flow."""
    after: int = 0
    """Lines up to this one he has."""
    previous: str | None = None
    """The run after which the next one comes."""


async def stream(live: Live, wanted: Wanted, scope: Scope) -> AsyncGenerator[bytes, None]:
    """The events as they come, and signs of life between them, as long as the client may hear them."""
    yield events.OPENING
    told_at = checked_at = time.monotonic()
    async for event in _news(live, wanted):
        at = time.monotonic()
        if is_closing(scope):
            return
        if at - checked_at >= CHECK:
            if not await _is_admitted(live, wanted.place):
                return
            checked_at = at
        if event is not None or at - told_at >= BEAT:
            yield event or events.BEAT
            told_at = at
        if event is None:
            await asyncio.sleep(EVERY)


async def _is_admitted(live: Live, place: Place) -> bool:
    return await _asked(live.watching.admits, place.member.session) is not False


async def _news(live: Live, wanted: Wanted) -> AsyncGenerator[bytes | None, None]:
    """The events to the end of the task, or until it is deleted; None where there is nothing for now."""
    task = wanted.task
    try:
        while task is None:
            yield None
            next = Tasks(*wanted.place.use).next
            task = await _asked(next, wanted.place.org, wanted.flow, wanted.previous)
    except NotFoundError:
        return
    async for event in _told(live, task, wanted.after):
        yield event


async def _told(live: Live, task: Task, after: int) -> AsyncGenerator[bytes | None, None]:
    run, feed = task.run, live.feed(task.run.org, task.run.id)
    state = progress = None
    while look := await feed.look():
        task = replace(task, run=look.run, counters=look.counters)
        final = look.run.status.final
        if state != (state := (look.run.status, look.run.cancel_requested)) and not final:
            yield events.status(task)
        while after < look.newest:
            lines = await _asked(live.watching.lines, run.org, run.id, after)
            if lines is None:
                yield None
            elif not lines:
                return  # deleted meanwhile
            for line in lines or ():
                after = line.seq
                yield events.log(run.id, line)
        if progress != (progress := events.progress(look)) and look.streams:
            yield events.progressed(progress)
        if final:
            yield events.status(task, Seen(run.id, after, ended=True))
            return
        yield None


async def _asked(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """The answer, or None while the store is away: whoever listens waits for it."""
    try:
        return await run_in_threadpool(question, *args, **kwargs)
    except (UnreachableError, BusyError):
        return None
