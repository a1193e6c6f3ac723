"""One export as a step: read, transform, filter, sort and group, hook.

A page of the application may be cut into several (by bytes), and the rows of a group that may go on in the
next page are held back. Where a reading goes on (`ReadPage.after`) therefore says more than the application's
own cursor; see `_Place`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import BaseModel

from towpath.core.application import Application, Failure, Page
from towpath.core.errors import DataError, TowpathError
from towpath.core.flows import ExportSpec
from towpath.core.model import State
from towpath.core.steps import PageRead
from towpath.dataplane.context import Context
from towpath.engine.records import hooks
from towpath.engine.records.ends import End, Host
from towpath.engine.records.functions import Functions
from towpath.engine.records.languages import condition
from towpath.engine.records.opening import labels, open_reading, words_of
from towpath.engine.records.refining import Refined, Refining
from towpath.engine.records.shapes import ReadPage
from towpath.engine.records.tools import StepTools


@dataclass(frozen=True)
class _Place:
    """Where the reading is."""

    app: State | None = None
    """The cursor of the application's page that comes next, or is being cut."""
    piece: int = 0
    """How many pieces of that page are done."""
    page: int = 0
    """How many pages have left the step."""
    rows: int = 0
    """How many rows were read before that page."""
    held: Sequence[Any] = ()
    """Rows of the last group, which may go on."""

    @classmethod
    def of(cls, after: State | None) -> "_Place":
        return cls() if after is None else cls(**after)


class ExportStep:
    """An export that is open. One thread uses it."""

    def __init__(
        self,
        spec: PageRead,
        reading: BaseModel | None,
        application: Application | None,
        tools: StepTools,
        functions: Functions,
        host: Host,
    ) -> None:
        self.spec = spec
        self._reading = reading
        self._application = application
        self._tools = tools
        self._functions = functions
        context = Context(words=tools.now.words)
        self._takes = condition(spec.input_filter, context, functions, "input_filter")
        self._refine = Refining(spec, context, functions)
        self._label = labels(spec.trace_key, spec.data_uri, tools, host)

    def takes(self, record: Any) -> bool:
        """Of a lookup: whether it is read for this record."""
        return self._takes is None or self._takes(record)

    def pages(
        self, *, record: Any = None, after: State | None = None, given: Sequence[Any] | None = None
    ) -> Iterator[ReadPage]:
        """Its pages. ``record``: of a lookup the record that it is for. ``after``: of an earlier page.
        ``given``: records that came from outside (a webhook, an upload) and are not read.
        """
        at = _Place.of(after)
        for page in self._given(given, at) if given is not None else self._read(record, at):
            refined, left = self._refined(page, at)
            last = page.after is None or left == 0
            pieces, held = self._refine.cut(refined, at.held, last=last)
            left_before = at.page - at.piece
            ahead = _Place(page.after, 0, left_before + len(pieces), at.rows + len(page.records), held)
            for number, piece in enumerate(pieces[at.piece :], at.piece):
                done = number == len(pieces) - 1
                here = replace(at, piece=number + 1, page=left_before + number + 1)
                goes_on = None if last and done else asdict(ahead if done else here)
                read, abort = self._leave(piece, page, here.page - 1, first=number == 0)
                yield replace(read, after=None if abort else goes_on)
                if abort:
                    return
            if last:
                return
            at = ahead

    def read_back(self, records: Sequence[Any]) -> Sequence[Failure | None]:
        """Tell the system that these were processed."""
        if self._application is None or self._reading is None:
            return [None] * len(records)
        return self._application.read_back(self._reading, records, self._tools)

    @property
    def remember(self) -> State | None:
        """Where the next run goes on, of what was read so far."""
        return getattr(self._application, "remember", None)

    def _read(self, record: Any, at: _Place) -> Iterator[Page]:
        if self._application is None or self._reading is None:
            raise DataError(
                "export.not_given",
                "This export reads nothing by itself: its records are posted to it.",
                hint="Post records to it, or choose another export.",
            )
        size = self.spec.page_size
        if self.spec.kind == "test":
            size = min(size, self.spec.limit or 1)
        last: Page | None = None
        for last in self._application.pages(self._reading, size, self._tools, record=record, after=at.app):
            yield last
        if last is None or last.after is not None:
            yield Page(records=())  # it ended without saying so

    def _given(self, records: Sequence[Any], at: _Place) -> Iterator[Page]:
        size = self.spec.page_size
        start = int((at.app or {}).get("offset", 0))
        ends = range(start + size, len(records) + size, size) or range(size, size + 1)
        for end in ends:
            goes_on = {"offset": end} if end < len(records) else None
            yield Page(records=records[end - size : end], after=goes_on, total_records=len(records))

    def _refined(self, page: Page, at: _Place) -> tuple[Refined, int | None]:
        """The page's rows, and how many more are wanted (None: all)."""
        rows, left = page.records, None
        if self.spec.kind == "test":
            left = max(0, (self.spec.limit or 1) - at.rows)
            rows = rows[:left]
            left -= len(rows)
        return self._refine.refined(rows, page.failures), left

    def _leave(self, piece: Refined, page: Page, number: int, *, first: bool) -> tuple[ReadPage, bool]:
        """The page as it leaves, and whether a hook wants no more."""
        records, failures, abort = piece.records, list(piece.failures), False
        filtered = piece.filtered
        hook = self.spec.hooks.get("pre_save_page")
        if hook is not None and (records or failures):
            saved = hooks.pre_save_page(
                self._functions,
                hook,
                records=records,
                failures=failures,
                page=number,
                files=page.files,
                words=self._tools.now.words,
            )
            fewer = len(records) + len(failures) - len(saved.records) - len(saved.failures)
            filtered += max(0, fewer)
            records, failures, abort = saved.records, list(saved.failures), saved.abort
        found = [self._label(record) for record in records]
        return (
            ReadPage(
                records=records,
                trace_keys=[trace for trace, _ in found],
                data_uris=[uri for _, uri in found],
                failures=failures,
                filtered=filtered,
                total_records=page.total_records,
                total_pages=page.total_pages,
                warnings=page.warnings if first else (),
                files=page.files if first else (),
                remember=self.remember,
            ),
            abort,
        )

    def label(self, record: Any) -> tuple[str | None, str | None]:
        """Trace key and link of a record."""
        return self._label(record)


@contextmanager
def open_export(
    id: str,
    spec: ExportSpec,
    ends: Mapping[str, End],
    connection: str | None,
    host: Host,
    words: Mapping[str, Any],
    *,
    state: State | None = None,
) -> Iterator[ExportStep]:
    """Open an export. ``ends``: its connection and the stacks of its hooks, by id. ``connection``: None for
    what is only given (webhooks, uploads). ``words``: what templates see: ``flow``, ``job``, ``settings``,
    ``lastExportDateTime`` … ``state``: where an incremental stream goes on. Raises `ConfigError` for what
    cannot be compiled.
    """
    pages = spec.pages or PageRead()
    end = None if connection is None else ends[connection]
    seen = words_of(words, "export", id, pages.settings, end)
    tools = StepTools(id, end, host, seen, test=pages.kind == "test")
    with ExitStack() as stack:
        functions = stack.enter_context(Functions(id, "export", connection, ends, host, seen))
        try:
            application, reading = open_reading(stack, spec, pages, end, state)
            yield ExportStep(pages, reading, application, tools, functions, host)
        except TowpathError as error:
            raise error.with_context(step=id) from error
