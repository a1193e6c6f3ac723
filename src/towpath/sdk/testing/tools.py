"""What the engine lends to an application, in its simplest form: for tests that run without an engine.

Templates know names and nothing else: ``{{x.y}}``, ``{{{x.0}}}``.
"""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from towpath.core.application import Escape, Now

_NAME = re.compile(r"\{\{(?:\{([^{}]+)\}|([^{}]+))\}\}")
_STEP = re.compile(r"[^.\[\]]+")
_NOTHING: Any = object()


class UnwantedError(Exception):
    """Nobody wants the result any more."""


class PlainTools:
    """`Tools` that count and remember what they are used for."""

    def __init__(
        self,
        folder: Path,
        *,
        level: int = 4,
        words: Mapping[str, Any] | None = None,
        debugging: bool = False,
        test: bool = False,
    ) -> None:
        self.level, self.debugging = level, debugging
        self.now = Now(step="step", words=words or {}, test=test)
        self.notes: list[tuple[str, Mapping[str, Any]]] = []
        self.taken = self.most = 0
        """Places taken now, and the most that ever were."""
        self.patience: float = float("inf")
        """How often `check_wanted` may be called until nobody wants the result any more."""
        self._folder = folder
        self._places = threading.BoundedSemaphore(level)
        self._lock = threading.Lock()

    def render(self, template: str, record: Any, *, escape: Escape = Escape.NONE, **more: Any) -> str:
        known = dict(record) if isinstance(record, Mapping) else {}
        context = {"record": record, **known, **self.now.words, **more}

        def fill(name: re.Match[str]) -> str:
            found = self.value((name[1] or name[2]).strip(), context)
            return _text(found) if name[1] else _escaped(_text(found), escape)

        return _NAME.sub(fill, template)

    def value(self, path: str, record: Any) -> Any:
        found = _walk(record, _STEP.findall(path.removeprefix("$")))
        return None if found is _NOTHING else found

    def has(self, path: str, record: Any) -> bool:
        return _walk(record, _STEP.findall(path.removeprefix("$"))) is not _NOTHING

    @contextmanager
    def slot(self) -> Iterator[None]:
        with self._places:
            with self._lock:
                self.taken += 1
                self.most = max(self.most, self.taken)
            try:
                yield
            finally:
                with self._lock:
                    self.taken -= 1

    def note(self, what: str, detail: Mapping[str, Any]) -> None:
        if self.debugging:
            self.notes.append((what, detail))

    @contextmanager
    def token(self) -> Iterator[str]:
        yield "one-time-token"

    def folder(self) -> Path:
        return self._folder

    def check_wanted(self) -> None:
        with self._lock:
            self.patience -= 1
            if self.patience < 0:
                raise UnwantedError


def _walk(value: Any, steps: list[str]) -> Any:
    for place, step in enumerate(steps):
        if step == "*":
            found = [_walk(one, steps[place + 1 :]) for one in value] if isinstance(value, list) else []
            return [one for one in found if one is not _NOTHING]
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _NOTHING
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _escaped(text: str, escape: Escape) -> str:
    match escape:
        case Escape.URI:
            return quote(text, safe="")
        case Escape.JSON:
            return orjson.dumps(text).decode()[1:-1]
        case Escape.SQL:
            return "'" + text.replace("'", "''") + "'"
        case _:
            return text
