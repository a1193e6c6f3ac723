"""Records that become files: one for the run, for each page, or for each record."""

import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from towpath.core.application import Failure, Outcome, Sending, Tools
from towpath.core.errors import DataError
from towpath.sdk.fileapp.folder import Folder, check_name, discard, rendered
from towpath.sdk.fileapp.held import Held, digest_of
from towpath.sdk.fileapp.keys import Keys
from towpath.sdk.fileapp.ledger import Ledger, Place
from towpath.sdk.fileapp.render import Rows, fault, render
from towpath.sdk.fileapp.writing import FileWriting

_RUN = "run"


class Sender:
    """One step's writing in one run; what it must remember stands in ``memory``.

    ``folder``: template of the folder on the server. ``deep``: names may hold slashes.
    """

    def __init__(
        self, writing: FileWriting, server: Folder, folder: str, memory: Path, *, deep: bool
    ) -> None:
        self._writing, self._server, self._folder, self._deep = writing, server, folder, deep
        self._memory = memory
        self._ledger, self._held, self._keys = Ledger(memory), Held(memory), Keys()

    def send(self, sendings: Sequence[Sending], tools: Tools) -> list[Outcome]:
        """One outcome for each, in order: held back or written."""
        refused = [self._refused(sending) for sending in sendings]
        fine = [sending for sending, failed in zip(sendings, refused, strict=True) if failed is None]
        written = iter(self._send(fine, tools) if fine else ())
        return [failed or next(written) for failed in refused]

    def _refused(self, sending: Sending) -> Outcome | None:
        found = next(filter(None, (fault(row, self._writing) for row in _rows([sending]))), None)
        what = f"The record cannot be written as {self._writing.format}: {found}."
        return _failed("value.unrepresentable", what) if found else None

    def _send(self, sendings: Sequence[Sending], tools: Tools) -> list[Outcome]:
        if self._writing.per == "record":
            return [self._alone(sending, tools) for sending in sendings]
        if self._writing.per == "page":
            return [self._page(sendings, tools)] * len(sendings)
        place = self._ledger.place(_RUN, lambda: self._place(sendings[0].record, tools))
        self._held.add(self._keys.key(tools.now), _rows(sendings))
        self._keys.done()
        return [self._outcome(place)] * len(sendings)

    def _page(self, sendings: Sequence[Sending], tools: Tools) -> Outcome:
        key = self._keys.key(tools.now)
        rows = _rows(sendings)
        place = self._ledger.place(key, lambda: self._place(sendings[0].record, tools))
        self._publish(key, place, lambda: rows, digest_of(rows), tools)
        self._keys.done()
        return self._outcome(place)

    def _alone(self, sending: Sending, tools: Tools) -> Outcome:
        tools.check_wanted()
        try:
            return self._page([sending], tools)
        except DataError as error:
            return _failed(error.code, error.message)

    def finish(self, tools: Tools) -> Mapping[str, Any]:
        """Publish what was held back; all files that this step has written."""
        if not self._held.empty:
            place = self._ledger.place(_RUN, lambda: self._place({}, tools))
            self._publish(_RUN, place, self._held.rows, self._held.digest, tools)
        return {"files": list(self._ledger.files)}

    def _place(self, record: Any, tools: Tools) -> Place:
        now = str(time.time_ns() // 1_000_000)
        name = tools.render(self._writing.name, record, timestamp=now).strip()
        ending = self._writing.extension and f".{self._writing.extension.lstrip('.')}"
        name = name if not ending or name.endswith(ending) else name + ending
        return Place(
            rendered(tools, self._folder, record),
            check_name(name.lstrip("/") if self._deep else name, deep=self._deep),
            rendered(tools, self._writing.backup, record),
        )

    def _publish(self, key: str, place: Place, rows: Rows, digest: str, tools: Tools) -> None:
        if self._ledger.done(key, digest):
            return
        draft = self._memory / f"{secrets.token_hex(8)}.draft"
        try:
            records = render(rows, self._writing, place.name, draft)
            size = draft.stat().st_size
            for folder in filter(None, (place.folder, place.backup)):
                self._upload(draft, folder, place.name, tools)
        finally:
            discard(draft)
        path = self._server.join(place.folder, place.name)
        about = {"name": place.name, "path": path, "size": size, "records": records}
        self._ledger.written(key, digest, about)

    def _upload(self, local: Path, folder: str, name: str, tools: Tools) -> None:
        template = self._writing.in_progress_name
        draft = tools.render(template, {}, timestamp=name) if template else f".{name}.part"
        about = {"operation": "write", "path": self._server.join(folder, name)}
        with tools.slot(), self._server.session():
            tools.note("request", about)
            self._server.put(local, folder, name, check_name(draft, deep=self._deep), tools.check_wanted)
            tools.note("response", about)

    def _outcome(self, place: Place) -> Outcome:
        path = self._server.join(place.folder, place.name)
        return Outcome(id=path, json={"file": path})


def _rows(sendings: Sequence[Sending]) -> list[Any]:
    return [
        row
        for sending in sendings
        for row in (sending.data if isinstance(sending.data, list) else [sending.data])
    ]


def _failed(code: str, message: str) -> Outcome:
    return Outcome(status=422, errors=[Failure(code=code, message=message)])
