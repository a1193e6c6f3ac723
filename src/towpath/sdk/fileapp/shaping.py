"""Records of a whole file put in order, and rows that belong together made one record."""

import heapq
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from towpath.core.application import Failure
from towpath.sdk.fileapp.reading import SortField
from towpath.sdk.oserrors import translated

#: Finds what lies at a path of a record.
Value = Callable[[str, Any], Any]
#: Records that are sorted in memory; more are sorted in pieces that wait on disk.
_PIECE = 50_000


def in_order(
    items: Iterable[Any], by: Sequence[SortField], value: Value, folder: Path, piece: int = _PIECE
) -> Iterator[Any]:
    """The records sorted, equal ones in their order; failures first. Null and missing come last."""
    if not by:
        yield from items
        return

    def key(record: Any) -> list[Any]:
        return [_rank(value(one.field, record), descending=one.descending) for one in by]

    failures: list[Failure] = []
    records = _records(items, failures)
    with ExitStack() as files:
        pieces: list[Iterable[Any]] = []
        while some := sorted(islice(records, piece), key=key):
            yield from failures
            failures.clear()
            pieces.append(some if len(some) < piece else _kept(some, folder, files))
        yield from failures
        yield from heapq.merge(*pieces, key=key)


def _records(items: Iterable[Any], failures: list[Failure]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, Failure):
            failures.append(item)
        else:
            yield item


def _kept(records: list[Any], folder: Path, files: ExitStack) -> Iterator[Any]:
    with translated(folder):
        file: BinaryIO = files.enter_context(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115 - the stack closes it
        file.writelines(orjson.dumps(record) + b"\n" for record in records)
        file.seek(0)
    return map(orjson.loads, file)


class _Down:
    """Turns an order round."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "_Down") -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Down) and bool(other.value == self.value)

    __hash__ = None  # type: ignore[assignment]  # never a key


def _rank(value: Any, *, descending: bool) -> tuple[int, Any]:
    """Numbers before texts before anything else before nothing; a text that is a number is one, as CSV has
    no others.
    """
    if value is None or value == "":
        return 3, 0
    place, comparable = _comparable(value)
    return (2 - place if descending else place), (_Down(comparable) if descending else comparable)


def _comparable(value: Any) -> tuple[int, Any]:
    if isinstance(value, int | float):
        return 0, value
    if not isinstance(value, str):
        return 2, orjson.dumps(value)
    try:
        number = float(value)
    except ValueError:
        return 1, value
    return (0, number) if number == number else (1, value)  # noqa: PLR0124 - NaN has no place in an order


def grouped(items: Iterable[Any], columns: Sequence[str], value: Value) -> Iterator[Any]:
    """Consecutive records that agree in the columns as one list; failures where they are."""
    if not columns:
        yield from items
        return
    group: list[Any] = []
    last: list[Any] | None = None
    for item in items:
        if isinstance(item, Failure):
            yield item
            continue
        key = [value(column, item) for column in columns]
        if group and key != last:
            yield group
            group = []
        last = key
        group.append(item)
    if group:
        yield group
