"""Records that wait for the end of the run, to become one file.

Each page is one line of a journal. A page that comes again after a crash carries the same key, and takes the
place of what it was before. # Invariant 3
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from towpath.sdk.fileapp.journal import Journal


class Held:
    """The records held back by one step of one run."""

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(folder / "held.jsonl")
        self._last: dict[str, tuple[int, str]] = {}
        self._lines = 0
        for line in self._journal.lines():
            self._learn(line["page"], line["digest"])

    def _learn(self, key: str, digest: str) -> None:
        self._last[key] = self._lines, digest
        self._lines += 1

    def add(self, key: str, rows: Sequence[Any]) -> None:
        """Keep the rows, instead of those that were kept under the key. Durable when it returns."""
        digest = digest_of(rows)
        if self._last.get(key, (0, ""))[1] != digest:
            self._journal.add({"page": key, "digest": digest, "rows": rows})
            self._learn(key, digest)

    @property
    def empty(self) -> bool:
        return not self._last

    @property
    def digest(self) -> str:
        """Of all that is kept."""
        return digest_of(sorted(self._last.values()))

    def rows(self) -> Iterator[Any]:
        """All rows, in the order in which they came; again and again."""
        for number, line in enumerate(self._journal.lines()):
            if self._last[line["page"]][0] == number:
                yield from line["rows"]


def digest_of(rows: Any) -> str:
    return hashlib.sha256(orjson.dumps(rows)).hexdigest()[:32]
