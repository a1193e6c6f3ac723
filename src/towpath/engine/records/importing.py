"""One import as a step: filter, children, hooks, mapping, sending, answers.

N records in, N outcomes out, in their order: whatever fails a record on its way is its outcome. Errors that
may pass by themselves and come from the connection as a whole are raised.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from towpath.core.application import Application, Outcome, Sending
from towpath.core.errors import AuthError, InternalError, TowpathError
from towpath.core.flows import ImportSpec
from towpath.core.ids import new_id
from towpath.core.steps import RecordWrite
from towpath.dataplane.context import Context
from towpath.engine.records import hooks
from towpath.engine.records.ends import End, Host
from towpath.engine.records.families import Folded, children, fold
from towpath.engine.records.functions import Functions, failures_of
from towpath.engine.records.languages import change
from towpath.engine.records.opening import labels, open_writing, words_of
from towpath.engine.records.preparing import Preparing
from towpath.engine.records.rows import FAILED, Row
from towpath.engine.records.shapes import Mapped
from towpath.engine.records.tools import StepTools

_DOWN = (401, 403)


def is_down(outcome: Outcome) -> bool:
    """Whether it says that the connection does not work any more."""
    return outcome.status in _DOWN and not outcome.ignored


class ImportStep:
    """An import that is open. One thread uses it."""

    def __init__(
        self,
        spec: RecordWrite,
        writing: BaseModel,
        application: Application,
        tools: StepTools,
        functions: Functions,
        host: Host,
    ) -> None:
        self.spec = spec
        self._writing = writing
        self._application = application
        self._tools = tools
        self._functions = functions
        self._prepare = Preparing(spec, application, tools, functions, host)
        context = Context(words=tools.now.words)
        self._answer = change(spec.transform, context, functions, "response_transformation")
        self._label = labels(spec.trace_key, spec.data_uri, tools, host)
        self._page, self._calls = new_id("pag"), 0

    def turn(self, page: str) -> None:
        """The records that come now are of this page; the same page again has the same key."""
        if page != self._page:
            self._page, self._calls = page, 0

    def write(self, records: Sequence[Any], only: Sequence[Sequence[int] | None] = ()) -> list[Outcome]:
        """Send the records: one outcome for each, in their order. Errors of filter, mapping and hooks are
        outcomes too. ``only``: for each record the numbers of its children that are to be sent; None: all.
        """
        found: dict[int, Outcome] = {}
        for turn in self._turns(records):
            self._calls += 1
            self._tools.turn(f"{self._page}.{self._calls:06}")
            some = [records[number] for number in turn]
            if self.spec.one_to_many:
                outcomes = self._write_families(some, [only[number] if only else None for number in turn])
            else:
                outcomes = self._write(some)
            found.update(zip(turn, outcomes, strict=True))
        return [found[number] for number in range(len(records))]

    def map(self, records: Sequence[Any]) -> list[Mapped]:
        """Only the mapping, with its filter and hooks before sending; nothing is sent."""
        if self.spec.one_to_many:
            return [self._map_family(record) for record in records]
        return [_mapped(row) for row in self._prepare.rows(records)]

    def submitted(self, records: Sequence[Any], outcomes: Sequence[Outcome]) -> list[Outcome]:
        """What follows on sending, for records that were sent earlier."""
        rows = [Row(record, data=record, pre=record) for record in records]
        return self._hooked(rows, list(outcomes))

    def finish(self) -> Mapping[str, Any]:
        """Publish what was held back; see `Application.finish`."""
        hook = self.spec.hooks.get("post_aggregate")
        try:
            done = self._application.finish(self._writing, self._tools)
        except TowpathError as error:
            if hook is not None and not error.retryable:
                self._aggregated({}, error)
            raise
        if hook is not None and done:
            self._aggregated(done, None)
        return done

    def label(self, record: Any) -> tuple[str | None, str | None]:
        """Trace key and link of a record."""
        return self._label(record)

    def _turns(self, records: Sequence[Any]) -> Iterator[list[int]]:
        """Numbers of the records that may be at work at once: no two of them with one key."""
        lock = self.spec.id_lock
        if not lock:
            if records:
                yield list(range(len(records)))
            return
        seen: Counter[str] = Counter()
        turns: dict[int, list[int]] = {}
        for number, record in enumerate(records):
            key = self._key(lock, record)
            turns.setdefault(seen[key] if key else 0, []).append(number)
            seen[key] += 1
        yield from turns.values()

    def _key(self, lock: str, record: Any) -> str:
        try:
            return self._tools.render(lock, record)
        except TowpathError:
            return ""  # without a key it waits for nobody

    def _write_families(self, records: Sequence[Any], only: Sequence[Sequence[int] | None]) -> list[Outcome]:
        owners = [Row(record) for record in records]
        found: list[list[tuple[int, Any]]] = []
        for owner, chosen in zip(owners, only, strict=True):
            try:
                found.append(children(owner.record, self.spec.path_to_many, chosen))
            except TowpathError as error:
                owner.fail_by(error, "mapping")
                found.append([])
        sent = iter(self._write([child for some in found for _, child in some]))
        return [
            owner.end or fold([(number, next(sent)) for number, _ in some])
            for owner, some in zip(owners, found, strict=True)
        ]

    def _write(self, records: Sequence[Any]) -> list[Outcome]:
        rows = self._prepare.rows(records)
        live = [row for row in rows if row.end is None]
        if live:
            outcomes = [
                self._answered(row, outcome) for row, outcome in zip(live, self._send(live), strict=True)
            ]
            for row, outcome in zip(live, self._hooked(live, outcomes), strict=True):
                row.end = replace(outcome, errors=(*row.told, *outcome.errors))
        return [row.end for row in rows if row.end is not None]

    def _send(self, rows: Sequence[Row]) -> Sequence[Outcome]:
        sendings = [Sending(data=row.data, record=row.record) for row in rows]
        try:
            outcomes = self._application.send(self._writing, sendings, self._tools)
        except AuthError as error:
            return self._all(rows, error, "connection")
        except TowpathError as error:
            if error.retryable:
                raise
            return self._all(rows, error, "application")
        if len(outcomes) != len(rows):
            raise InternalError(
                "application.outcomes_missing",
                f"{len(rows)} records were sent, and the connector told what became of {len(outcomes)}.",
                hint="This is a defect of the connector.",
            )
        return outcomes

    def _all(self, rows: Sequence[Row], error: TowpathError, source: str) -> list[Outcome]:
        for row in rows:
            row.fail_by(error, source)
        return [row.end for row in rows if row.end is not None]

    def _answered(self, row: Row, outcome: Outcome) -> Outcome:
        """The outcome with its answer transformed, and its link."""
        if self._answer is not None and outcome.json is not None and not outcome.failed:
            try:
                outcome = replace(outcome, json=self._answer(outcome.json))
            except TowpathError as error:
                told = failures_of(error, "response_transformation")
                outcome = replace(outcome, errors=(*outcome.errors, *told))
        if outcome.data_uri is None and self.spec.data_uri and not outcome.failed:
            more = {"response": outcome.json, "id": outcome.id}
            outcome = replace(outcome, data_uri=self._label(row.record, **more)[1])
        return outcome

    def _hooked(self, rows: Sequence[Row], outcomes: list[Outcome]) -> list[Outcome]:
        """What the ``postSubmit`` hook makes of the outcomes. If it fails, all of them have failed, but keep
        what the system answered.
        """
        hook = self.spec.hooks.get("post_submit")
        if hook is None or not rows:
            return outcomes
        options = {
            "preMapData": [row.pre for row in rows],
            "postMapData": [row.data for row in rows],
        }
        try:
            return hooks.post_submit(self._functions, hook, options, outcomes)
        except TowpathError as error:
            told = tuple(failures_of(error, "post_submit_hook"))
            return [
                outcome if outcome.failed else replace(outcome, status=FAILED, errors=told, ignored=False)
                for outcome in outcomes
            ]

    def _map_family(self, record: Any) -> Mapped:
        owner = Row(record)
        try:
            found = children(record, self.spec.path_to_many, None)
        except TowpathError as error:
            owner.fail_by(error, "mapping")
            return _mapped(owner)
        mapped = [_mapped(row) for row in self._prepare.rows([child for _, child in found])]
        return Mapped(
            data=[one.data for one in mapped if not one.ignored],
            errors=[error for one in mapped for error in one.errors],
            ignored=bool(mapped) and all(one.ignored for one in mapped),
        )

    def _aggregated(self, done: Mapping[str, Any], error: TowpathError | None) -> None:
        told = {
            "success": error is None,
            "_json": dict(done),
            "code": "" if error is None else error.code,
            "message": "" if error is None else error.message,
            "source": "application",
        }
        hook = self.spec.hooks["post_aggregate"]
        self._functions.call(hook, {"postAggregateData": told}, "post_aggregate_hook")


def response_outcome(response: Mapping[str, Any]) -> Outcome:
    """The outcome of a record that was sent earlier, from what was kept of the answer."""
    return Outcome(
        id=response.get("id"),
        json=response.get("_json"),
        headers=response.get("headers") or {},
        data_uri=response.get("dataURI") or None,
    )


def failed_children(outcome: Outcome) -> list[int] | None:
    """Which children of the record are to be sent again; None where it has none, or all are."""
    return outcome.failed_children if isinstance(outcome, Folded) else None


def _mapped(row: Row) -> Mapped:
    if row.end is None:
        return Mapped(data=row.data, errors=tuple(row.told))
    return Mapped(errors=row.end.errors, ignored=row.end.ignored)


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
    records = spec.records or RecordWrite()
    end = ends[connection]
    seen = words_of(words, "import", id, records.settings, end)
    tools = StepTools(id, end, host, seen, test=bool(words.get("testMode")))
    with ExitStack() as stack:
        functions = stack.enter_context(Functions(id, "import", connection, ends, host, seen))
        application, writing = open_writing(stack, spec, records, end)
        yield ImportStep(records, writing, application, tools, functions, host)
