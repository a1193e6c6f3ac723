"""The world that the reference connectors live in: tables, staging and checkpoints, in memory or a file."""

import fcntl
import json
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from towpath.core.errors import TowpathError
from towpath.core.model import Checkpoint, Receipt

#: Called at every point at which a process may die, with the name of the point.
Strike = Callable[[str], None]


@dataclass
class Table:
    """Rows that are only ever added, with their key."""

    rows: pa.Table
    primary_key: tuple[str, ...] = ()


@dataclass
class State:
    """Everything that survives a crash."""

    tables: dict[str, Table] = field(default_factory=dict)
    staging: dict[tuple[str, str, str], dict[str, tuple[Receipt, pa.Table]]] = field(default_factory=dict)
    """(lineage, stream, run) → slice → what is staged."""
    checkpoints: dict[tuple[str, str], Checkpoint] = field(default_factory=dict)
    commits: list[tuple[str, str, int]] = field(default_factory=list)
    """(stream, run, number) of every commit that changed something, in order."""
    acks: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    records: dict[str, list[Any]] = field(default_factory=dict)
    """What the application reads and writes, by name."""
    held: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    """(name, page) → what is to be published at the end of a run."""
    read_back: list[tuple[str, Any]] = field(default_factory=list)
    """(name, id) of every record that was told to be processed, in order."""


class World:
    """A `State` that is changed as a whole or not at all, by threads or by processes."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.strike: Strike = lambda _: None
        self._state = State()
        self._lock = threading.Lock()

    @contextmanager
    def change(self) -> Iterator[State]:
        """The state; what is changed in it stays if the block ends without an exception."""
        with self._lock, self._exclusively():
            state = self._load()
            yield state
            self._save(state)

    def look(self) -> State:
        """The state as it is now; changing it has no effect."""
        with self._lock, self._exclusively():
            return self._load()

    def _load(self) -> State:
        if self.path is None:
            return deepcopy(self._state)
        if not self.path.exists():
            return State()
        loaded: State = pickle.loads(self.path.read_bytes())  # noqa: S301 - a file of the tests
        return loaded

    def _save(self, state: State) -> None:
        if self.path is None:
            self._state = state
            return
        draft = self.path.with_suffix(".draft")
        draft.write_bytes(pickle.dumps(state))
        draft.replace(self.path)

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        if self.path is None:
            yield
            return
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class Faults:
    """Strikes that a test asks for by files in a folder, across processes.

    Each file is JSON: ``point`` (a prefix of the points it strikes at), ``do`` (``kill``, ``wait`` while the
    file exists, or ``error`` with a `TowpathError.to_json`), and ``times`` (how often; 0: always).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, point: str) -> None:
        for file in sorted(self._folder.glob("*.json")):
            try:
                fault = json.loads(file.read_text())
            except FileNotFoundError:  # the test ended it this very moment
                continue
            if point.startswith(fault["point"]) and self._claim(file, fault.get("times", 0)):
                self._do(file, fault, point)

    def _claim(self, file: Path, times: int) -> bool:
        for number in range(times):
            try:
                file.with_suffix(f".{number}").touch(exist_ok=False)
            except FileExistsError:
                continue
            return True
        return times == 0

    def _do(self, file: Path, fault: Mapping[str, Any], point: str) -> None:
        file.with_suffix(".hit").write_text(f"{os.getpid()} {point}")
        match fault["do"]:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "wait":
                while file.exists():
                    time.sleep(0.02)
            case _:
                raise TowpathError.from_json(fault["error"])


def add_fault(folder: Path, name: str, point: str, do: str, **more: Any) -> Path:
    """Ask for a strike; removing the file that is returned ends it."""
    folder.mkdir(parents=True, exist_ok=True)
    draft, file = folder / f"{name}.draft", folder / f"{name}.json"
    draft.write_text(json.dumps({"point": point, "do": do, **more}))
    draft.replace(file)
    return file
