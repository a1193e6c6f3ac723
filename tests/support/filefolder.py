"""A server of files that is a folder of this disk: the simplest `Folder` there can be."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from towpath.sdk.fileapp import Check, Entry, FileApplication, FileReading, FileWriting
from towpath.sdk.fileapp.folder import CHUNK, Write


class DiskFolder:
    """What is done to it is counted, and ``before_put`` may fail."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.fetched: list[str] = []
        self.puts: list[str] = []
        self.before_put: Any = lambda: None

    def check(self) -> str:
        return "a folder"

    @contextmanager
    def session(self) -> Iterator[None]:
        yield

    def join(self, folder: str, name: str) -> str:
        return f"{folder}/{name}"

    def entries(self, folder: str, starts: str) -> Sequence[Entry]:
        found = [self.entry(folder, one.name) for one in (self.root / folder).iterdir() if one.is_file()]
        return [one for one in found if one]

    def entry(self, folder: str, name: str) -> Entry | None:
        path = self.root / folder / name
        if not path.exists():
            return None
        about = path.stat()
        return Entry(name, self.join(folder, name), about.st_size, str(about.st_mtime_ns))

    def fetch(self, path: str, write: Write, check: Check) -> None:
        self.fetched.append(path)
        with (self.root / path).open("rb") as file:
            while data := file.read(CHUNK):
                check()
                write(data)

    def put(self, local: Path, folder: str, name: str, draft: str, check: Check) -> None:
        self.before_put()
        check()
        self.puts.append(self.join(folder, name))
        temporary = self.root / folder / draft
        shutil.copy(local, temporary)
        os.replace(temporary, self.root / folder / name)  # noqa: PTH105 - one atomic act

    def move(self, path: str, folder: str, name: str) -> None:
        (self.root / path).rename(self.root / folder / name)

    def remove(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)


def application(folder: DiskFolder, where: str = "in") -> FileApplication:
    """An open application over the folder; it needs no closing."""

    def place(step: FileReading | FileWriting) -> tuple[DiskFolder, str]:
        return folder, where

    return FileApplication(nullcontext(folder), place, deep=False).__enter__()
