"""The promise of a server of files, and which names of it we take."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from towpath.core.application import Tools
from towpath.core.errors import DataError

#: Called between chunks: raises if nobody wants the transfer any more.
Check = Callable[[], None]
#: Takes a piece of a file; raises `TowpathError` if the disk does not.
Write = Callable[[bytes], object]
CHUNK = 1 << 18


@dataclass(frozen=True)
class Entry:
    """A file as its server lists it."""

    name: str
    """Relative to the folder that was listed; with slashes on S3."""
    path: str
    """As `Folder` takes it."""
    size: int
    modified: str
    """Any text that changes when the file does; empty if the server does not say."""


class Folder(Protocol):
    """A server of files. Paths are texts of its own; methods raise `TowpathError` and nothing else."""

    def check(self) -> str:
        """What answered."""
        ...

    def session(self) -> AbstractContextManager[None]:
        """Connected within. The calls below come from inside of one."""
        ...

    def join(self, folder: str, name: str) -> str:
        """The path of the file in the folder."""
        ...

    def entries(self, folder: str, starts: str) -> Sequence[Entry]:
        """The files right in the folder (on S3 all below) whose names begin so, in any order.

        Raises `TowpathError` ``path.not_found`` or ``bucket.not_found`` if there is no such folder.
        """
        ...

    def entry(self, folder: str, name: str) -> Entry | None:
        """The file as it is now; None if it has gone."""
        ...

    def fetch(self, path: str, write: Write, check: Check) -> None:
        """Hand over the file's bytes in pieces. Raises ``path.not_found``, and whatever ``write`` raises."""
        ...

    def put(self, local: Path, folder: str, name: str, draft: str, check: Check) -> None:
        """Upload; under its name the file appears as a whole, in place of one that was there."""
        ...

    def move(self, path: str, folder: str, name: str) -> None:
        """Into another folder. A file that has gone was moved before."""
        ...

    def remove(self, path: str) -> None:
        """A file that has gone is fine."""
        ...


def check_name(name: str, *, deep: bool = False) -> str:
    """The name. Raises `DataError` ``file.name`` if it could lead out of its folder.

    ``deep``: it may hold slashes, as keys on S3 do.
    """
    parts = name.split("/") if deep else [name]
    bad = any(part in ("", ".", "..") or "/" in part or "\\" in part for part in parts)
    if bad or any(ord(char) < ord(" ") or char == "\x7f" for char in name):
        raise DataError(
            "file.name",
            f"{name!r} is not taken for the name of a file: it could lead out of its folder.",
            hint="Rename the file, or correct the template of the name.",
        )
    return name


def rendered(tools: Tools, template: str, record: Any) -> str:
    """What a template of a folder or name says for the record."""
    return tools.render(template, record) if "{" in template else template


def discard(path: Path) -> None:
    """Delete one of our own files; never raises."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
