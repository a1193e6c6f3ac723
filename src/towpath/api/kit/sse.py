"""Server-sent events: answers that go on as long as there is something to tell."""

from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

#: Seconds after which somebody who has too many may ask again.
_RETRY_AFTER = "5"


class Seats:
    """How many such answers each caller may have at once, in this process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, who: str) -> Iterator[None]:
        """One seat, until the end of the block. Raises 429."""
        if self._taken[who] >= self._most:
            raise HTTPException(
                429, f"No more than {self._most} live streams at once.", {"Retry-After": _RETRY_AFTER}
            )
        self._taken[who] += 1
        try:
            yield
        finally:
            self._taken[who] -= 1
            self._taken += Counter()  # forgets those who have none


class EventStream(StreamingResponse):
    """Sends events until there are no more, or the client goes away."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None], seats: Seats, who: str) -> None:
        # Neither caches nor proxies may keep anything back.
        super().__init__(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._events, self._seats, self._who = events, seats, who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._seats.taken(self._who):
                self._scope = scope
                await super().__call__(scope, receive, send)
        finally:
            await self._events.aclose()

    async def stream_response(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if self._scope["method"] != "HEAD":  # known by now, and no reason to wait for anything
            async for event in self._events:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
