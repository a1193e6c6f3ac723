"""One import as a step: filter, hooks, mapping, sending, answers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from towpath.core.application import Outcome
from towpath.core.flows import ImportSpec
from towpath.engine.records.ends import End, Host
from towpath.engine.records.shapes import Mapped


class ImportStep:
    """An import that is open. One thread uses it."""

    def write(self, records: Sequence[Any]) -> list[Outcome]:
        """Send the records: one outcome for each, in their order. Errors of filter, mapping and hooks are
        outcomes too.
        """
        raise NotImplementedError

    def map(self, records: Sequence[Any]) -> list[Mapped]:
        """Only the mapping, with its filter and hooks before sending; nothing is sent."""
        raise NotImplementedError

    def finish(self) -> Mapping[str, Any]:
        """Publish what was held back; see `Application.finish`."""
        raise NotImplementedError


@contextmanager
def open_import(
    id: str,
    spec: ImportSpec,
    ends: Mapping[str, End],
    connection: str,
    host: Host,
    words: Mapping[str, Any],
) -> Iterator[ImportStep]:
    """Open an import; as `open_export`."""
    raise NotImplementedError
    yield ImportStep()
