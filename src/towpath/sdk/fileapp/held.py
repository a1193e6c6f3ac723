"""Records that wait for the end of the run, to become one file.

Each page is one line of a journal. A page that comes again after a crash carries the same key, so it is known
and not added twice. # Invariant 3
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from towpath.sdk.fileapp.journal import Journal


class Held:
    """The records held back by one step of one run."""

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(folder / "held.jsonl")
        self._keys = {line["page"] for line in self._journal.lines()}

    def add(self, key: str, rows: Sequence[Any]) -> None:
        """Keep the rows; does nothing if the page is there. Durable when it returns."""
        if key not in self._keys:
            self._journal.append(orjson.dumps({"page": key, "rows": rows}) + b"\n")
            self._keys.add(key)

    @property
    def empty(self) -> bool:
        return not self._keys

    def rows(self) -> Iterator[Any]:
        """All rows, in the order in which they came; again and again."""
        for line in self._journal.lines():
            yield from line["rows"]
