"""What tests of the records lane share: a host for steps, and lists of records in a world."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from towpath.sdk.testing.memory import World


class PlainHost:
    """Remembers what steps tell."""

    def __init__(self, folder: Path) -> None:
        self.places = folder / "places"
        self._folder = folder
        self.notes: list[tuple[str, str, str]] = []
        self.warnings: list[str] = []
        self.tokens: list[str] = []
        self.dead: list[str] = []
        self.caches: dict[tuple[str, str], Any] = {}

    def note(self, end: str, step: str, what: str, detail: Mapping[str, Any]) -> None:
        self.notes.append((end, step, what))

    @contextmanager
    def token(self, step: str) -> Iterator[str]:
        token = f"token-{len(self.tokens)}"
        self.tokens.append(token)
        try:
            yield token
        finally:
            self.dead.append(token)

    def folder(self, step: str) -> Path:
        folder = self._folder / step
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def check_wanted(self) -> None:
        pass

    def warn(self, step: str, message: str) -> None:
        self.warnings.append(message)

    def cached(self, scope: str, key: str) -> Any | None:
        return self.caches.get((scope, key))


def fill(world: World, name: str, records: list[Any]) -> None:
    with world.change() as state:
        state.records[name] = records


def ids(records: Any) -> list[Any]:
    return [record["id"] for record in records]
