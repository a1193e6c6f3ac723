"""Stages one slice in a hidden tab of its own."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from towpath.connectors.google_sheets import names, requests
from towpath.connectors.google_sheets.spreadsheet import Spreadsheet, Tab
from towpath.connectors.google_sheets.values import cells, faults
from towpath.sdk import Batch, Receipt, Rejected, ResourceError, Slice, Target, TowpathError
from towpath.sdk.rejects import arrow_face, split

#: Cells of a spreadsheet, and of one request.
MOST, _CHUNK = 10_000_000, 40_000


class SliceWriter:
    """Rows go up in chunks to fixed places: a chunk that is sent twice is there once."""

    def __init__(self, spreadsheet: Callable[[], Spreadsheet], target: Target, slice: Slice) -> None:
        self._spreadsheet, self._target, self._slice = spreadsheet, target, slice
        self._width = max(len(target.schema), 1)
        self._tab: Tab | None = None
        self._rows = self._bytes = 0
        self._waiting: list[list[Any]] = []

    def write(self, batch: Batch) -> Sequence[Rejected]:
        arrow, rejected = arrow_face(batch)
        arrow = arrow.select(self._target.schema.names)
        rows = cells(arrow)
        kept, more = split(arrow, faults(arrow, rows))
        self._waiting += rows if not more else cells(kept)
        self._bytes += kept.nbytes
        chunk = max(_CHUNK // self._width, 1)
        while len(self._waiting) >= chunk:
            self._send(self._waiting[:chunk])
            self._waiting = self._waiting[chunk:]
        return [*rejected, *more]

    def _send(self, rows: list[list[Any]]) -> None:
        end = self._rows + len(rows)
        if (end + 1) * self._width > MOST:
            raise ResourceError(
                "spreadsheet.full",
                f"{self._target.stream} has more than {MOST:,} cells, which is all that a spreadsheet holds.",
                hint="Select fewer columns or rows, or write to a database.",
                stream=self._target.stream,
            )
        tab = self._tab = self._sized(end)
        self._spreadsheet().write(tab, self._rows + 1, rows)
        self._rows = end

    def _sized(self, rows: int) -> Tab:
        """The tab, with room for so many rows; it doubles, so that few requests make it grow."""
        tab = self._tab
        if tab is None:
            tab = Tab(names.fresh_id(), names.fresh_title(self._target), rows, self._width)
            self._spreadsheet().change(
                [requests.add_tab(tab.id, tab.title, tab.rows, tab.columns, hidden=True)]
            )
        elif tab.rows < rows:
            tab = Tab(tab.id, tab.title, min(max(rows, 2 * tab.rows), MOST // self._width), tab.columns)
            self._spreadsheet().change([requests.resize(tab.id, tab.rows, tab.columns)])
        return tab

    def close(self) -> Receipt:
        if self._waiting:
            self._send(self._waiting)
            self._waiting = []
        detail = {"tab": self._tab.id if self._tab else None}
        return Receipt(self._slice.id, self._rows, self._bytes, detail)

    def abandon(self) -> None:
        if self._tab is not None:
            with suppress(TowpathError):  # the sweep at the end of the run takes it too
                self._spreadsheet().change([requests.delete_tab(self._tab.id)])
        self._tab, self._waiting = None, []
