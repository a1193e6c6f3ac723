"""Google Sheets' REST API, as far as our destination uses it, over real HTTP with its state in memory.

It follows the public description of the API: batches of changes that happen all or not at all, grids that
must be large enough, ids that are taken once, at most 50,000 characters in a cell and 10 million cells,
quotas that answer 429. Values come in RAW only; a text is never a formula.
"""

import copy
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from support.loopback import loopback

_CELL = 50_000


class RefusedError(Exception):
    """What the service answers with instead of a result."""

    def __init__(self, status: int, message: str, kind: str = "INVALID_ARGUMENT") -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"code": status, "message": message, "status": kind}}


@dataclass
class Sheet:
    id: int
    title: str
    rows: int
    columns: int
    hidden: bool = False
    cells: dict[tuple[int, int], Any] = field(default_factory=dict)

    def put(self, row: int, column: int, value: Any) -> None:
        if row >= self.rows or column >= self.columns:
            raise RefusedError(400, f"Range ({self.title}) exceeds grid limits.")
        if isinstance(value, str) and len(value) > _CELL:
            raise RefusedError(
                400, "Your input contains more than the maximum of 50000 characters in a single cell."
            )
        if value in {None, ""} and not isinstance(value, bool | int | float):
            self.cells.pop((row, column), None)
        else:
            self.cells[row, column] = value

    def row(self, row: int) -> list[Any]:
        """Without the empty cells at the end; those between are empty texts."""
        last = max((column for at, column in self.cells if at == row), default=-1)
        return [self.cells.get((row, column), "") for column in range(last + 1)]


@dataclass
class Document:
    title: str
    sheets: dict[int, Sheet] = field(default_factory=dict)
    metadata: dict[int, dict[str, Any]] = field(default_factory=dict)
    writable: bool = True

    def sheet(self, id: int) -> Sheet:
        if id not in self.sheets:
            raise RefusedError(400, f"Invalid requests[0]: No sheet with id: {id}")
        return self.sheets[id]

    def titled(self, title: str) -> Sheet | None:
        return next((one for one in self.sheets.values() if one.title == title), None)


