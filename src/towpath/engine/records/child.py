"""A run of the records lane in its child process: what the worker lends the steps, and what it keeps."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from towpath.core.records import Counters, Level
from towpath.engine.plain import plain, redacted, secrets_of
from towpath.engine.records.assignment import Assignment
from towpath.engine.records.flow import FlowRun
from towpath.engine.records.progress import Durable, Progress
from towpath.engine.records.spec import ends_of, pipeline_of, step_of
from towpath.engine.talk import Talk
from towpath.sdk.registry import Registry

_MOST_LINES = 50


class Worker:
    """`Host` and `Parent` of a run, over the pipe."""

    def __init__(self, talk: Talk, task: Mapping[str, Any]) -> None:
        self._talk = talk
        self._folder = Path(task["folder"])
        self._lines: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._folders: dict[str, Path] = {}
        self.places = Path(task["places"])

    # ── Host ─────────────────────────────────────────────────────────────────────────────────────

    def note(self, end: str, step: str, what: str, detail: Mapping[str, Any]) -> None:
        line = {"connection": end, "step": step, "what": what, "detail": plain(detail)}
        with self._lock:
            self._lines.append(redacted(line, self._talk.secrets))
            full = len(self._lines) >= _MOST_LINES
        if full:
            self.flush()

    @contextmanager
    def token(self, step: str) -> Iterator[str]:
        key, text = self._talk.ask("token", step=step)
        try:
            yield text
        finally:
            self._talk.ask("spend", key=key)

    def folder(self, step: str) -> Path:
        with self._lock:
            if step not in self._folders:
                self._talk.ask("folder", step=step)
                self._folders[step] = self._folder / step
                self._folders[step].mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._folders[step]

    def check_wanted(self) -> None:
        """Whoever cancels the run kills this process."""

    def warn(self, step: str, message: str) -> None:
        self._talk.log(Level.WARNING, message, "step.warning", stream=step)

    def cached(self, scope: str, key: str) -> Any | None:
        """The value of a lookup cache."""
        return self._talk.ask("cached", scope=scope, key=key)

    # ── Parent ───────────────────────────────────────────────────────────────────────────────────

    def began(self, steps: Sequence[str]) -> None:
        self._talk.ask("began", steps=list(steps))

    def page(self, page: Durable) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
        self._talk.ask(
            "page",
            step=page.step,
            progress=None if page.progress is None else page.progress.to_json(),
            counters={step: asdict(counters) for step, counters in page.counters.items()},
            errors=[self._safe(error) for error in page.errors],
            passed={step: list(keys) for step, keys in page.passed.items()},
            sent=list(page.sent),
            published={step: dict(done) for step, done in page.published.items()},
            lines=lines,
        )

    def down(self, connection: str, message: str) -> None:
        self._talk.ask("down", connection=connection, message=redacted(message, self._talk.secrets))

    def flush(self) -> None:
        """Make the lines durable that are not yet."""
        with self._lock:
            lines, self._lines = self._lines, []
        if lines:
            self._talk.ask("lines", lines=lines)

    def _safe(self, error: Mapping[str, Any]) -> dict[str, Any]:
        record = plain(error["record"])
        message = redacted(error["message"], self._talk.secrets)
        return {**error, "record": record, "message": message, "detail": plain(error["detail"])}


def run_pages(task: Mapping[str, Any], talk: Talk, registry: Registry) -> None:
    """Run the flow, and tell the worker what came of it. Raises what failed it."""
    ends = ends_of(task, registry)
    talk.secrets = frozenset().union(*(secrets_of(end.config) for end in ends.values()))
    worker = Worker(talk, task)
    words = task["words"]
    assignment = Assignment(
        pipeline=pipeline_of(task),
        steps={id: step_of(id, told, words) for id, told in task["steps"].items()},
        ends=ends,
        words=words,
        generators=task["generators"],
        given=task["given"],
        progress={step: Progress.of(told) for step, told in task["progress"].items()},
        counters={step: Counters(**told) for step, told in task["counters"].items()},
        retry=task["retry"],
        published=frozenset(task["published"]),
        open_keys={step: frozenset(keys) for step, keys in task["open_keys"].items()},
    )
    try:
        with FlowRun(assignment, worker, worker) as run:
            result = run.run()
    finally:
        worker.flush()
    talk.result(result)
