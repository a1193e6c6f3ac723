"""Lines that survive a crash: appended as a whole, or not there."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from towpath.sdk.oserrors import translated


class Journal:
    """A file of JSON lines, each on disk when `add` returns. One process writes it at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            _cut_torn_line(path)

    def add(self, line: Mapping[str, Any]) -> None:
        """Raises `ResourceError` ``disk.full`` … and leaves the file as it was, as far as it can."""
        self.append(orjson.dumps(line) + b"\n")

    def append(self, data: bytes) -> int:
        """Whole lines; the offset at which they begin."""
        with translated(self._path), self._path.open("r+b") as file:
            start = file.seek(0, os.SEEK_END)
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), start)
                raise
        return start

    def lines(self) -> Iterator[Any]:
        """All of them, in order."""
        with translated(self._path), self._path.open("rb") as file:
            yield from map(orjson.loads, file)


def _cut_torn_line(path: Path) -> None:
    """What a crash left of a line goes: nobody was told that it was kept."""
    with path.open("r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - (1 << 16))
            file.seek(start)
            cut = file.read(end - start).rfind(b"\n")
            if cut >= 0:
                end = start + cut + 1
                break
            end = start
        if end < size:
            file.truncate(end)
