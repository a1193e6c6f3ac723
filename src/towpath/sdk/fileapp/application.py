"""The application of file servers: exports read the files of a folder, imports make files in one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from threading import Lock
from types import TracebackType
from typing import Any, Self, cast

from pydantic import BaseModel

from towpath.core.application import Failure, Outcome, Page, Sending, Tools
from towpath.core.errors import ConfigError, TowpathError
from towpath.core.model import Record, State
from towpath.sdk.fileapp.folder import Folder, rendered
from towpath.sdk.fileapp.pages import Files, pages
from towpath.sdk.fileapp.reading import FileReading
from towpath.sdk.fileapp.sending import Sender
from towpath.sdk.fileapp.writing import FileWriting

#: The server, and the template of the folder, that a step names.
Where = Callable[[FileReading | FileWriting], tuple[Folder, str]]


class FileApplication:
    """An `Application` over a server of files.

    ``deep``: names of files may hold slashes, as keys on S3 do.
    """

    def __init__(self, server: AbstractContextManager[Folder], where: Where, *, deep: bool) -> None:
        self._manager, self._where, self._deep = server, where, deep
        self._senders: dict[str, Sender] = {}
        self._lock = Lock()

    def __enter__(self) -> Self:
        self._server = self._manager.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._manager.__exit__(kind, error, trace)

    def check(self) -> str:
        """What answered, and that its root folder can be listed."""
        with self._server.session():
            return self._server.check()

    def pages(
        self, read: BaseModel, size: int, tools: Tools, *, record: Any = None, after: State | None = None
    ) -> Iterator[Page]:
        """The records of the folder's files, by the names of the files; a page never has two files.

        `Page.files` has the file as ``{"name", "path", "size", "modified", "complete"}``, ``complete`` on the
        last page of it. The file itself stays where it is until `read_back` is given that entry. Records
        about files (``output`` metadata) come without such entries, so nothing is taken away.

        Raises `ConflictError` ``file.changed``, `DataError` ``file.encoding``, ``file.invalid``,
        ``file.bomb``, ``file.name``, `NotFoundError` ``path.not_found``.
        """
        reading = cast("FileReading", read)
        server, folder = self._where(reading)
        subject = {} if record is None else record
        files = Files(
            server,
            rendered(tools, folder, subject),
            self._deep,
            rendered(tools, reading.name_starts, subject),
            rendered(tools, reading.name_ends, subject),
            reading,
        )
        return pages(files, size, tools, after, keep=record is not None)

    def read_back(self, read: BaseModel, records: Sequence[Record], tools: Tools) -> Sequence[Failure | None]:
        """Take files away whose records are durable downstream: delete them, or move them to the backup.

        ``records`` are not records here, but entries of `Page.files`. Those without ``complete`` are left
        alone, so the entries of all pages that are done may be given as they are. Nothing else deletes: a
        file goes only when the caller says so. One that has changed meanwhile stays, and is a failure; one
        that has gone is fine. With ``skip_delete`` and no backup it does nothing.
        """
        reading = cast("FileReading", read)
        server, folder = self._where(reading)
        backup = rendered(tools, reading.backup, {})
        if reading.skip_delete and not backup:
            return [None] * len(records)
        done = [bool(entry.get("complete")) for entry in records]
        if not any(done):
            return [None] * len(records)
        here = rendered(tools, folder, {})
        with tools.slot(), server.session():
            return [
                _taken_away(server, here, backup, entry, tools) if complete else None
                for entry, complete in zip(records, done, strict=True)
            ]

    def look(self, lookup: Mapping[str, Any], record: Any, tools: Tools) -> Sequence[Any]:
        """Files have no dynamic lookups: a lookup step reads them."""
        raise ConfigError(
            "config.unsupported",
            "A file server cannot be asked for one value.",
            hint="Use a static lookup, or a lookup step that reads the files.",
        )

    def send(self, write: BaseModel, sendings: Sequence[Sending], tools: Tools) -> Sequence[Outcome]:
        """Hold the records back for `finish`, durably, or write files now: as ``per`` says.

        A page that is sent again after a crash has the same ``tools.now.words["page"]``: it takes the place
        of what it was.
        """
        tools.check_wanted()
        if not sendings:
            return []
        with self._lock:
            return self._sender(cast("FileWriting", write), tools).send(sendings, tools)

    def finish(self, write: BaseModel, tools: Tools) -> Mapping[str, Any]:
        """Write the file of the run, if it has any record.

        ``{"files": [{"name", "path", "size", "records"}, …]}`` of all files of the run.
        """
        with self._lock:
            return self._sender(cast("FileWriting", write), tools).finish(tools)

    def _sender(self, writing: FileWriting, tools: Tools) -> Sender:
        """The one that knows what this step has sent; it is slow to learn it."""
        folder = tools.folder()
        if str(folder) not in self._senders:
            server, where = self._where(writing)
            self._senders[str(folder)] = Sender(writing, server, where, folder / "outgoing", deep=self._deep)
        return self._senders[str(folder)]


def _taken_away(
    server: Folder, folder: str, backup: str, entry: Mapping[str, Any], tools: Tools
) -> Failure | None:
    tools.check_wanted()
    try:
        now = server.entry(folder, str(entry["name"]))
        if now is None:
            return None
        if (now.size, now.modified) != (entry["size"], entry["modified"]):
            return Failure(
                code="file.changed",
                message=f"{now.path} has changed since it was read: it stays where it is.",
            )
        about = {"operation": "move" if backup else "delete", "path": now.path}
        tools.note("request", about)
        if backup:
            server.move(now.path, backup, now.name)
        else:
            server.remove(now.path)
        tools.note("response", about)
    except TowpathError as error:
        return Failure(code=error.code, message=error.message, retryable=error.retryable)
    return None
