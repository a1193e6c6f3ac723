"""The files of a folder as pages, each of records of one file.

The cursor of a page says which file it came from, how that file looked, and how many records of it were read:
another process fetches the same file and goes on behind them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import orjson

from towpath.core.application import Failure, Page, Tools
from towpath.core.errors import DataError
from towpath.core.steps import PAGE_BYTES
from towpath.sdk.fileapp.downloads import changed, downloaded
from towpath.sdk.fileapp.folder import Entry, Folder, check_name
from towpath.sdk.fileapp.parse import items
from towpath.sdk.fileapp.reading import FileReading

_CHECK_EVERY = 1000


@dataclass(frozen=True)
class Files:
    """Which files, and what is wanted of them."""

    server: Folder
    folder: str
    deep: bool
    starts: str
    ends: str
    reading: FileReading

    def entries(self, tools: Tools) -> list[Entry]:
        """Those that fit, by name. Raises `DataError` ``file.name`` if one could lead out."""
        with tools.slot(), self.server.session():
            tools.note("request", {"operation": "list", "path": self.folder})
            found = self.server.entries(self.folder, self.starts)
            tools.note("response", {"operation": "list", "path": self.folder, "files": len(found)})
        fitting = [one for one in found if one.name.startswith(self.starts) and one.name.endswith(self.ends)]
        for one in fitting:
            check_name(one.name, deep=self.deep)
        return sorted((one for one in fitting if self._shown(one.name)), key=lambda one: one.name)

    def _shown(self, name: str) -> bool:
        """Hidden names are of files that are being written, unless they are what is asked for."""
        hidden, wanted = (text.rpartition("/")[2].startswith(".") for text in (name, self.starts))
        return wanted or not hidden


def pages(
    files: Files, size: int, tools: Tools, after: Mapping[str, Any] | None, *, keep: bool
) -> Iterator[Page]:
    """All pages behind ``after``. ``keep``: the files will be wanted again soon."""
    entries = _remaining(files.entries(tools), after)
    if files.reading.output == "metadata":
        yield from _metadata(entries, size, tools)
        return
    skip = int(after["record"]) if after and not after["complete"] else 0
    for number, entry in enumerate(entries):
        for page in _file(files, entry, size, tools, skip, keep):
            done = bool(page.files[0]["complete"]) and number == len(entries) - 1
            yield _last(page) if done else page
        skip = 0


def _remaining(entries: Sequence[Entry], after: Mapping[str, Any] | None) -> list[Entry]:
    """Raises `ConflictError` ``file.changed`` if the file in the middle of which to go on is not the same."""
    if after is None:
        return list(entries)
    behind = [one for one in entries if one.name > after["name"]]
    if after["complete"]:
        return behind
    same = [one for one in entries if one.name == after["name"]]
    if not same or (same[0].size, same[0].modified) != (after["size"], after["modified"]):
        raise changed(str(after["name"]))
    return same + behind


def _metadata(entries: Sequence[Entry], size: int, tools: Tools) -> Iterator[Page]:
    for start in range(0, len(entries), size):
        tools.check_wanted()
        some = entries[start : start + size]
        records = [
            {
                "fileName": entry.name,
                "filePath": entry.path,
                "fileSize": entry.size,
                "lastModified": entry.modified or None,
            }
            for entry in some
        ]
        after = _about(some[-1], complete=True) | {"record": 0}
        yield Page(records=records, after=after if start + size < len(entries) else None)


def _file(files: Files, entry: Entry, size: int, tools: Tools, skip: int, keep: bool) -> Iterator[Page]:
    warnings: list[str] = []
    with downloaded(files.server, files.folder, entry, tools, keep=keep) as file:
        every = items(
            file, files.reading, entry.path, warn=warnings.append, value=tools.value, folder=tools.folder()
        )
        read = skip
        for chunk, last in _chunks(islice(every, skip, None), size, tools, entry.path):
            read += len(chunk)
            yield _page(entry, chunk, warnings, read, complete=last)
            warnings.clear()


def _chunks(every: Iterable[Any], size: int, tools: Tools, name: str) -> Iterator[tuple[list[Any], bool]]:
    """Items page by page, and whether these are the last of the file: at least one page, maybe an empty one.

    If the file breaks, what was read before comes first.
    """
    chunk: list[Any] = []
    weight = 0
    tools.check_wanted()
    try:
        for number, item in enumerate(every, 1):
            if number % _CHECK_EVERY == 0:
                tools.check_wanted()
            kept, bytes = _weighed(item, name)
            if chunk and (len(chunk) >= size or weight + bytes > PAGE_BYTES):
                yield chunk, False
                tools.check_wanted()
                chunk, weight = [], 0
            chunk.append(kept)
            weight += bytes
    except DataError:
        if chunk:
            yield chunk, False
        raise
    yield chunk, True


def _weighed(item: Any, name: str) -> tuple[Any, int]:
    """The item with its bytes as JSON; a record that no page can hold becomes a failure."""
    if isinstance(item, Failure):
        return item, 0
    bytes = len(orjson.dumps(item))
    if bytes <= PAGE_BYTES:
        return item, bytes
    text = f"A record of {name} has {bytes} bytes, more than the {PAGE_BYTES} that a record may have."
    return Failure(code="record.too_large", message=text), 0


def _page(entry: Entry, chunk: Sequence[Any], warnings: Sequence[str], read: int, *, complete: bool) -> Page:
    about = _about(entry, complete=complete)
    return Page(
        records=[one for one in chunk if not isinstance(one, Failure)],
        after=about | {"record": read},
        failures=[one for one in chunk if isinstance(one, Failure)],
        warnings=list(warnings),
        files=[about | {"path": entry.path}],
    )


def _about(entry: Entry, *, complete: bool) -> dict[str, Any]:
    return {"name": entry.name, "size": entry.size, "modified": entry.modified, "complete": complete}


def _last(page: Page) -> Page:
    return replace(page, after=None)
