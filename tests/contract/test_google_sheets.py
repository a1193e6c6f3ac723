"""The destination contract against a server of the Sheets API, spoken to by Google's own client."""

import base64
import json
import uuid
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from support.sheets import SheetsServer
from towpath.connectors.google_sheets import connector
from towpath.connectors.google_sheets.config import GoogleSheetsConfig
from towpath.sdk import Destination, Target
from towpath.sdk.testing.data import hostile_rows
from towpath.sdk.testing.destinations import DestinationContract

pytestmark = pytest.mark.service("google_sheets")


class TestGoogleSheetsDestination(DestinationContract):
    connector = connector

    @pytest.fixture
    def config(self, sheets_server: SheetsServer) -> GoogleSheetsConfig:
        self.server = sheets_server
        id = f"sheet-{uuid.uuid4().hex}"
        sheets_server.make(id)
        return GoogleSheetsConfig(
            sheet_url=f"https://docs.google.com/spreadsheets/d/{id}/edit#gid=0", endpoint=sheets_server.url
        )

    def read_back(self, config: Any, target: Target) -> list[dict[str, Any]] | None:
        kinds = {field.name: field.type for field in target.schema}
        rows = self.server.rows(config.spreadsheet, target.name)
        if rows is None:
            return None
        return [{name: _read(kinds.get(name), value) for name, value in row.items()} for row in rows]

    def expected(self, kind: pa.DataType, value: Any) -> Any:
        """Cells know numbers, truth and text; an empty text is an empty cell."""
        return _cell(kind, value)

    def leftovers(self, config: Any) -> list[str]:
        sheets = self.server.documents[config.spreadsheet].sheets.values()
        return [one.title for one in sheets if one.hidden]

    def test_a_type_that_does_not_fit_is_refused(self, config: Any, destination: Destination) -> None:
        pytest.skip("cells have no types: text holds whatever a number cannot")

    def test_hostile_values(self, config: Any, destination: Destination) -> None:
        """All but the text of 70,000 characters, which no cell can hold."""
        table = hostile_rows()
        fitting = table.filter(pc.less_equal(pc.utf8_length(table["text"]), 50_000))
        destination.prepare(self.target(table))
        receipt, rejected = self.write(destination, self.target(table), table)
        assert [one.code for one in rejected] == ["value.too_large"]
        assert receipt.rows == fitting.num_rows == table.num_rows - 1
        destination.discard(self.target(table))
        self.run(destination, self.target(table), fitting)
        self.assert_holds(config, self.target(table), fitting)


def _cell(kind: pa.DataType, value: Any) -> Any:  # noqa: PLR0911 - one line per family of types
    if isinstance(kind, pa.JsonType):
        return json.loads(value)
    if pa.types.is_nested(kind):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode() or None
    if isinstance(value, datetime):
        return value.strftime(f"{value.year:04}-%m-%d %H:%M:%S.%f") + ("+00:00" if value.tzinfo else "")
    if isinstance(value, time):
        return value.strftime("%H:%M:%S.%f")
    if isinstance(value, date | uuid.UUID):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if pa.types.is_integer(kind) and abs(value) >= 10**15:
        return str(value)
    return None if value == "" else value


def _read(kind: pa.DataType | None, value: Any) -> Any:
    if value is not None and kind is not None and (isinstance(kind, pa.JsonType) or pa.types.is_nested(kind)):
        return json.loads(value)
    return value