@dataclass
class SheetsServer:
    """The service. Every spreadsheet id is a document of its own."""

    port: int = 0
    documents: dict[str, Document] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    most: int = 10_000_000
    fail: Callable[[str, str], None] = lambda *_: None
    """Called with method and path; may raise `RefusedError`."""
    lose_answer: bool = False
    """Break the connection off instead of answering the next batch, which has happened."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def make(self, id: str) -> Document:
        document = self.documents[id] = Document(f"Document {id}")
        document.sheets[0] = Sheet(0, "Sheet1", 1000, 26)
        return document

    def rows(self, id: str, title: str) -> list[dict[str, Any]] | None:
        """What a reader of the tab sees: a dict of each row by the header; empty cells are None."""
        sheet = self.documents[id].titled(title)
        if sheet is None or sheet.hidden:
            return None
        header = sheet.row(0)
        return [
            {str(name): sheet.cells.get((row, place)) for place, name in enumerate(header)}
            for row in range(1, sheet.rows)
            if any(at == row for at, _ in sheet.cells)
        ]

    # ── the API ──────────────────────────────────────────────────────────────────────────────────

    def get(self, id: str) -> dict[str, Any]:
        document = self._document(id)
        sheets = [
            {
                "properties": {
                    "sheetId": one.id,
                    "title": one.title,
                    "hidden": one.hidden,
                    "gridProperties": {"rowCount": one.rows, "columnCount": one.columns},
                }
            }
            for one in document.sheets.values()
        ]
        return {"spreadsheetId": id, "properties": {"title": document.title}, "sheets": sheets}

    def batch(self, id: str, body: dict[str, Any]) -> dict[str, Any]:
        self._writable(id)
        if not body.get("requests"):
            raise RefusedError(400, "Must specify at least one request.")
        work = copy.deepcopy(self.documents[id])
        for request in body["requests"]:
            ((kind, given),) = request.items()
            _CHANGES[kind](work, given)
            if sum(one.rows * one.columns for one in work.sheets.values()) > self.most:
                raise RefusedError(
                    400, "This action would increase the number of cells above the limit of 10000000 cells."
                )
        if not any(not one.hidden for one in work.sheets.values()):
            raise RefusedError(400, "You can't remove all the visible sheets in a document.")
        self.documents[id] = work
        return {"spreadsheetId": id, "replies": [{} for _ in body["requests"]]}

    def values(self, id: str, a1: str) -> dict[str, Any]:
        sheet, first, last = self._range(id, a1)
        rows = [sheet.row(at) for at in range(first, min(last, sheet.rows))]
        while rows and not rows[-1]:
            rows.pop()
        return {"range": a1, "majorDimension": "ROWS"} | ({"values": rows} if rows else {})

    def update(self, id: str, a1: str, option: list[str], body: dict[str, Any]) -> dict[str, Any]:
        self._writable(id)
        if option != ["RAW"]:
            raise RefusedError(400, "This server takes RAW values only.")
        sheet, first, _ = self._range(id, a1)
        work = copy.copy(sheet)
        work.cells = dict(sheet.cells)
        for row, cells in enumerate(body["values"], first):
            for column, value in enumerate(cells):
                if value is not None:  # null leaves the cell as it is
                    work.put(row, column, value)
        self.documents[id].sheets[sheet.id] = work
        return {"spreadsheetId": id, "updatedRows": len(body["values"])}

    def search(self, id: str, body: dict[str, Any]) -> dict[str, Any]:
        key = body["dataFilters"][0]["developerMetadataLookup"]["metadataKey"]
        found = [one for one in self._document(id).metadata.values() if one["metadataKey"] == key]
        if not found:
            return {}
        return {"matchedDeveloperMetadata": [{"developerMetadata": one} for one in found]}

    def _document(self, id: str) -> Document:
        if id not in self.documents:
            raise RefusedError(404, "Requested entity was not found.", "NOT_FOUND")
        return self.documents[id]

    def _writable(self, id: str) -> None:
        if not self._document(id).writable:
            raise RefusedError(403, "The caller does not have permission", "PERMISSION_DENIED")

    def _range(self, id: str, a1: str) -> tuple[Sheet, int, int]:
        found = re.fullmatch(r"'((?:[^']|'')*)'!(?:A(\d+)|(\d+):(\d+))", a1)
        sheet = self._document(id).titled(found[1].replace("''", "'")) if found else None
        if found is None or sheet is None:
            raise RefusedError(400, f"Unable to parse range: {a1}")
        if found[2]:
            return sheet, int(found[2]) - 1, int(found[2])
        return sheet, int(found[3]) - 1, int(found[4])


# ── changes ──────────────────────────────────────────────────────────────────────────────────────


def _add(document: Document, given: dict[str, Any]) -> None:
    new = given["properties"]
    if new["sheetId"] in document.sheets:
        raise RefusedError(
            400, f"Invalid requests[0].addSheet: Sheet with id {new['sheetId']} already exists."
        )
    if any(one.title.lower() == new["title"].lower() for one in document.sheets.values()):
        raise RefusedError(400, f'A sheet with the name "{new["title"]}" already exists.')
    grid = new["gridProperties"]
    document.sheets[new["sheetId"]] = Sheet(
        new["sheetId"], new["title"], grid["rowCount"], grid["columnCount"], new.get("hidden", False)
    )


def _delete(document: Document, given: dict[str, Any]) -> None:
    document.sheet(given["sheetId"])
    del document.sheets[given["sheetId"]]


def _resize(document: Document, given: dict[str, Any]) -> None:
    assert given["fields"] == "gridProperties(rowCount,columnCount)"
    sheet, grid = document.sheet(given["properties"]["sheetId"]), given["properties"]["gridProperties"]
    sheet.rows, sheet.columns = grid["rowCount"], grid["columnCount"]
    sheet.cells = {at: v for at, v in sheet.cells.items() if at[0] < sheet.rows and at[1] < sheet.columns}


def _update(document: Document, given: dict[str, Any]) -> None:
    assert given["fields"] == "userEnteredValue"
    if "range" in given:
        assert set(given["range"]) == {"sheetId"}
        document.sheet(given["range"]["sheetId"]).cells.clear()
        return
    start = given["start"]
    sheet = document.sheet(start["sheetId"])
    for row, values in enumerate(given["rows"], start["rowIndex"]):
        for column, cell in enumerate(values["values"], start["columnIndex"]):
            (value,) = cell["userEnteredValue"].values()
            sheet.put(row, column, value)


def _copy(document: Document, given: dict[str, Any]) -> None:
    assert given["pasteType"] == "PASTE_VALUES"
    source, target = given["source"], given["destination"]
    one, other = document.sheet(source["sheetId"]), document.sheet(target["sheetId"])
    for row in range(source["endRowIndex"] - source["startRowIndex"]):
        for column in range(source["endColumnIndex"] - source["startColumnIndex"]):
            value = one.cells.get((source["startRowIndex"] + row, source["startColumnIndex"] + column))
            other.put(target["startRowIndex"] + row, target["startColumnIndex"] + column, value)


def _remember(document: Document, given: dict[str, Any]) -> None:
    new = given["developerMetadata"]
    if new["metadataId"] in document.metadata:
        raise RefusedError(400, f"Metadata with id {new['metadataId']} already exists.")
    document.metadata[new["metadataId"]] = new
    if sum(len(one["metadataValue"]) for one in document.metadata.values()) > 30_000:
        raise RefusedError(400, "The developer metadata of the spreadsheet is above the limit.")


def _forget(document: Document, given: dict[str, Any]) -> None:
    lookup = given["dataFilter"]["developerMetadataLookup"]
    document.metadata = {
        id: one
        for id, one in document.metadata.items()
        if lookup != {"metadataId": id} and lookup != {"metadataKey": one["metadataKey"]}
    }


_CHANGES: dict[str, Callable[[Document, dict[str, Any]], None]] = {
    "addSheet": _add,
    "deleteSheet": _delete,
    "updateSheetProperties": _resize,
    "updateCells": _update,
    "copyPaste": _copy,
    "createDeveloperMetadata": _remember,
    "deleteDeveloperMetadata": _forget,
}


def _answer(server: SheetsServer, method: str, target: str, data: bytes) -> Any:
    url = urlsplit(target)
    path = unquote(url.path)
    server.fail(method, path)
    found = re.fullmatch(
        r"/v4/spreadsheets/([^/:]+)(?:(:batchUpdate|/values|/developerMetadata)(.*))?", path, re.DOTALL
    )
    body = json.loads(data) if data else {}
    if found and method == "GET" and not found[2]:
        return server.get(found[1])
    if found and method == "POST" and found[2] == ":batchUpdate":
        return server.batch(found[1], body)
    if found and method == "GET" and found[2] == "/values":
        return server.values(found[1], found[3].removeprefix("/"))
    if found and method == "PUT" and found[2] == "/values":
        option = parse_qs(url.query).get("valueInputOption", [])
        return server.update(found[1], found[3].removeprefix("/"), option, body)
    if found and method == "POST" and found[3] == ":search":
        return server.search(found[1], body)
    raise RefusedError(404, f"There is no {method} {path}", "NOT_FOUND")


@contextmanager
def sheets_service() -> Iterator[SheetsServer]:
    server = SheetsServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize, disable_nagle_algorithm = -1, True  # an answer is one packet

        def do(self) -> None:
            data = self.rfile.read(int(self.headers.get("content-length") or 0))
            server.asked.append(f"{self.command} {self.path}")
            server.headers.append(str(self.headers))
            status, answer = 200, {}
            try:
                with server.lock:
                    answer = _answer(server, self.command, self.path, data)
            except RefusedError as refused:
                status, answer = refused.status, refused.body
            if server.lose_answer and status == 200 and self.path.partition("?")[0].endswith(":batchUpdate"):
                server.lose_answer = False
                self.close_connection = True
                return
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do  # noqa: N815 - names of the standard library's

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.port = http.server_port
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def sheets_running() -> Iterator[SheetsServer]:
    with sheets_service() as server:
        yield server


@pytest.fixture
def sheets_server(sheets_running: SheetsServer) -> Iterator[SheetsServer]:
    """Running, and with leave to reach it."""
    with loopback():
        yield sheets_running
