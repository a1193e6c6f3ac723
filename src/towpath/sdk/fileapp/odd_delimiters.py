"""Delimited text whose delimiters are longer than a character, or whose rows do not end with lines."""

import io
from collections.abc import Iterator
from typing import Protocol

from towpath.core.steps import PAGE_BYTES
from towpath.sdk.fileapp.reading import CsvReading
from towpath.sdk.fileapp.text import skip_bom

_QUOTE = '"'
_BLOCK = 1 << 16


class Lines(Protocol):
    """Knows how many lines were read before."""

    number: int


def odd_rows(
    text: io.TextIOWrapper, lines: Lines, reading: CsvReading
) -> Iterator[tuple[list[str] | str, int]]:
    """Cells of each row or what is wrong with it, and the line where it begins."""
    line = lines.number + 1
    either = reading.row_delimiter in ("", "\n", "\r\n")
    delimiter = "\n" if either else reading.row_delimiter
    for row in _texts(text, delimiter, quotes=reading.quotes, first=line == 1):
        yield _checked_cells(row.removesuffix("\r") if either else row, reading), line
        line += row.count("\n") + delimiter.count("\n")


def _texts(text: io.TextIOWrapper, delimiter: str, *, quotes: bool, first: bool) -> Iterator[str]:
    """The texts of the rows; a row that has an odd number of quotes goes on."""
    open = rest = ""
    while True:
        block = text.read(_BLOCK)
        rest += skip_bom(block) if first else block
        first = False
        *pieces, rest = rest.split(delimiter) if block else (rest, "")
        for piece in pieces:
            open += piece
            if quotes and open.count(_QUOTE) % 2 and block and len(open) < PAGE_BYTES:
                open += delimiter
                continue
            if block or open:
                yield open
            open = ""
        if not block:
            return
        if len(rest) > PAGE_BYTES:
            yield rest
            rest = ""


def _checked_cells(row: str, reading: CsvReading) -> list[str] | str:
    if len(row) >= PAGE_BYTES:
        return f"the row is longer than {PAGE_BYTES} characters"
    cells = list(_cells(row, reading.column_delimiter, quotes=reading.quotes)) if row else []
    if None in cells:
        return "a quote is not closed, or something stands behind it"
    return [cell or "" for cell in cells]


def _cells(row: str, delimiter: str, *, quotes: bool) -> Iterator[str | None]:
    """The cells; None for a broken one."""
    open = ""
    for piece in row.split(delimiter):
        open += piece
        if quotes and open.startswith(_QUOTE) and open.count(_QUOTE) % 2:
            open += delimiter
            continue
        yield _unquoted(open, quotes=quotes)
        open = ""
    if open:
        yield None


def _unquoted(cell: str, *, quotes: bool) -> str | None:
    if not cell.startswith(_QUOTE):
        return cell
    if len(cell) < len(_QUOTE) * 2 or not cell.endswith(_QUOTE):
        return None if quotes else cell
    inner = cell[1:-1]
    if not quotes:
        return inner
    return None if _QUOTE in inner.replace(_QUOTE * 2, "") else inner.replace(_QUOTE * 2, _QUOTE)
