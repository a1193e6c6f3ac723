"""The child's side of the conversation with its worker."""

import hashlib
import logging
import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from towpath.core.errors import ConflictError, InternalError, TowpathError
from towpath.core.model import Rejected, State
from towpath.core.records import Counters, Level
from towpath.engine.channel import Channel, Message
from towpath.engine.plain import plain, redacted

#: Exit code of a child whose worker went away.
ABANDONED = 71
_PROGRESS_EVERY = 0.5


class Talk:
    """Tells the worker what happens, and implements `towpath.engine.move.Report` by it.

    A thread of its own listens to the worker: when the worker is gone, the process ends at once, wherever
    it is. Redo and idempotence make that safe; nothing else does.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._answers: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._asking = threading.Lock()
        self._seen: Counter[str] = Counter()
        self._told = 0.0
        self.secrets: frozenset[str] = frozenset()
        """Values that no log line and no error may hold. # Invariant 8"""
        self.keyed_by_slice = True
        """Whether the slices are the same in every attempt, so that they can tell twin records apart."""
        self.outlive = threading.Event()
        """Set: do not end with the worker."""
        self.orphaned = threading.Event()
        self.released = threading.Event()
        """Set by the worker when what is kept open is needed no longer."""
        threading.Thread(target=self._listen, name="worker", daemon=True).start()

    # ── Report ───────────────────────────────────────────────────────────────────────────────────

    def progress(self, counters: Counters) -> None:
        if time.monotonic() - self._told >= _PROGRESS_EVERY:
            self._told = time.monotonic()
            self.send("progress", counters=asdict(counters))

    def rejected(self, slice: str, records: Sequence[Rejected]) -> None:
        items = [self._rejected(slice if self.keyed_by_slice else "", one) for one in records]
        self.ask("rejected", records=items)

    def committing(self) -> None:
        self.ask("committing")

    def saved(self, state: State | None, counters: Counters) -> None:
        self.ask("saved", state=None if state is None else dict(state), counters=asdict(counters))

    # ── other messages ───────────────────────────────────────────────────────────────────────────

    def log(self, level: Level, message: str, event: str = "", **fields: Any) -> None:
        line = {"level": str(level), "message": message, "event": event, "fields": plain(fields)}
        self.send("log", **redacted(line, self.secrets))

    def result(self, value: Mapping[str, Any]) -> None:
        self.send("result", value=value)

    def error(self, error: TowpathError) -> None:
        self.send("error", error=redacted(error.to_json(), self.secrets))

    def send(self, kind: str, **message: Any) -> None:
        try:
            self._channel.send({"kind": kind, **message})
        except OSError:
            self._hang_up()

    def ask(self, kind: str, **message: Any) -> Any:
        """Tell something and wait until the worker has made it durable, or ask it something: its answer. Any
        thread may ask.
        """
        with self._asking:
            self.send(kind, **message)
            answer = self._answers.get()
        if answer["error"] is not None:
            raise TowpathError.from_json(answer["error"])
        return answer.get("value")

    def _rejected(self, scope: str, one: Rejected) -> dict[str, Any]:
        record = plain(one.record)
        digest = hashlib.sha256(f"{scope}\0{one.code}\0{record!r}".encode()).hexdigest()[:32]
        self._seen[digest] += 1
        key = f"{digest}.{self._seen[digest]}"
        return {"key": key, "code": one.code, "message": one.message, "record": record}

    def _listen(self) -> None:
        try:
            while True:
                message = self._channel.receive()
                if message is None:
                    continue
                if message["kind"] == "release":
                    self.released.set()
                else:
                    self._answers.put(message)
        except EOFError:
            self._hang_up()

    def _hang_up(self) -> None:
        if not self.outlive.is_set():
            os._exit(ABANDONED)
        self.orphaned.set()


class LogToWorker(logging.Handler):
    """Brings what connectors log to the run's log."""

    def __init__(self, talk: Talk) -> None:
        super().__init__(logging.INFO)
        self._talk = talk

    def emit(self, record: logging.LogRecord) -> None:
        level = {logging.INFO: Level.INFO, logging.WARNING: Level.WARNING}.get(record.levelno, Level.ERROR)
        self._talk.log(level, record.getMessage(), "connector.log", logger=record.name)


def superseded() -> ConflictError:
    """What a child hears whose work another worker has taken over."""
    return ConflictError(
        "attempt.superseded",
        "Another worker has taken this work over.",
        hint="Nothing to do: this worker was slow to answer, and the other one goes on.",
    )


def crashed(error: BaseException) -> InternalError:
    """The error for an exception that is none of ours: a defect of a connector or of the engine."""
    return InternalError(
        "task.crashed",
        f"{type(error).__name__}: {str(error).rstrip('.')}.",
        hint="This is a defect of a connector or of Towpath. The worker's own log has the traceback.",
    )
