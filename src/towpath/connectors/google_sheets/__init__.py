"""Google Sheets."""

from contextlib import AbstractContextManager

from towpath.connectors.google_sheets.config import GoogleSheetsConfig
from towpath.sdk import Category, Connector, Destination, WriteMode
from towpath.sdk.extras import extra

__all__ = ["connector"]


def _destination(config: GoogleSheetsConfig) -> AbstractContextManager[Destination]:
    with extra("sheets", "google", "googleapiclient", "google_auth_httplib2", "httplib2"):
        from towpath.connectors.google_sheets.destination import GoogleSheetsDestination

    return GoogleSheetsDestination(config)


connector = Connector(
    name="google_sheets",
    title="Google Sheets",
    version="1.0.0",
    categories=(Category.APPLICATION,),
    config=GoogleSheetsConfig,
    destination=_destination,
    write_modes=frozenset({WriteMode.APPEND, WriteMode.OVERWRITE}),
    summary="Tabs of a Google spreadsheet: one for each stream, with the column names in the first row.",
)
