"""Writes to a spreadsheet: slices stage in hidden tabs, one batch of changes publishes them."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self

from towpath.connectors.google_sheets import names, requests
from towpath.connectors.google_sheets.config import GoogleSheetsConfig
from towpath.connectors.google_sheets.publish import adding, replacing, staged_tabs
from towpath.connectors.google_sheets.spreadsheet import Request, Spreadsheet, Tab
from towpath.connectors.google_sheets.writer import SliceWriter
from towpath.sdk import (
    Checkpoint,
    ConfigError,
    DataError,
    Receipt,
    SchemaError,
    Slice,
    Target,
    TowpathError,
    WriteMode,
)
from towpath.sdk.targets import check_key, check_unpartitioned

_log = logging.getLogger("towpath.connectors.google_sheets")
_TITLE, _STATE = 100, 25_000


class GoogleSheetsDestination:
    """A `Destination`; the spreadsheet is opened when it is first needed."""

    def __init__(self, config: GoogleSheetsConfig) -> None:
        self._config = config
        self._open: Spreadsheet | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _spreadsheet(self) -> Spreadsheet:
        if self._open is None:
            self._open = Spreadsheet(self._config)
        return self._open

    # ── Destination ──────────────────────────────────────────────────────────────────────────────

    def check(self) -> str:
        with Spreadsheet(self._config, retries=0) as spreadsheet:
            title = spreadsheet.title()
            spreadsheet.change([requests.touch()])
        return f"Google Sheets, {title!r}"

    def prepare(self, target: Target) -> None:
        _validate(target)
        tabs = self._spreadsheet().tabs()
        _find(tabs, target)
        mine, run = names.line(target), names.run(target)
        self._drop(tab for title, tab in tabs.items() if title.startswith(mine) and not title.startswith(run))
        if self._config.cleanup is not None and self._mode(target) is not target.mode:
            _log.warning("%s: the connection's cleanup makes it %s", target.stream, self._mode(target))

    def writer(self, target: Target, slice: Slice) -> SliceWriter:
        return SliceWriter(self._spreadsheet, target, slice)

    def commit(self, target: Target, receipts: Sequence[Receipt], checkpoint: Checkpoint) -> None:
        if self._done(target, checkpoint):
            return
        changes = [*self._publish(target, receipts, checkpoint), *self._remember(target, checkpoint)]
        try:
            self._spreadsheet().change(changes)
        except TowpathError:
            # Tabs and the checkpoint's id are taken once: perhaps the answer was lost, and it is done.
            if not self._done(target, checkpoint):
                raise

    def committed(self, target: Target) -> Checkpoint | None:
        found = [
            Checkpoint.from_json(json.loads(text))
            for _, text in self._spreadsheet().remembered(names.key(target))
        ]
        return found[0] if found else None

    def discard(self, target: Target) -> None:
        run = names.run(target)
        self._drop(tab for title, tab in self._spreadsheet().tabs().items() if title.startswith(run))

    # ── steps ────────────────────────────────────────────────────────────────────────────────────

    def _mode(self, target: Target) -> WriteMode:
        """The flow's mode, unless the connection says what to do with all of them."""
        if self._config.cleanup is None:
            return target.mode
        return WriteMode.OVERWRITE if self._config.cleanup else WriteMode.APPEND

    def _done(self, target: Target, checkpoint: Checkpoint) -> bool:
        last = self.committed(target)
        return last is not None and last.run == checkpoint.run and last.number >= checkpoint.number

    def _publish(
        self, target: Target, receipts: Sequence[Receipt], checkpoint: Checkpoint
    ) -> Sequence[Request]:
        # Only the first commit of a run replaces; those that follow belong to it.
        replaces = self._mode(target) is WriteMode.OVERWRITE and checkpoint.number == 1
        if not receipts and not replaces:
            return []
        spreadsheet = self._spreadsheet()
        tabs = spreadsheet.tabs()
        staged, tab = staged_tabs(receipts, tabs), _find(tabs, target)
        return list(replacing(target, tab, staged) if replaces else adding(spreadsheet, target, tab, staged))

    def _remember(self, target: Target, checkpoint: Checkpoint) -> list[Request]:
        """The checkpoint in the same batch as the data. # Invariant 1"""
        key, text = names.key(target), json.dumps(checkpoint.to_json())
        if len(text) > _STATE:
            raise DataError(
                "value.too_large",
                f"The state of {target.stream} has {len(text):,} characters, more than a spreadsheet keeps.",
                hint="Use a cursor with fewer records of one value, or full refresh.",
                stream=target.stream,
            )
        old = [requests.forget(id) for id, _ in self._spreadsheet().remembered(key)]
        return [*old, requests.remember(names.number(target, checkpoint), key, text)]

    def _drop(self, tabs: Iterable[Tab]) -> None:
        changes = [requests.delete_tab(tab.id) for tab in tabs]
        if changes:
            self._spreadsheet().change(changes)


def _find(tabs: Mapping[str, Tab], target: Target) -> Tab | None:
    """The target's tab; titles are the same in small letters and capitals."""
    return next((tab for title, tab in tabs.items() if title.lower() == target.name.lower()), None)


def _validate(target: Target) -> None:
    if target.mode is WriteMode.UPSERT:
        raise ConfigError(
            "write_mode.unsupported",
            "A spreadsheet has no keys to upsert by.",
            hint="Write in append or overwrite mode.",
            field="mode",
        )
    if target.namespace is not None:
        raise ConfigError(
            "namespace.unsupported",
            "A spreadsheet has tabs and nothing above them.",
            hint="Leave the namespace out.",
            field="namespace",
        )
    if len(target.name) > _TITLE:
        raise SchemaError(
            "name.too_long",
            f"The title of a tab has {_TITLE} characters at most, {target.name!r} has more.",
            hint="Give the stream another target name.",
            stream=target.stream,
        )
    check_key(target)
    check_unpartitioned(target, "Google Sheets")
