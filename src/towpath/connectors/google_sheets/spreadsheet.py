"""One spreadsheet through Google's API client: tabs, cells, remembered values, and batches of changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import httplib2
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build

from towpath.connectors.google_sheets.config import GoogleSheetsConfig
from towpath.connectors.google_sheets.errors import translated
from towpath.sdk.googleauth import check_place, credentials

_SCOPES = ("https://www.googleapis.com/auth/spreadsheets",)
_SECONDS = 180
#: Attempts after the first, with waiting times that double: about a minute, the length of a quota.
_RETRIES = 6

Request = Mapping[str, Any]


@dataclass(frozen=True)
class Tab:
    """A sheet of the spreadsheet."""

    id: int
    title: str
    rows: int
    columns: int


class Spreadsheet:
    """The spreadsheet of one connection. Every method asks the service; nothing is kept."""

    def __init__(self, config: GoogleSheetsConfig, retries: int = _RETRIES) -> None:
        own = config.access_token.get_secret_value() or config.credential.get_secret_value()
        check_place(config.endpoint, own=bool(own))
        self._id, self._retries = config.spreadsheet, retries
        with translated():
            # The description of the API comes with the package: nothing is fetched.
            self._service = build(
                "sheets",
                "v4",
                http=_http(config),
                client_options={"api_endpoint": config.endpoint} if config.endpoint else None,
                static_discovery=True,
                cache_discovery=False,
            )

    def close(self) -> None:
        self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def title(self) -> str:
        """What the spreadsheet is called."""
        asked = self._service.spreadsheets().get(spreadsheetId=self._id, fields="properties.title")
        return str(self._answer(asked)["properties"]["title"])

    def tabs(self) -> dict[str, Tab]:
        """All tabs by title, hidden ones too."""
        fields = "sheets.properties(sheetId,title,gridProperties(rowCount,columnCount))"
        answer = self._answer(self._service.spreadsheets().get(spreadsheetId=self._id, fields=fields))
        found = (sheet["properties"] for sheet in answer.get("sheets", []))
        return {one["title"]: _tab(one) for one in found}

    def change(self, requests: Sequence[Request]) -> None:
        """Make all changes, or none."""
        body = {"requests": list(requests)}
        self._answer(self._service.spreadsheets().batchUpdate(spreadsheetId=self._id, body=body))

    def write(self, tab: Tab, row: int, values: Sequence[Sequence[Any]]) -> None:
        """Put values into cells from column A of the row (counted from 1), as they are: none is a formula."""
        body = {"values": values, "majorDimension": "ROWS"}
        self._answer(
            self._service.spreadsheets()
            .values()
            .update(spreadsheetId=self._id, range=f"{_a1(tab)}!A{row}", valueInputOption="RAW", body=body)
        )

    def read(self, tab: Tab, first: int, last: int) -> list[list[Any]]:
        """The cells of the rows (counted from 1, both included), without empty ones at the ends."""
        asked = (
            self._service.spreadsheets()
            .values()
            .get(
                spreadsheetId=self._id,
                range=f"{_a1(tab)}!{first}:{last}",
                valueRenderOption="UNFORMATTED_VALUE",
            )
        )
        return list(self._answer(asked).get("values", []))

    def remembered(self, key: str) -> list[tuple[int, str]]:
        """Ids and values of the developer metadata with the key."""
        body = {"dataFilters": [{"developerMetadataLookup": {"metadataKey": key}}]}
        answer = self._answer(
            self._service.spreadsheets().developerMetadata().search(spreadsheetId=self._id, body=body)
        )
        found = (one["developerMetadata"] for one in answer.get("matchedDeveloperMetadata", []))
        return [(one["metadataId"], one.get("metadataValue", "")) for one in found]

    def _answer(self, request: Any) -> dict[str, Any]:
        with translated():
            return dict(request.execute(num_retries=self._retries))


def _tab(properties: Mapping[str, Any]) -> Tab:
    grid = properties.get("gridProperties", {})
    return Tab(
        properties["sheetId"], properties["title"], grid.get("rowCount", 0), grid.get("columnCount", 0)
    )


def _a1(tab: Tab) -> str:
    """The tab's title as ranges name it."""
    title = tab.title.replace("'", "''")
    return f"'{title}'"


def _http(config: GoogleSheetsConfig) -> Any:
    http = httplib2.Http(timeout=_SECONDS)
    if config.endpoint.startswith("http://"):
        return http  # what is not encrypted gets no credential # Invariant 8
    token = config.access_token.get_secret_value()
    if token:
        return AuthorizedHttp(Credentials(token=token), http=http)  # type: ignore[no-untyped-call]  # the vendor's constructor has no hints
    return AuthorizedHttp(credentials(config.credential.get_secret_value(), _SCOPES), http=http)
