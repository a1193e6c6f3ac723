"""A run of a flow of steps: its generators' pages go the flow's way, and each is made durable as a whole.

The run may die at any moment and go on elsewhere. It then goes on behind the last page that is durable: the
records of the page that was on its way are sent again (at least once), none is missed, and none is counted
twice. A property test kills it at every message.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from towpath.core.application import Failure
from towpath.core.errors import AuthError, TowpathError
from towpath.core.records import Counters
from towpath.engine.records.assignment import Assignment
from towpath.engine.records.book import Book, Item
from towpath.engine.records.ends import Host
from towpath.engine.records.opened import Opened
from towpath.engine.records.progress import Durable, Parent, Progress
from towpath.engine.records.reader import Reader
from towpath.engine.records.shapes import STAGE_DONE, STAGE_MAP, STAGE_PAGE, STAGE_READ, ReadPage
from towpath.engine.records.walk import Walk

_TURN = 0.05


class FlowRun:
    """One attempt at a run. Use it as a context manager, then call `run` once."""

    def __init__(self, assignment: Assignment, host: Host, parent: Parent) -> None:
        self._all = assignment
        self._host = host
        self._parent = parent
        self._opened = Opened(assignment, host)
        self._counters = dict(assignment.counters)
        self._progress = {step: assignment.progress.get(step, Progress()) for step in assignment.generators}

    def __enter__(self) -> Self:
        functions = self._opened.functions()
        self._walk = Walk(self._all.pipeline, self._opened.station, functions, self._all.words)
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.__exit__()

    def run(self) -> dict[str, Any]:
        """Run to the end: ``{"discarded": {branch: how many records ended there}}``."""
        self._parent.began([*self._opened.imports, *self._lookups()])
        if self._all.retry is not None:
            self._send_again(self._all.retry)
        elif self._all.pipeline.parallel_generators:
            self._read_together()
        else:
            for step in self._all.generators:
                self._read(step)
        for step in self._opened.imports:
            if step not in self._all.published:
                self._finish(step)
        for step in self._all.generators:
            self._take_away(step)
        return {"discarded": self._discarded()}

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def _read(self, step: str) -> None:
        progress = self._progress[step]
        self._tell_back(step)
        if progress.done:
            return
        self._parent.began([step])
        reader = self._reader(step)
        try:
            while not self._progress[step].done:
                page = reader.next()
                if page is not None:
                    self._take(step, page)
        except TowpathError as error:
            raise self._at(step, error) from error
        finally:
            reader.close()

    def _read_together(self) -> None:
        """All generators at once: they are read in threads, and their pages taken as they come."""
        for step in self._all.generators:
            self._tell_back(step)
        waiting = [step for step in self._all.generators if not self._progress[step].done]
        self._parent.began(waiting)
        readers = {step: self._reader(step) for step in waiting}
        try:
            while waiting:
                for step in waiting:
                    try:
                        page = readers[step].next(_TURN / len(waiting))
                        if page is not None:
                            self._take(step, page)
                    except TowpathError as error:
                        raise self._at(step, error) from error
                waiting = [step for step in waiting if not self._progress[step].done]
        finally:
            for reader in readers.values():
                reader.close()

    def _reader(self, step: str) -> Reader:
        progress = self._progress[step]
        return Reader(step, self._opened.opener(step), progress.after, self._all.given.get(step))

    def _take(self, step: str, page: ReadPage) -> None:
        """Send one page on its way, and make it durable."""
        before = self._progress[step]
        book = Book(keep=self._keeps(step))
        name = f"{self._all.generators.index(step)}.{before.page:08}"
        items = [
            Item(
                record=record,
                origin=f"{name}.{number}",
                root=f"{name}.{number}",
                at=step,
                trace_key=trace,
                data_uri=uri,
            )
            for number, (record, trace, uri) in enumerate(
                zip(page.records, page.trace_keys, page.data_uris, strict=True)
            )
        ]
        book.count(step, written=len(items), filtered=page.filtered)
        self._tell_failures(step, page.failures, name, book)
        for item in items:
            book.passes(step, item)
        for text in page.warnings:
            self._host.warn(step, text)
        self._walk.begin(items, book, name)
        once = self._is_once(step)
        progress = before.beyond(
            after=page.after,
            # A last page without anything only says that the one before was the last.
            page=before.page + bool(page.records or page.filtered or page.failures),
            done=page.after is None,
            remember=page.remember or before.remember,
            files=[*before.files, *(file for file in page.files if file.get("complete", True))],
            back=[item.record for item in items if item.root not in book.failed] if once else (),
            discarded=dict(Counter(before.discarded) + book.discarded),
        )
        self._save(book, step=step, progress=progress)
        self._tell_back(step)
        self._stop_if_down(book)

    def _tell_failures(self, step: str, failures: Sequence[Failure], page: str, book: Book) -> None:
        for number, failure in enumerate(failures):
            name = f"{page}.f{number}"
            stage = STAGE_PAGE if failure.source == "pre_save_page_hook" else STAGE_READ
            if failure.record is None:
                stage = STAGE_DONE
            item = Item(record=failure.record, origin=name, root=name, at=step)
            book.count(step, rejected=1)
            book.fail(step, item, [failure], stage)

    # ── sending again ────────────────────────────────────────────────────────────────────────────

    def _send_again(self, errors: Sequence[Mapping[str, Any]]) -> None:
        self._parent.began(sorted({error["stream"] for error in errors}))
        for step, stage, some in _batches(errors):
            book = Book()
            self._enter(step, stage, some, book)
            self._save(book, sent=[error["id"] for error in some])
            self._stop_if_down(book)

    def _enter(self, step: str, stage: str, errors: Sequence[Mapping[str, Any]], book: Book) -> None:
        items = [_item(error) for error in errors]
        page = f"r.{errors[0]['id']}"
        if stage == STAGE_READ:
            items = self._read_again(step, items, book)
        elif stage == STAGE_PAGE:
            book.count(step, written=len(items))
            items = [replace(item, stage=None) for item in items]
        if stage in (STAGE_READ, STAGE_PAGE):
            self._walk.begin(items, book, page)
        elif stage != STAGE_DONE:
            self._walk.enter(step, items, book, page)

    def _read_again(self, step: str, items: Sequence[Item], book: Book) -> list[Item]:
        """Send records through the export that failed to take them."""
        found = []
        for item in items:
            for page in self._opened.back(step).pages(given=[item.record]):
                book.count(step, written=len(page.records), filtered=page.filtered)
                self._tell_failures(step, page.failures, item.origin, book)
                found += [
                    Item(
                        record=record,
                        origin=f"{item.origin}.{number}",
                        root=item.root,
                        at=step,
                        trace_key=trace or item.trace_key,
                        data_uri=uri,
                    )
                    for number, (record, trace, uri) in enumerate(
                        zip(page.records, page.trace_keys, page.data_uris, strict=True)
                    )
                ]
        return found

    # ── what is durable ──────────────────────────────────────────────────────────────────────────

    def _save(self, book: Book, **more: Any) -> None:
        """Make a page durable; ``more`` of it as in `Durable`."""
        counters = {name: self._counters.get(name, Counters()) + new for name, new in book.counters.items()}
        known = self._all.open_keys
        passed = {name: known[name].intersection(keys) for name, keys in book.passed.items() if name in known}
        page = Durable(
            counters=counters,
            errors=book.errors,
            passed={name: sorted(keys) for name, keys in passed.items() if keys},
            **more,
        )
        self._parent.page(page)
        self._counters.update(counters)
        if page.step is not None and page.progress is not None:
            self._progress[page.step] = page.progress

    def _stop_if_down(self, book: Book) -> None:
        for connection, (step, message) in book.down.items():
            self._parent.down(connection, message)
            raise AuthError(
                "connection.refused_us",
                f"The connection does not work any more: {message.rstrip('.')}.",
                hint="Sign in again; the records that failed are in the error inbox.",
                connection=connection,
                step=step,
            )

    def _at(self, step: str, error: TowpathError) -> TowpathError:
        """The error of a generator or of an import's end; the connection is marked if it refused us."""
        connection = self._all.steps[step].connection
        own = error.context.get("step", step) == step and not error.context.keys() & {"connection", "source"}
        if isinstance(error, AuthError) and own and connection:
            self._parent.down(connection, error.message)
        return error.with_context(step=step)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────

    def _finish(self, step: str) -> None:
        """Publish what an import held back; records that turn out not to fit are told."""
        try:
            published = dict(self._opened.imports[step].finish())
        except TowpathError as error:
            raise self._at(step, error) from error
        book = Book()
        for number, one in enumerate(published.pop("rejected", [])):
            name = f"end.{number}"
            item = Item(record=one["record"], origin=name, root=name, at=step)
            failure = Failure(code=one["code"], message=one["message"])
            book.lose(item, [failure], STAGE_MAP)
        self._save(book, published={step: published})

    def _tell_back(self, step: str) -> None:
        """Tell the system which records were processed, once they are durable."""
        progress = self._progress[step]
        if not progress.back:
            return
        for record, failure in zip(
            progress.back, self._opened.back(step).read_back(progress.back), strict=True
        ):
            if failure is not None:
                self._host.warn(
                    step, f"A record could not be marked as processed: {failure.message} {record!r:.200}"
                )
        self._save(Book(), step=step, progress=progress.beyond(back=()))

    def _take_away(self, step: str) -> None:
        """Files go when all that was in them is where it should be."""
        files = self._progress[step].files
        if not files:
            return
        for file, failure in zip(files, self._opened.back(step).read_back(files), strict=True):
            if failure is not None:
                self._host.warn(
                    step, f"The file {file.get('name')!r} was left where it is: {failure.message}"
                )

    def _discarded(self) -> dict[str, int]:
        found: Counter[str] = Counter()
        for progress in self._progress.values():
            found.update(progress.discarded)
        return dict(found)

    def _lookups(self) -> list[str]:
        return [one.step for one in self._all.pipeline.all_processors if one.kind == "lookup"]

    def _is_once(self, step: str) -> bool:
        export = self._all.steps[step].export
        return export is not None and export.pages is not None and export.pages.kind == "once"

    def _keeps(self, step: str) -> bool:
        skips = {one.step for one in self._all.pipeline.generators if one.skip_retries}
        return not self._all.pipeline.skip_retries and step not in skips


_RESEND = 100


def _batches(errors: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, list[Mapping[str, Any]]]]:
    """The errors by step and stage, in their order, not too many at once."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for error in errors:
        place = (error["stream"], error["detail"].get("stage", STAGE_DONE))
        groups.setdefault(place, []).append(error)
    for (step, stage), some in groups.items():
        for start in range(0, len(some), _RESEND):
            yield step, stage, some[start : start + _RESEND]


def _item(error: Mapping[str, Any]) -> Item:
    detail = error["detail"]
    name = f"r.{error['id']}"
    return Item(
        record=error["record"],
        origin=name,
        root=name,
        at=error["stream"],
        trace_key=detail.get("trace_key"),
        data_uri=detail.get("data_uri"),
        stage=detail.get("stage"),
        detail={key: detail[key] for key in ("response", "family", "children", "proceeded") if key in detail},
    )
