"""The records of one answer as pages: of so many records, and of so many bytes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from towpath.connectors.rest_api.bodies import plain
from towpath.sdk import Failure

#: Bytes of a page, and of a single record, as JSON.
PAGE_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True)
class Part:
    """Some records in a row."""

    records: Sequence[Any]
    failures: Sequence[Failure]
    end: int
    """Place behind its last record."""
    is_last: bool


def cut(records: Sequence[Any], size: int, total: int, start: int = 0) -> Iterator[Part]:
    """The records from ``start`` on, at least one part. ``total``: bytes of all of them, roughly."""
    if total <= PAGE_BYTES:
        ends = [*range(start + size, len(records), size), len(records)]
        for begin, end in zip([start, *ends], ends, strict=False):
            yield Part(records[begin:end], (), end, end == len(records))
        return
    yield from _by_weight(records, size, start)


def _by_weight(records: Sequence[Any], size: int, start: int) -> Iterator[Part]:
    part: list[Any] = []
    failures: list[Failure] = []
    weight = 0
    for place in range(start, len(records)):
        bytes_ = len(orjson.dumps(records[place], default=plain))
        if part and (len(part) >= size or weight + bytes_ > PAGE_BYTES) and bytes_ <= PAGE_BYTES:
            yield Part(part, failures, place, is_last=False)
            part, failures, weight = [], [], 0
        if bytes_ > PAGE_BYTES:
            failures.append(_too_large(bytes_, place))
        else:
            part.append(records[place])
            weight += bytes_
    yield Part(part, failures, len(records), is_last=True)


def _too_large(bytes_: int, place: int) -> Failure:
    return Failure(
        code="record.too_large",
        message=f"Record {place + 1} of the answer has {bytes_:,} bytes; the most is {PAGE_BYTES:,}.",
        record={"position": place, "bytes": bytes_},
    )
