"""A load generator: one process of its own, raw sockets, connections that stay open.

Reads one JSON object from stdin and writes one to stdout. ``requests`` are raw HTTP requests, sent in turn;
``rate`` is how many begin per second (0: the next as soon as an answer is in). At a given rate, latency
counts from the moment at which the request was due, whether or not a connection was free to send it.
"""

import asyncio
import json
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

import uvloop


@dataclass
class Work:
    """What there is to send, and what came of it."""

    requests: list[bytes]
    total: int
    rate: float
    begun: int = 0
    ended: int = 0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    waiting: deque[float] = field(default_factory=deque)
    idle: list["Client"] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Client(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._buffer = b""
        self._due = 0.0
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.free()

    def free(self) -> None:
        work = self._work
        if work.rate:
            if work.waiting:
                self.send(work.waiting.popleft())
            else:
                work.idle.append(self)
        elif work.begun < work.total:
            self.send(time.perf_counter())

    def send(self, due: float) -> None:
        work = self._work
        self._due = due
        self._transport.write(work.requests[work.begun % len(work.requests)])
        work.begun += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return
        work = self._work
        self._buffer = b""
        work.latencies.append(time.perf_counter() - self._due)
        work.statuses[int(head[9:12])] += 1
        work.ended += 1
        if work.ended == work.total:
            work.over.set()
        self.free()

    def connection_lost(self, _error: Exception | None) -> None:
        if self._work.ended < self._work.total:
            self._work.statuses[0] += 1
            self._work.over.set()


def _length(head: bytes) -> int:
    lower = head.lower()
    place = lower.find(b"content-length:")
    return int(lower[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0


async def _pace(work: Work) -> None:
    """Begin requests when they are due."""
    began = time.perf_counter()
    for number in range(work.total):
        due = began + number / work.rate
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        if work.idle:
            work.idle.pop().send(due)
        else:
            work.waiting.append(due)


async def _run(order: dict[str, Any]) -> dict[str, Any]:
    requests = [text.encode() for text in order["requests"]]
    work = Work(requests, order["total"], order["rate"])
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    for _ in range(order["connections"]):
        await loop.create_connection(lambda: Client(work), order["host"], order["port"])
    pace = asyncio.create_task(_pace(work)) if work.rate else None
    await asyncio.wait_for(work.over.wait(), order["patience"])
    if pace:
        pace.cancel()
    seconds = time.perf_counter() - began
    latencies = sorted(work.latencies)
    return {
        "seconds": seconds,
        "per_second": len(latencies) / seconds,
        "statuses": dict(work.statuses),
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(_run(json.load(sys.stdin)))))
