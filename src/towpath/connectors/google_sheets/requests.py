"""Changes of a spreadsheet, as its API's batches take them. Rows and columns are counted from 0 here."""

from collections.abc import Sequence
from typing import Any

from towpath.connectors.google_sheets.spreadsheet import Request

_VALUES = "userEnteredValue"


def add_tab(id: int, title: str, rows: int, columns: int, *, hidden: bool = False) -> Request:
    grid = {"rowCount": rows, "columnCount": columns}
    properties = {"sheetId": id, "title": title, "hidden": hidden, "gridProperties": grid}
    return {"addSheet": {"properties": properties}}


def delete_tab(id: int) -> Request:
    return {"deleteSheet": {"sheetId": id}}


def resize(id: int, rows: int, columns: int) -> Request:
    """Give the tab this size; what lies outside goes."""
    grid = {"rowCount": rows, "columnCount": columns}
    fields = "gridProperties(rowCount,columnCount)"
    properties = {"sheetId": id, "gridProperties": grid}
    return {"updateSheetProperties": {"properties": properties, "fields": fields}}


def clear(id: int) -> Request:
    """Empty all cells; formats stay."""
    return {"updateCells": {"range": {"sheetId": id}, "fields": _VALUES}}


def put(id: int, row: int, column: int, texts: Sequence[str]) -> Request:
    """Put texts into the cells of a row."""
    cells = [{_VALUES: {"stringValue": text}} for text in texts]
    start = {"sheetId": id, "rowIndex": row, "columnIndex": column}
    return {"updateCells": {"start": start, "rows": [{"values": cells}], "fields": _VALUES}}


def copy(source: int, target: int, rows: int, row: int, columns: range, column: int) -> Request:
    """Copy the values of ``columns`` of the first ``rows`` rows to (row, column) of another tab."""
    return {
        "copyPaste": {
            "source": _area(source, 0, rows, columns),
            "destination": _area(target, row, rows, range(column, column + len(columns))),
            "pasteType": "PASTE_VALUES",
            "pasteOrientation": "NORMAL",
        }
    }


def remember(id: int, key: str, value: str) -> Request:
    """Keep a value with the spreadsheet. Fails if there is one with the id already."""
    kept: dict[str, Any] = {
        "metadataId": id,
        "metadataKey": key,
        "metadataValue": value,
        "location": {"spreadsheet": True},
        "visibility": "DOCUMENT",
    }
    return {"createDeveloperMetadata": {"developerMetadata": kept}}


def forget(id: int) -> Request:
    return {"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": {"metadataId": id}}}}


def touch() -> Request:
    """A change that changes nothing: it fails without the right to write."""
    lookup = {"developerMetadataLookup": {"metadataKey": "towpath:none"}}
    return {"deleteDeveloperMetadata": {"dataFilter": lookup}}


def _area(id: int, row: int, rows: int, columns: range) -> dict[str, int]:
    return {
        "sheetId": id,
        "startRowIndex": row,
        "endRowIndex": row + rows,
        "startColumnIndex": columns.start,
        "endColumnIndex": columns.stop,
    }
