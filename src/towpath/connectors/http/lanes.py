"""Sends many chunks at once, and yet the records of one key one after the other."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Event
from typing import Any, TypeVar

from towpath.connectors.http.requests import Chunk

Result = TypeVar("Result")


def chunks(texts: Sequence[bytes], places: Sequence[int], size: int, start: int) -> Iterator[Chunk]:
    """The records at ``places`` in chunks of up to ``size``; the batch begins at ``start`` in the slice."""
    rest = iter(places)
    while part := list(islice(rest, size)):
        yield Chunk(start + part[0], part, [texts[place] for place in part])


def lanes(keys: Sequence[Any] | None, count: int, records: int, size: int) -> list[list[int]]:
    """Places of the records, dealt to ``count`` lanes: each lane is sent in order, the lanes side by side.

    With keys, all records of one key are in one lane; without, chunks are dealt in turn.
    """
    dealt: list[list[int]] = [[] for _ in range(count)]
    for place in range(records):
        lane = place // size if keys is None else _digest(keys[place])
        dealt[lane % count].append(place)
    return [lane for lane in dealt if lane]


def _digest(key: object) -> int:
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=4).digest())


def send_lanes(
    pool: ThreadPoolExecutor, work: Sequence[Iterator[Chunk]], send: Callable[[Chunk], Result]
) -> list[Result]:
    """What ``send`` gives for every chunk. After an error no lane begins another chunk, and it is raised."""
    failed = Event()

    def drain(lane: Iterator[Chunk]) -> list[Result]:
        results = []
        for chunk in lane:
            if failed.is_set():
                break
            try:
                results.append(send(chunk))
            except BaseException:
                failed.set()
                raise
        return results

    futures = [pool.submit(drain, lane) for lane in work]
    errors = [error for future in futures if (error := future.exception())]
    if errors:
        raise errors[0]
    return [result for future in futures for result in future.result()]
