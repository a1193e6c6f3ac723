"""Which files a step of a run writes: what each is called, and whether it is there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from towpath.sdk.fileapp.journal import Journal


@dataclass(frozen=True)
class Place:
    """Where a file goes."""

    folder: str
    name: str
    backup: str = ""
    """A second folder for it; empty for none."""


class Ledger:
    """Remembers through crashes. Places are given once for each key, and never twice."""

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(folder / "files.jsonl")
        self._places: dict[str, Place] = {}
        self._done: dict[str, Mapping[str, Any]] = {}
        self._digests: dict[str, str] = {}
        for line in self._journal.lines():
            self._learn(line)

    def _learn(self, line: Mapping[str, Any]) -> None:
        if "file" in line:
            self._done[line["key"]], self._digests[line["key"]] = line["file"], line["digest"]
        else:
            self._places[line["key"]] = Place(**line["place"])

    def place(self, key: str, render: Callable[[], Place]) -> Place:
        """Where the file of this key goes; rendered at the first time, with a number if the run has written
        another file of that name there.
        """
        if key not in self._places:
            place = render()
            name = _unlike(
                place.name, {one.name for one in self._places.values() if one.folder == place.folder}
            )
            self._note({"key": key, "place": asdict(replace(place, name=name))})
        return self._places[key]

    def done(self, key: str, digest: str) -> bool:
        """Whether the file of the key is there, and holds what has this digest."""
        return self._digests.get(key) == digest

    def written(self, key: str, digest: str, file: Mapping[str, Any]) -> None:
        """The file is there."""
        self._note({"key": key, "digest": digest, "file": file})

    @property
    def files(self) -> Sequence[Mapping[str, Any]]:
        """All that were written, in order."""
        return list(self._done.values())

    def _note(self, line: Mapping[str, Any]) -> None:
        self._journal.add(line)
        self._learn(line)


def _unlike(name: str, taken: set[str]) -> str:
    path, number, found = PurePosixPath(name), 1, name
    while found in taken:
        number += 1
        found = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
    return found
