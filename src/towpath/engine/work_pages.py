"""Running a flow of the records lane: one child, whose pages are made durable one by one."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from towpath.core.errors import ConflictError, NotFoundError, TowpathError
from towpath.core.records import (
    ConnectionStatus,
    Counters,
    DebugLine,
    ErrorStatus,
    Level,
    RecordError,
    RunStream,
    StreamStatus,
    now,
)
from towpath.core.repositories import UnitOfWork
from towpath.engine.channel import Message
from towpath.engine.children import Child
from towpath.engine.context import Context, Outline
from towpath.engine.folders import run_folder
from towpath.engine.records import briefing
from towpath.engine.records.shapes import STAGE_DONE
from towpath.engine.work import Ending, Work, committed, ending, is_over

#: Stands in the folder of a run on the machine on which its steps keep files.
_MARK = "here"
#: Key of the error that tells why a step failed as a whole: it has no record.
FAILURE = "failure#1"


class PagesWork(Work):
    """All of a run in the records lane."""

    modules = ("towpath.engine.records.child",)

    def __init__(self, context: Context, org: str, run: str) -> None:
        super().__init__(context, org, run)
        self._tokens: set[str] = set()
        """Ids of one-time tokens that are lent now."""
        self._open: Mapping[str, Mapping[str, Sequence[str]]] = {}
        """Ids of errors that records with their trace keys resolve."""

    @property
    def task(self) -> str:
        return "pages/0"

    def connections(self, seen: Outline) -> dict[str, str]:
        return briefing.connections(seen)

    def over(self, work: UnitOfWork, seen: Outline) -> Ending | None:
        rows = work.streams.list(self.org, self.run)
        if any(row.status is StreamStatus.FAILED for row in rows):
            return ending("failed")
        if rows and all(row.status is StreamStatus.COMMITTED for row in rows):
            return ending("done")
        return ending("skipped") if seen.unwanted else None

    def brief(self) -> dict[str, Any]:
        task = self.context.books.write(self._brief)
        return {**task, "folder": str(self._folder), "places": str(self.context.settings.places)}

    def done(self, result: Mapping[str, Any], child: Child) -> Ending:
        self.context.books.write(self._done)
        for branch, records in result["discarded"].items():
            text = f"{records} records ended in the branch {branch}"
            self.note(text, "records.discarded", branch=branch, records=records)
        for row in self.context.books.read(lambda work: work.streams.list(self.org, self.run)):
            self._tell(row)
        return ending("done")

    def give_up(self, error: TowpathError) -> Ending:
        self.note(str(error), "run.gave_up", level=Level.ERROR, code=error.code, hint=error.hint)
        with suppress(NotFoundError):
            self.context.books.write(lambda work: self._give_up(work, error))
        return ending("failed", error)

    def since(self, work: UnitOfWork) -> datetime | None:
        rows = work.streams.list(self.org, self.run)
        return max((row.updated_at for row in rows if row.state_after or row.counters.read), default=None)

    def note(self, message: str, event: str, *, stream: str | None = None, **more: Any) -> None:
        self.context.diary.note(self.org, self.run, message, event, stream=stream, **more)

    def hear(self, message: Message) -> Any:
        write = self.context.books.write
        match message["kind"]:
            case "page":
                write(lambda work: self._page(work, message))
            case "lines":
                write(lambda work: self._lines(work, message["lines"]))
            case "began":
                write(lambda work: self._began(work, message["steps"]))
            case "down":
                write(lambda work: self._down(work, message["connection"], message["message"]))
            case "folder":
                self._keep_here(message["step"])
            case "cached":
                return self.context.books.read(lambda work: self._cached(work, message))
            case "token":
                return self._lend(message["step"])
            case "spend":
                self._spend(message["key"])
        return None

    def released(self) -> None:
        """The child has ended: no token outlives the function that it was lent to."""
        for key in list(self._tokens):
            with suppress(TowpathError):
                self._spend(key)

    # ── what is told at the beginning ────────────────────────────────────────────────────────────

    def _brief(self, work: UnitOfWork) -> dict[str, Any]:
        seen = self.look(work)
        rows = work.streams.list(self.org, self.run)
        if not rows:
            briefing.claim_all(work, seen)
            rows = briefing.plan(work, seen)
        return self._told(work, seen, rows)

    def _told(self, work: UnitOfWork, seen: Outline, rows: Sequence[RunStream]) -> dict[str, Any]:
        briefing.check_online(work, seen)
        kept = any((row.state_before or {}).get("folder") for row in rows)
        if kept and not (self._folder / _MARK).exists():
            raise _files_lost(self.run)
        self._open = briefing.open_keys(work, seen)
        keys = {step: sorted(known) for step, known in self._open.items()}
        task = briefing.brief(work, seen, rows, self.context.settings.words or briefing.plain_words)
        return {**task, "open_keys": keys}

    # ── what is made durable ─────────────────────────────────────────────────────────────────────

    def _page(self, work: UnitOfWork, message: Message) -> None:
        """All of a page, or nothing of it. # Invariant 4"""
        flow = work.runs.get(self.org, self.run).flow
        changes: dict[str, dict[str, Any]] = {
            step: {"counters": Counters(**counters)} for step, counters in message["counters"].items()
        }
        if message["step"] is not None:
            changes.setdefault(message["step"], {})["state_after"] = message["progress"]
        for step, published in message["published"].items():
            changes.setdefault(step, {})["state_after"] = published
        for step, change in changes.items():
            work.streams.update(self.org, self.run, step, **change)
        errors = [RecordError(org=self.org, run=self.run, flow=flow, **one) for one in message["errors"]]
        if errors:
            work.record_errors.report(self.org, errors)
        self._resolve(work, message["sent"], ErrorStatus.RETRYING)
        for step, keys in message["passed"].items():
            for key in keys:
                self._resolve(work, self._open.get(step, {}).get(key, ()), ErrorStatus.OPEN)
        self._lines(work, message["lines"])

    def _resolve(self, work: UnitOfWork, ids: Sequence[str], status: ErrorStatus) -> None:
        for id in ids:
            if work.record_errors.find(self.org, id=id, status=status) is not None:
                work.record_errors.update(self.org, id, status=ErrorStatus.RESOLVED)

    def _lines(self, work: UnitOfWork, lines: Sequence[Mapping[str, Any]]) -> None:
        if lines:
            work.debug_lines.append(self.org, [DebugLine(**line) for line in lines])

    def _began(self, work: UnitOfWork, steps: Sequence[str]) -> None:
        for row in work.streams.list(self.org, self.run):
            if row.stream in steps and row.status is StreamStatus.PLANNED:
                changes = {"status": StreamStatus.RUNNING, "started_at": now()}
                work.streams.update(self.org, self.run, row.stream, **changes)

    def _down(self, work: UnitOfWork, connection: str, message: str) -> None:
        row = work.connections.find(self.org, id=connection)
        if row is not None and row.status is ConnectionStatus.ACTIVE:
            work.connections.update(self.org, connection, status=ConnectionStatus.ERROR, error=message[:500])

    def _keep_here(self, step: str) -> None:
        """Files are kept for the step: should the run go on, it must be on this machine."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / _MARK).touch()

        def change(work: UnitOfWork) -> None:
            row = work.streams.get(self.org, self.run, step)
            before = row.state_before or {}
            if not before.get("folder"):
                work.streams.update(self.org, self.run, step, state_before={**before, "folder": True})

        self.context.books.write(change)

    def _cached(self, work: UnitOfWork, message: Message) -> Any:
        found = work.values.get(self.org, message["scope"], message["key"])
        return None if found is None else found.value

    # ── one-time tokens ──────────────────────────────────────────────────────────────────────────

    def _lend(self, step: str) -> tuple[str, str]:
        make = self.context.settings.token
        if make is None:
            return "", ""
        key, text = make(self.org, self.run, step)
        self._tokens.add(key)
        return key, text

    def _spend(self, key: str) -> None:
        spend = self.context.settings.spend
        if spend is not None and key:
            spend(self.org, key)
        self._tokens.discard(key)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────

    def _done(self, work: UnitOfWork) -> None:
        """Everything was sent: the run has succeeded, and the next one begins where this one has begun."""
        seen = self.look(work)
        exports = {export.id: export for export in seen.exports}
        for row in work.streams.list(self.org, self.run):
            if is_over(row):
                continue
            state = None
            if row.stream in exports and row.selection["kind"] == "export" and seen.run.parent is None:
                state = briefing.state_to_save(exports[row.stream], row)
            if state is not None:
                generation = (row.state_before or {}).get("generation", 0)
                work.states.save(self.org, seen.flow.id, row.stream, generation, state, self.run)
            work.streams.update(self.org, self.run, row.stream, **committed(row.counters))

    def _give_up(self, work: UnitOfWork, error: TowpathError) -> None:
        seen, rows = self.look(work), work.streams.list(self.org, self.run)
        if not rows and seen.flow.pipeline is not None:
            rows = briefing.plan(work, seen)
        blamed = self._blamed(rows, error)
        for row in rows:
            if row.selection["kind"] == "export" and not is_over(row):
                self._save_given(work, seen, row, error)
            if row.stream == blamed:
                self._fail(work, row, error)
            elif row.status is StreamStatus.RUNNING and row.selection["kind"] != "export":
                # What it was given, it has done.
                work.streams.update(self.org, self.run, row.stream, **committed(row.counters))
            elif (row.state_after or {}).get("done"):
                work.streams.update(self.org, self.run, row.stream, **committed(row.counters))

    def _blamed(self, rows: Sequence[RunStream], error: TowpathError) -> str | None:
        """The step that failed the run; the first one that is under way where nobody says."""
        known = [row.stream for row in rows]
        if (step := str(error.context.get("step"))) in known:
            return step
        going = [row for row in rows if not is_over(row)]
        going.sort(key=lambda row: (row.status is not StreamStatus.RUNNING, row.selection["position"]))
        return going[0].stream if going else None

    def _fail(self, work: UnitOfWork, row: RunStream, error: TowpathError) -> None:
        work.streams.update(
            self.org,
            self.run,
            row.stream,
            status=StreamStatus.FAILED,
            error=error.to_json(),
            rows_per_second=0.0,
            ended_at=now(),
        )
        if row.selection["kind"] == "export" or not row.counters.rejected:
            # No record that failed tells of it.
            flow = work.runs.get(self.org, self.run).flow
            failure = RecordError(
                org=self.org,
                run=self.run,
                flow=flow,
                stream=row.stream,
                key=FAILURE,
                code=error.code,
                message=error.message,
                record={},
                detail={"source": error.context.get("source", "internal"), "stage": STAGE_DONE},
            )
            work.record_errors.report(self.org, [failure])

    def _save_given(self, work: UnitOfWork, seen: Outline, row: RunStream, error: TowpathError) -> None:
        """Records that were posted to the run come from nowhere else: they are kept in the inbox."""
        rest = briefing.given_rest(work, seen, row)
        if not rest:
            return
        errors = [
            RecordError(
                org=self.org,
                run=self.run,
                flow=seen.flow.id,
                stream=row.stream,
                key=f"given.{number}",
                code=error.code,
                message=error.message,
                record=record,
                detail={"source": "connection", "stage": "read"},
            )
            for number, record in enumerate(rest)
        ]
        new = work.record_errors.report(self.org, errors)
        counters = row.counters + Counters(read=new, rejected=new)
        work.streams.update(self.org, self.run, row.stream, counters=counters)

    def _tell(self, row: RunStream) -> None:
        counters = row.counters
        self.note(
            f"{row.selection['kind']}: {counters.written} records went on",
            "step.finished",
            stream=row.stream,
            rows=counters.written,
            filtered=counters.filtered,
            rejected=counters.rejected,
        )

    @property
    def _folder(self) -> Path:
        return run_folder(self.context.settings, self.run)


def _files_lost(run: str) -> ConflictError:
    return ConflictError(
        "run.files_lost",
        f"The files that {run} kept for its end are on another machine, which is gone.",
        hint="Run the flow again: it begins where the last run that succeeded did.",
    )
