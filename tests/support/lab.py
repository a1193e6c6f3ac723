"""Flows of the records lane in one process, whose runs may be killed at every call and every message."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from support.records import PlainHost
from towpath.core.flows import ExportSpec, ImportSpec
from towpath.core.pipelines import Pipeline
from towpath.core.records import Counters
from towpath.core.steps import PageRead, RecordWrite
from towpath.engine.plain import plain
from towpath.engine.records import End
from towpath.engine.records.assignment import Assignment
from towpath.engine.records.flow import FlowRun
from towpath.engine.records.progress import Durable, Progress
from towpath.engine.records.spec import Step
from towpath.sdk.testing.memory import _WORLDS as WORLDS
from towpath.sdk.testing.memory import MemoryConfig, World, connector


class KilledError(BaseException):
    """The process is dead."""


class Lab:
    """One flow, what is durable of its run, and a way to kill it."""

    def __init__(self, pipeline: Pipeline, folder: Path, name: str = "lab") -> None:
        self.pipeline = pipeline
        self.world = WORLDS[name] = World()
        self.world.strike = self._strike
        self.host = PlainHost(folder)
        self.steps: dict[str, Step] = {}
        self.words: dict[str, Any] = {}
        self.given: dict[str, Sequence[Any]] = {}
        self.open_keys: dict[str, frozenset[str]] = {}
        self.end = End(id="con_lab", connector=connector, config=MemoryConfig(name=name), level=2)
        self.forget()
        self._left: int | None = None
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Begin another run."""
        self.progress: dict[str, Progress] = {}
        self.counters = dict[str, Counters]()
        self.errors: dict[tuple[str, str], dict[str, Any]] = {}
        self.passed: list[tuple[str, str]] = []
        self.sent: set[str] = set()
        self.published: dict[str, Mapping[str, Any]] = {}
        self.marked: list[tuple[str, str]] = []

    # ── the flow ─────────────────────────────────────────────────────────────────────────────────

    def fill(self, name: str, records: Sequence[Any]) -> None:
        with self.world.change() as state:
            state.records[name] = list(records)

    def sink(self, name: str) -> list[Any]:
        return list(self.world.look().records.get(name, []))

    def export(self, id: str, request: Mapping[str, Any] | None = None, **pages: Any) -> None:
        spec = ExportSpec(pages=PageRead(request=request or {"name": id}, **{"page_size": 3, **pages}))
        self.steps[id] = Step(id, self.end.id, spec, None, self.words, None)

    def import_(self, id: str, request: Mapping[str, Any] | None = None, **records: Any) -> None:
        spec = ImportSpec(records=RecordWrite(request=request or {"name": id}, **records))
        self.steps[id] = Step(id, self.end.id, None, spec, self.words, None)

    # ── its runs ─────────────────────────────────────────────────────────────────────────────────

    def attempt(
        self, kill_after: int | None = None, retry: Sequence[Mapping[str, Any]] | None = None
    ) -> dict[str, Any]:
        """One attempt; it dies after so many calls and messages."""
        self._left = kill_after
        assignment = Assignment(
            pipeline=self.pipeline,
            steps=self.steps,
            ends={self.end.id: self.end},
            words=self.words,
            generators=[] if retry is not None else [one.step for one in self.pipeline.generators],
            given=self.given,
            progress=self.progress,
            counters=self.counters,
            retry=None if retry is None else [one for one in retry if one["id"] not in self.sent],
            published=frozenset(self.published),
            open_keys=self.open_keys,
        )
        with FlowRun(assignment, self.host, self) as run:
            return run.run()

    def run(
        self, kills: Sequence[int] = (), retry: Sequence[Mapping[str, Any]] | None = None
    ) -> dict[str, Any]:
        """Attempts until one survives."""
        for kill in kills:
            try:
                return self.attempt(kill, retry)
            except KilledError:
                continue
        return self.attempt(None, retry)

    def kept(self) -> list[dict[str, Any]]:
        """The errors as a retry is given them."""
        return [
            {"id": f"err_{number}", "stream": error["stream"], **_kept(error)}
            for number, error in enumerate(self.errors.values())
        ]

    # ── Parent ───────────────────────────────────────────────────────────────────────────────────

    def began(self, steps: Sequence[str]) -> None:
        self._strike("began")

    def page(self, page: Durable) -> None:
        self._strike("before")
        self.counters |= page.counters
        if page.step is not None and page.progress is not None:
            self.progress[page.step] = Progress.of(plain(page.progress.to_json()))
        for error in page.errors:
            key = (error["stream"], error["key"])
            assert key not in self.errors, "two errors with one key"
            self.errors[key] = dict(error)
        self.passed += [(step, key) for step, keys in page.passed.items() for key in keys]
        self.sent.update(page.sent)
        self.published |= page.published
        self._strike("after")

    def down(self, connection: str, message: str) -> None:
        self.marked.append((connection, message))

    def _strike(self, point: str) -> None:
        with self._lock:
            if self._left is None:
                return
            if self._left == 0:
                raise KilledError(point)
            self._left -= 1


def _kept(error: Mapping[str, Any]) -> dict[str, Any]:
    return {"record": plain(error["record"]), "detail": plain(error["detail"])}


@contextmanager
def laboratory(pipeline: Pipeline) -> Iterator[Lab]:
    with TemporaryDirectory() as folder:
        yield Lab(pipeline, Path(folder))
