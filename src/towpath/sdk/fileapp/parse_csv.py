"""Delimited text as records, one row at a time."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from towpath.core.application import Failure
from towpath.core.errors import DataError
from towpath.core.steps import PAGE_BYTES
from towpath.sdk.fileapp.formats import Encoding
from towpath.sdk.fileapp.odd_delimiters import odd_rows
from towpath.sdk.fileapp.reading import CsvReading
from towpath.sdk.fileapp.text import reading_text, skip_bom

_USUAL_ENDS = ("", "\n", "\r\n", "\r")
Cells = list[str]


def csv_items(
    file: BinaryIO, reading: CsvReading, encoding: Encoding, name: str
) -> Iterator[dict[str, Any] | Failure]:
    """The records and the rows that are none. Raises `DataError` ``file.encoding``, ``column.duplicate``."""
    # For the whole process, and larger than Python's own: nobody else here reads CSV by this module.
    csv.field_size_limit(PAGE_BYTES)
    with reading_text(file, encoding, name) as text:
        rows = _rows(text, reading)
        header = _header(rows, reading, name) if reading.header else None
        for number, (cells, line) in enumerate(rows, 1):
            if isinstance(cells, str):
                yield _failure(cells, number, line, name)
            elif cells:
                trimmed = [cell.strip() for cell in cells] if reading.trim else cells
                yield _record(header, trimmed, number, line, name)


def _rows(text: io.TextIOWrapper, reading: CsvReading) -> Iterator[tuple[Cells | str, int]]:
    """Cells, or what is wrong with the row, and the number of the line where it begins."""
    lines = Lines(text)
    for _ in range(reading.skip_rows):
        next(lines, None)
    if len(reading.column_delimiter) == 1 and reading.row_delimiter in _USUAL_ENDS:
        yield from _usual_rows(lines, reading)
    else:
        yield from odd_rows(text, lines, reading)


def _usual_rows(lines: "Lines", reading: CsvReading) -> Iterator[tuple[Cells | str, int]]:
    reader = csv.reader(
        lines,
        delimiter=reading.column_delimiter,
        quoting=csv.QUOTE_MINIMAL if reading.quotes else csv.QUOTE_NONE,
        strict=True,
    )
    while True:
        line = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield str(error), line
        else:
            yield cells if reading.quotes else [_bare(cell) for cell in cells], line


class Lines:
    """Lines with their ends, none longer than a record may be: one that is raises `csv.Error`."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.number = 0

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(PAGE_BYTES)
        self.number += 1
        if not line:
            raise StopIteration
        if len(line) == PAGE_BYTES and not line.endswith(("\n", "\r")):
            while rest := self._text.readline(PAGE_BYTES):
                if rest.endswith(("\n", "\r")):
                    break
            raise csv.Error(f"the line is longer than {PAGE_BYTES} characters")
        return skip_bom(line) if self.number == 1 else line


def _bare(cell: str) -> str:
    quoted = len(cell) > 1 and cell[0] == cell[-1] == '"'
    return cell[1:-1] if quoted else cell


def _header(rows: Iterator[tuple[Cells | str, int]], reading: CsvReading, name: str) -> Sequence[str] | None:
    cells: Cells | str = next((row for row, _ in rows if row), [])
    if isinstance(cells, str):
        raise DataError(
            "file.invalid",
            f"The header of {name} cannot be read: {cells}.",
            hint="Check delimiters and quotes, or skip the rows before the header.",
        )
    names = [cell.strip() if reading.trim else cell for cell in cells]
    named = [one or f"Column{place}" for place, one in enumerate(names)]
    twice = sorted({one for one in named if named.count(one) > 1})
    if twice:
        raise DataError(
            "column.duplicate",
            f"The header of {name} has the column {twice[0]!r} more than once.",
            hint="Rename the column in the file, or read it without a header.",
            file=name,
        )
    return named


def _record(
    header: Sequence[str] | None, cells: Cells, number: int, line: int, name: str
) -> dict[str, Any] | Failure:
    if header is None:
        return {f"Column{place}": cell for place, cell in enumerate(cells)}
    if len(cells) != len(header):
        return _failure(
            f"it has {len(cells)} cells, and the header {len(header)}",
            number,
            line,
            name,
            dict(enumerate(cells)),
        )
    return dict(zip(header, cells, strict=True))


def _failure(what: str, number: int, line: int, name: str, cells: dict[int, str] | None = None) -> Failure:
    record = {f"Column{place}": cell for place, cell in (cells or {}).items()}
    return Failure(
        code="record.unreadable",
        message=f"Row {number} of {name} (line {line}) cannot be read: {what}.",
        record=record or None,
    )
