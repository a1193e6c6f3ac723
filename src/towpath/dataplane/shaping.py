"""Several records from one, one from several, and pages of them."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from towpath.core.errors import ConfigError, DataError
from towpath.core.steps import PAGE_BYTES
from towpath.dataplane.paths import MISSING, compile_path
from towpath.dataplane.values import number_in, to_json, to_text


def group(records: Iterable[Any], fields: Sequence[str]) -> Iterator[list[Any]]:
    """Lists of the records in a row whose ``fields`` (paths) have the same values; see `sort`.

    >>> list(group([{"id": 1}, {"id": 1}, {"id": 2}], ["id"]))
    [[{'id': 1}, {'id': 1}], [{'id': 2}]]
    """
    readers = [compile_path(field).get for field in fields]
    return _in_a_row(records, lambda record: tuple(to_json(_plain(read(record))) for read in readers))


def merge_rows(records: Iterable[Mapping[str, Any]], key_columns: Sequence[str]) -> Iterator[list[Any]]:
    """Lists of the rows of a file in a row that are equal in the key columns, named as in its header."""
    return _in_a_row(
        records, lambda row: tuple(to_json(_plain(row.get(name, MISSING))) for name in key_columns)
    )


def _in_a_row(records: Iterable[Any], key: Callable[[Any], Any]) -> Iterator[list[Any]]:
    return (list(rows) for _, rows in groupby(records, key))


def _plain(value: Any) -> Any:
    return None if value is MISSING else value


def sort(records: Iterable[Any], fields: Sequence[Mapping[str, Any] | str]) -> list[Any]:
    """The records in order: ``[{"field": "a.b", "descending": true}, …]``, the first field first.

    Numbers come before texts, and a text that spells a number is one; no value comes last, also where the
    order is descending. Records that are equal stay as they were.
    """
    found = list(records)
    for entry in reversed(fields):
        name = entry if isinstance(entry, str) else entry.get("field")
        if not isinstance(name, str) or not name:
            raise ConfigError(
                "config.invalid", "A field to sort by has no name.", hint="Name it in sortByFields."
            )
        descending = not isinstance(entry, str) and entry.get("descending") is True
        read = compile_path(name).get
        last = 0 if descending else 3
        found.sort(key=_order(read, last), reverse=descending)
    return found


def _order(read: Callable[[Any], Any], last: int) -> Callable[[Any], tuple[int, Any]]:
    def key(record: Any) -> tuple[int, Any]:
        value = read(record)
        if value is None or value is MISSING:
            return last, 0
        if isinstance(value, (int, float)) and value == value:  # noqa: PLR0124 - NaN has no place among numbers
            return 1, value
        text = to_text(value)
        number = number_in(text)
        return (2, text) if number is None else (1, number)

    return key


def fan_out(record: Any, path: str | None) -> list[Any]:
    """The children of a record that become records of their own; of a list of rows, without path, the rows.

    Raises DataError ``one_to_many.not_a_list`` if there is no list at the path.
    """
    found = compile_path(path).get(record) if path else record
    if isinstance(found, (list, tuple)):
        return list(found)
    what = "nothing" if found is MISSING or found is None else "something else than a list"
    raise DataError(
        "one_to_many.not_a_list",
        f"There is {what} at {path or 'the record itself'}, where the records to write should be.",
        hint="Let pathToMany lead to a list; an empty list is fine.",
        field="pathToMany",
    )


@dataclass(frozen=True, slots=True)
class Cut:
    """A page cut from a series of records."""

    records: list[Any]
    bytes: int
    """As JSON, without brackets and commas."""
    too_large: list[Any]
    """Records met on the way that are alone above the limit; they are in no page."""


def _length(record: Any) -> float:
    """The bytes of a record as JSON; endless if it is nested too deep to be written."""
    try:
        return len(to_json(record).encode("utf-8", "surrogatepass"))
    except RecursionError:
        return math.inf


def pages(records: Iterable[Any], size: int, max_bytes: int = PAGE_BYTES) -> Iterator[Cut]:
    """The records in pages of at most ``size`` records and ``max_bytes``, in order; none is empty."""
    page: list[Any] = []
    too_large: list[Any] = []
    total = 0.0
    for record in records:
        length = _length(record)
        if length > max_bytes:
            too_large.append(record)
            continue
        if len(page) == size or (page and total + length > max_bytes):
            yield Cut(page, int(total), too_large)
            page, too_large, total = [], [], 0.0
        page.append(record)
        total += length
    if page or too_large:
        yield Cut(page, int(total), too_large)
