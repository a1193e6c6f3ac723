"""One export as a step: read, transform, filter, group and sort, hook."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from towpath.core.application import Failure
from towpath.core.flows import ExportSpec
from towpath.core.model import State
from towpath.engine.records.ends import End, Host
from towpath.engine.records.shapes import ReadPage


class ExportStep:
    """An export that is open. One thread uses it."""

    def pages(
        self, *, record: Any = None, after: State | None = None, given: Sequence[Any] | None = None
    ) -> Iterator[ReadPage]:
        """Its pages. ``record``: of a lookup the record that it is for. ``after``: of an earlier page.
        ``given``: records that came from outside (a webhook, an upload) and are not read.
        """
        raise NotImplementedError

    def read_back(self, records: Sequence[Any]) -> Sequence[Failure | None]:
        """Tell the system that these were processed."""
        raise NotImplementedError


@contextmanager
def open_export(
    id: str,
    spec: ExportSpec,
    ends: Mapping[str, End],
    connection: str | None,
    host: Host,
    words: Mapping[str, Any],
) -> Iterator[ExportStep]:
    """Open an export. ``ends``: its connection and the stacks of its hooks, by id. ``connection``: None for
    what is only given (webhooks, uploads). ``words``: what templates see: ``flow``, ``job``, ``settings``,
    ``lastExportDateTime`` … Raises `ConfigError` for what cannot be compiled.
    """
    raise NotImplementedError
    yield ExportStep()
