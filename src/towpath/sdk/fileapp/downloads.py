"""Files fetched from a server to our disk before they are read.

A transfer takes as long as the network needs, and not as long as the flow: no server waits for us with an
open connection, places for others are free at once, and what is read does not change meanwhile.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from towpath.core.application import Tools
from towpath.core.errors import ConflictError
from towpath.sdk.fileapp.folder import Entry, Folder, discard
from towpath.sdk.oserrors import translated


@contextmanager
def downloaded(
    server: Folder, folder: str, entry: Entry, tools: Tools, *, keep: bool = False
) -> Iterator[BinaryIO]:
    """The file, open, as it was when it was listed; fetched once for all attempts of the run.

    Afterwards our copy is deleted, unless ``keep`` or an error stopped the reading.
    Raises `ConflictError` ``file.changed`` if the file has changed since.
    """
    copy = tools.folder() / f"{_digest(entry)}.download"
    if not copy.exists():
        _fetch(server, folder, entry, copy, tools)
    with translated(copy):
        file = copy.open("rb")
    with file:
        yield file
    if not keep:
        discard(copy)


def _digest(entry: Entry) -> str:
    """A name for this state of the file. Of one whose changes cannot be seen no copy is used again."""
    seen = entry.modified or secrets.token_hex(16)
    return hashlib.sha256(f"{entry.path}\0{entry.size}\0{seen}".encode(errors="surrogatepass")).hexdigest()[
        :32
    ]


def _fetch(server: Folder, folder: str, entry: Entry, copy: Path, tools: Tools) -> None:
    draft = copy.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}")
    disk = _Disk(draft)
    try:
        with tools.slot(), server.session():
            tools.note("request", {"operation": "read", "path": entry.path})
            with disk:
                server.fetch(entry.path, disk.write, tools.check_wanted)
            now = server.entry(folder, entry.name)
            tools.note("response", {"operation": "read", "path": entry.path, "bytes": disk.size})
        if disk.size != entry.size or now is None or (now.size, now.modified) != (entry.size, entry.modified):
            raise changed(entry.path)
        with translated(copy):
            draft.replace(copy)
    finally:
        discard(draft)


class _Disk:
    """A new file of ours, whose troubles are told as ours."""

    def __init__(self, path: Path) -> None:
        self._path, self.size = path, 0

    def __enter__(self) -> None:
        with translated(self._path):
            self._file = self._path.open("xb")

    def __exit__(self, *_: object) -> None:
        with translated(self._path):
            self._file.close()

    def write(self, data: bytes) -> None:
        with translated(self._path):
            self._file.write(data)
        self.size += len(data)


def changed(path: str) -> ConflictError:
    """``file.changed``."""
    return ConflictError(
        "file.changed",
        f"{path} changed while it was read.",
        hint="Somebody writes it still: run again later, or let files be written under another name first.",
        retryable=True,
        file=path,
    )
