"""The promise of the records lane: systems that are read page by page and written record by record.

The engine, and requests outside of any run, call it from one thread; where an application itself uses
threads, what it is lent as `Tools` may be used from all of them. Driver exceptions never leave it: what
fails a single record is a `Failure` in its outcome, what fails everything a `TowpathError`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from towpath.core.model import Record, State


class Escape(StrEnum):
    """What becomes of a value that a template puts between two braces; three leave it as it is."""

    NONE = "none"
    URI = "uri"
    """Percent-encoded."""
    SQL = "sql"
    """A literal."""
    JSON = "json"
    """The inside of a JSON string."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why one record failed."""

    code: str
    message: str
    source: str = "application"
    """Where: ``application``, ``connection``, ``lookup``, ``mapping``, ``pre_map_hook`` …"""
    field: str | None = None
    record: Any = None
    """The record, where the failure stands alone: one that could not even be read."""
    retryable: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some records in a row."""

    records: Sequence[Record]
    after: State | None = None
    """Where the next page begins; None: this was the last. Plain JSON without secrets."""
    total_records: int | None = None
    """Of the whole read, where the system says."""
    total_pages: int | None = None
    failures: Sequence[Failure] = ()
    """Records that are there and cannot be read."""
    warnings: Sequence[str] = ()
    """What somebody should look at: a record path that matched nothing. # Invariant 4"""
    files: Sequence[Mapping[str, Any]] = ()
    """The files that the records come from, where they do: ``{"name", "size", …}``."""


@dataclass(frozen=True, kw_only=True)
class Sending:
    """One record on its way out."""

    data: Any
    """As it is to be written; a list of them where the step sends batches is the application's business."""
    record: Record
    """As it came to the step: what templates, lookups and filters see."""
    operation: str | None = None
    """``create`` or ``update`` where that was decided before; None: the application finds out."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one record."""

    status: int = 200
    """200, 422 for a failed one, 401 or 403 where the connection does not work any more."""
    id: str | None = None
    """What the system calls the record."""
    json: Any = None
    """What the system answered."""
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: Sequence[Failure] = ()
    """With status 200: it was written, and something is to be told."""
    ignored: bool = False
    """Not written because it was there already, or was not there."""
    data_uri: str | None = None
    operation: str | None = None
    """``create`` or ``update``, where known."""

    @property
    def failed(self) -> bool:
        return not self.ignored and self.status >= 400  # noqa: PLR2004 - as in HTTP


@dataclass(frozen=True, kw_only=True)
class Now:
    """What templates and functions may know besides the record."""

    step: str = ""
    """Id of the export or import; empty outside of any."""
    words: Mapping[str, Any] = field(default_factory=dict)
    """What the templates see beside the record: ``settings``, ``connection``, ``job``, ``flow``,
    ``lastExportDateTime``, ``currentExportDateTime`` …"""
    test: bool = False


class Tools(Protocol):
    """What the caller lends to an application."""

    @property
    def now(self) -> Now: ...

    def render(self, template: str, record: Any, *, escape: Escape = Escape.NONE, **more: Any) -> str:
        """The template (compiled once) over the record, `Now.words` and ``more``. Raises `ConfigError`,
        `DataError`.
        """
        ...

    def value(self, path: str, record: Any) -> Any:
        """What lies at the path, None if nothing does; a list if the path has ``[*]``."""
        ...

    def has(self, path: str, record: Any) -> bool:
        """Whether anything, be it null, lies at the path."""
        ...

    @property
    def level(self) -> int:
        """How many places there are: more threads than that would only wait for each other."""
        ...

    def slot(self) -> AbstractContextManager[None]:
        """A place among those that use the connection at once, over all processes of the machine: held
        around each request.
        """
        ...

    def note(self, what: str, detail: Mapping[str, Any]) -> None:
        """Tell a request or an answer to whoever debugs the connection now; does nothing otherwise. Values of
        secrets are masked by who keeps it. ``what``: ``request`` or ``response``.
        """
        ...

    @property
    def debugging(self) -> bool:
        """Whether `note` does anything: what costs need not be made otherwise."""
        ...

    def token(self) -> AbstractContextManager[str]:
        """A one-time token for a function of the user's, dead when the context ends."""
        ...

    def folder(self) -> Path:
        """Where the step may keep what it has to hold until the end of the run: kept from one attempt of the
        run to the next on this machine, swept after it.
        """
        ...

    def check_wanted(self) -> None:
        """Raises `CancelledError` if nobody wants the result any more: called between requests."""
        ...


class Application(Protocol):
    """A system whose records are read page by page and written one by one."""

    def check(self) -> str:
        """Try the connection; what answered. Raises `AuthError`, `UnreachableError`, `ConfigError`."""
        ...

    def pages(
        self, read: Any, size: int, tools: Tools, *, record: Any = None, after: State | None = None
    ) -> Iterator[Page]:
        """The pages of an export, each of at most ``size`` records, in an order that is the same every time.

        ``record``: what templates see; of a lookup the record that it is for. ``after``: of an earlier page:
        go on behind it. A page may be empty. ``read`` is a `Connector.reading`.
        """
        ...

    def read_back(self, read: Any, records: Sequence[Record], tools: Tools) -> Sequence[Failure | None]:
        """Tell the system that these records were processed (``once``); one answer for each."""
        ...

    def look(self, lookup: Mapping[str, Any], record: Any, tools: Tools) -> Sequence[Any]:
        """The values that a dynamic lookup of an import finds for the record, in order; none if there is no
        hit. Raises `TowpathError` if it could not be asked.
        """
        ...

    def send(self, write: Any, sendings: Sequence[Sending], tools: Tools) -> Sequence[Outcome]:
        """Write the records: one outcome for each, in their order. ``write`` is a `Connector.writing`. They
        may be written at once; the caller holds back those that must not be.
        """
        ...

    def finish(self, write: Any, tools: Tools) -> Mapping[str, Any]:
        """Publish what `send` held back (a file that holds the records of the whole run); what was published,
        for the run's row: ``{"files": […]}``. Called once for each step at the end of a run that is not
        cancelled, and again after a crash. Idempotent.
        """
        ...
