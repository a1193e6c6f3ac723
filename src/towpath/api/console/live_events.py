"""The events of a stream about a task: ``status``, ``log`` and ``progress``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi.sse import format_sse_event
from starlette.exceptions import HTTPException

from towpath.api.console.logs import line_of
from towpath.api.console.tasks import counted, view
from towpath.core.records import LogLine, RunStream, StreamStatus
from towpath.services.jobs.tasks import Task
from towpath.services.jobs.watching import Look

#: Milliseconds after which a client that lost its stream asks for it again.
RETRY = 2000

#: How it begins, and what says that it goes on.
OPENING = format_sse_event(retry=RETRY)
BEAT = format_sse_event(comment="still here")

_ID = re.compile(r"(?:(run_[0-9A-Z]{26})\.)?([0-9]{1,15})(\.end)?")


@dataclass(frozen=True)
class Seen:
    """What a client says that it has, by the id of the last event."""

    run: str | None = None
    """None: it knows a place in the log only."""
    seq: int = 0
    ended: bool = False

    @classmethod
    def parse(cls, id: str | None) -> "Seen":
        """Raises 400 for what we never sent."""
        if not id:
            return cls()
        match = _ID.fullmatch(id)
        if match is None:
            raise HTTPException(400, "last_event_id: This is not the id of an event.")
        return cls(match[1], int(match[2]), bool(match[3]))

    def __str__(self) -> str:
        return f"{self.run}.{self.seq}{'.end' if self.ended else ''}"


def log(run: str, line: LogLine) -> bytes:
    """A line of the log. Its id is where to go on: no other event but the last has one."""
    data = {"seq": line.seq, **line_of(line).model_dump()}
    return _event("log", data, Seen(run, line.seq))


def progress(look: Look) -> Mapping[str, Any]:
    """How far the streams are, and all of them together; ``expected`` is None where nobody can know."""
    streams = [_stream(stream) for stream in look.streams]
    expected = [stream["expected"] for stream in streams]
    return {
        **counted(look.counters),
        "rows_per_second": round(sum(stream["rows_per_second"] for stream in streams), 1),
        "expected": sum(expected) if expected and None not in expected else None,
        "streams": streams,
    }


def progressed(data: Mapping[str, Any]) -> bytes:
    return _event("progress", data)


def status(task: Task, seen: Seen | None = None) -> bytes:
    """The task as its job's history has it. With ``seen`` it is the last event."""
    return _event("status", view(task).model_dump(), seen)


def _stream(stream: RunStream) -> dict[str, Any]:
    running = stream.status is StreamStatus.RUNNING
    return {
        "stream": stream.stream,
        "status": "completed" if stream.status is StreamStatus.COMMITTED else str(stream.status),
        **counted(stream.counters),
        "rows_per_second": stream.rows_per_second if running else 0.0,
        "expected": stream.rows_expected,
    }


def _event(name: str, data: Mapping[str, Any], seen: Seen | None = None) -> bytes:
    return format_sse_event(
        event=name, data_str=orjson.dumps(data).decode(), id=None if seen is None else str(seen)
    )
