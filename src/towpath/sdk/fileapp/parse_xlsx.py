"""The first sheet of a workbook as records, row by row."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from towpath.core.application import Failure
from towpath.core.errors import DataError
from towpath.sdk.fileapp.inflate import check_archive


def xlsx_items(file: BinaryIO, name: str, *, header: bool) -> Iterator[dict[str, Any] | Failure]:
    """The records; cells keep their types, dates are ISO 8601, formulas their last value.

    Raises `DataError` ``file.invalid``, ``file.bomb``, ``column.duplicate``.
    """
    import openpyxl

    check_archive(file, name)
    try:  # openpyxl raises whatever it stumbles over
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except Exception as error:
        raise _broken(error, name) from error
    try:
        sheet = book.worksheets[0] if book.worksheets else None
        yield from _records(_rows(sheet, name), name, header=header) if sheet is not None else ()
    finally:
        book.close()


def _rows(sheet: Any, name: str) -> Iterator[tuple[int, list[Any]]]:
    sheet.reset_dimensions()  # what a file says of its own size is often wrong
    rows = enumerate(sheet.iter_rows(values_only=True), 1)
    while True:
        try:
            number, row = next(rows)
        except StopIteration:
            return
        except Exception as error:
            raise _broken(error, name) from error
        cells = [_plain(cell) for cell in row]
        while cells and cells[-1] is None:
            cells.pop()
        if cells:
            yield number, cells


def _records(
    rows: Iterator[tuple[int, list[Any]]], name: str, *, header: bool
) -> Iterator[dict[str, Any] | Failure]:
    names: Sequence[str] | None = None
    if header:
        first = next(rows, (1, []))[1]
        names = [str(cell) if cell is not None else f"Column{place}" for place, cell in enumerate(first)]
        _check(names, name)
    for number, cells in rows:
        if names is None:
            yield {f"Column{place}": cell for place, cell in enumerate(cells)}
        elif len(cells) > len(names):
            yield Failure(
                code="record.unreadable",
                message=f"Row {number} of {name} cannot be read: it has {len(cells)} cells, "
                f"and the header {len(names)}.",
                record={f"Column{place}": cell for place, cell in enumerate(cells)},
            )
        else:
            yield dict(zip(names, cells + [None] * (len(names) - len(cells)), strict=True))


def _check(names: Sequence[str], name: str) -> None:
    twice = sorted({one for one in names if list(names).count(one) > 1})
    if twice:
        raise DataError(
            "column.duplicate",
            f"The header of {name} has the column {twice[0]!r} more than once.",
            hint="Rename the column in the file, or read it without a header.",
            file=name,
        )


def _plain(cell: Any) -> Any:
    if isinstance(cell, dt.datetime | dt.date | dt.time):
        return cell.isoformat()
    if isinstance(cell, dt.timedelta):
        return cell.total_seconds()
    return cell


def _broken(error: Exception, name: str) -> DataError:
    return DataError(
        "file.invalid",
        f"{name} is not a workbook (XLSX) as it should be: {' '.join(str(error).split())[:200]}.",
        hint="Check the file and its format.",
        file=name,
    )
