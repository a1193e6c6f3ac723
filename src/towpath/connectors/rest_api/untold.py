"""What stands in for the caller's tools where nobody lends any: a check before the connection is kept."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from towpath.sdk import ConfigError, Escape, Now

_NAME = re.compile(r"\{\{\{([^{}]+)\}\}\}|\{\{([^{}]+)\}\}")
_PLAIN = re.compile(r"[\w.\[\]]+")
_STEP = re.compile(r"[^.\[\]]+")


class Untold:
    """`Tools` whose templates know the words of the connection by their names, and nothing else."""

    now = Now()
    level = 1
    debugging = False

    def render(self, template: str, record: Any, *, escape: Escape = Escape.NONE, **more: Any) -> str:
        """Raises `ConfigError` ``template.unsupported`` for what is more than a name."""

        def fill(found: re.Match[str]) -> str:
            name = (found[1] or found[2]).strip()
            if not _PLAIN.fullmatch(name):
                raise ConfigError(
                    "template.unsupported",
                    "A template of the connection calls a helper, which a check by itself does not know.",
                    hint="Name words alone, such as {{{connection.http.encrypted.key}}}.",
                )
            text = _text(self.value(name, more))
            if found[1] or escape is Escape.NONE:
                return text
            return quote(text, safe="") if escape is Escape.URI else orjson.dumps(text).decode()[1:-1]

        return _NAME.sub(fill, template)

    def value(self, path: str, record: Any) -> Any:
        for step in _STEP.findall(path):
            if isinstance(record, Mapping) and step in record:
                record = record[step]
            elif isinstance(record, list) and step.isdigit() and int(step) < len(record):
                record = record[int(step)]
            else:
                return None
        return record

    def has(self, path: str, record: Any) -> bool:
        return self.value(path, record) is not None

    @contextmanager
    def slot(self) -> Iterator[None]:
        yield

    def note(self, what: str, detail: Mapping[str, Any]) -> None:
        """Nobody listens."""

    @contextmanager
    def token(self) -> Iterator[str]:
        yield ""

    def folder(self) -> Path:
        raise NotImplementedError

    def check_wanted(self) -> None:
        """Whoever checks waits for it."""


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()
