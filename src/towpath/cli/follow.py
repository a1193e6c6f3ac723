"""Following a run to its end, working on it if nobody else does."""

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from towpath.cli import ending, exits, output, progress, views
from towpath.cli.session import Session
from towpath.core.errors import TowpathError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.services.runs import RunDetail

#: Seconds between two looks at the store.
_POLL = 0.25
#: Seconds between two tries to take over from a worker that went away.
_TAKE_OVER = 2.0


def follow(now: Session, run: str, *, as_json: bool = False) -> int:
    """Show the run until it is final, then its summary; returns the exit code."""
    detail, interrupted = _watch(now, run)
    if as_json:
        output.data(views.run(detail))
    else:
        summary(detail)
    return outcome(detail, interrupted=interrupted)


def follow_all(now: Session, runs: "Sequence[str]", *, as_json: bool = False) -> int:
    """The same for several runs, one after the other, to the first interruption; JSON is one list.

    The exit code is that of a run that failed, or else of one with record errors.
    """
    seen: list[RunDetail] = []
    codes: set[int] = set()
    for run in runs:
        detail, interrupted = _watch(now, run)
        seen.append(detail)
        if not as_json:
            summary(detail)
        codes.add(outcome(detail, interrupted=interrupted))
        if interrupted:
            break
    if as_json:
        output.data([views.run(detail) for detail in seen])
    return next(
        (code for code in codes if code not in (exits.OK, exits.RECORD_ERRORS)), max(codes, default=0)
    )


def _watch(now: Session, run: str) -> "tuple[RunDetail, bool]":
    """Show the run until it is final; whether somebody interrupted it.

    The first Ctrl-C offers to cancel the run, the second leaves at once.
    """
    interrupted = False
    with progress.watcher() as watcher:
        following = _Following(now, run, watcher)
        while not following.finished():
            try:
                time.sleep(_POLL)
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = _wants_cancel()
                if interrupted:
                    _cancel(now, run)
    return now.runs.show(now.org, run), interrupted


class _Following:
    def __init__(self, now: Session, run: str, watcher: progress.Watcher) -> None:
        self._now = now
        self._run = run
        self._watcher = watcher
        self._seen = 0
        self._look_again = 0.0

    def finished(self) -> bool:
        self._work()
        detail = self._now.runs.show(self._now.org, self._run)
        self._watcher.show(detail)
        self._warnings()
        return detail.run.status.final

    def _work(self) -> None:
        """Somebody has to execute the run: this process, if no server or worker does."""
        if time.monotonic() >= self._look_again:
            self._now.container.work_if_nobody_does()
            self._look_again = time.monotonic() + _TAKE_OVER

    def _warnings(self) -> None:
        from towpath.core.records import Level

        lines = self._now.runs.log(self._now.org, self._run, after=self._seen, minimum=Level.WARNING)
        for line in lines:
            self._watcher.log(line)
            self._seen = line.seq


def _wants_cancel() -> bool:
    if not sys.stdin.isatty():
        return True
    return typer.confirm("\nCancel the run?", default=True, err=True)


def _cancel(now: Session, run: str) -> None:
    from towpath.core.errors import ConflictError

    output.say("Cancelling … (Ctrl-C again leaves at once)")
    with suppress(ConflictError):  # it ended by itself meanwhile
        now.runs.cancel(now.org, run)


def summary(detail: "RunDetail") -> None:
    """The table of a finished run, on stdout."""
    output.table(
        ("stream", "status", "read", "written", "filtered", "rejected", "rows/s", "seconds"),
        [
            (
                stream.stream,
                str(stream.status),
                stream.counters.read,
                stream.counters.written,
                stream.counters.filtered,
                stream.counters.rejected,
                *progress.average(stream),
            )
            for stream in detail.streams
        ],
    )


def outcome(detail: "RunDetail", *, interrupted: bool = False) -> int:
    """The exit code of a finished run; says what went wrong, last."""
    run = detail.run
    if run.status == "cancelled":
        ending.unfinished(detail)
        return exits.INTERRUPTED if interrupted else exits.FAILED
    if run.status == "failed":
        ending.problems(detail)
        ending.unfinished(detail)
        return exits.exit_code(TowpathError.from_json(run.error)) if run.error else exits.FAILED
    if detail.rejected:
        output.say(f"Rejected records: {detail.rejected:,}. See them: towpath errors list --run {run.id}")
        return exits.RECORD_ERRORS
    output.done(f"The run {run.id} succeeded.")
    return exits.OK
