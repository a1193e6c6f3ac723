"""Records as a workbook of one sheet."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

import orjson

from towpath.core.errors import DataError

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_LONGEST = 32_767
_MOST_ROWS = 1_048_576
#: Workbooks know doubles only: a larger whole number would lose digits.
_EXACT = 2**53


def write_xlsx(rows: Iterable[Any], columns: Sequence[str], file: BinaryIO, *, header: bool) -> None:
    """Raises `DataError` ``file.too_large`` if there are more rows than a sheet can hold."""
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    if header:
        sheet.append(list(columns))
    for number, row in enumerate(rows, 1 + header):
        if number > _MOST_ROWS:
            raise DataError(
                "file.too_large",
                f"A sheet holds {_MOST_ROWS} rows, and there are more records than that.",
                hint="Write CSV, or a file for each page.",
            )
        sheet.append([_cell(sheet, row.get(column)) for column in columns])
    book.save(file)


def xlsx_fault(row: Any) -> str | None:
    """What of the row a sheet cannot hold; None if it can all of it."""
    for column, value in row.items():
        text = _text(value)
        if len(text) > _LONGEST:
            return f"a cell holds {_LONGEST} characters, and {column!r} has {len(text)}"
        found = _FORBIDDEN.search(text)
        if found:
            return f"a cell cannot hold the character {found[0]!r} of {column!r}"
    return None


def _cell(sheet: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) <= _EXACT:
        return value
    cell = WriteOnlyCell(sheet, value=_text(value))
    # Whatever it looks like: a text that begins with = is no formula.
    cell.data_type = "s"
    return cell


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
