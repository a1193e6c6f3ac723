"""The end of a run: what became of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from towpath.core.errors import InternalError, NotFoundError
from towpath.core.records import Level, Run, RunStatus, StreamStatus, now
from towpath.core.repositories import UnitOfWork
from towpath.engine.books import StoppedError
from towpath.engine.context import Context
from towpath.engine.ends import finish
from towpath.engine.keeping import DEAD_AFTER

_WAIT = 0.3
#: How long the end of a cancelled run waits for the sweeping of what it staged.
_SWEEPING = timedelta(seconds=3)


def close_run(context: Context, org: str, run: str, failure: Mapping[str, Any] | None) -> None:
    """Make the run final once nothing of it is under way any more. # Invariant 5

    ``failure`` is what failed the run as a whole.
    """
    while context.books.read(lambda work: work.attempts.live(org, run, DEAD_AFTER)):
        if context.stopping.wait(_WAIT):
            raise StoppedError
    context.board.flush()
    context.diary.flush()
    try:
        run_before = context.books.read(lambda work: work.runs.get(org, run))
        if run_before.status.final:
            return
        status, error = context.books.read(lambda work: _verdict(work, run_before, failure))
        if run_before.clear and not context.books.read(lambda work: work.streams.list(org, run)):
            context.diary.note(org, run, "There is nothing to clear: nothing was written", "run.empty")
        text = f"The run {status}" if error is None else f"The run {status}: {error['message']}"
        level = Level.ERROR if status is RunStatus.FAILED else Level.INFO
        context.diary.note(org, run, text, "run.finished", level=level, status=str(status))
        # The log first: who waits for the end of the run finds it complete.
        context.diary.flush()
        context.books.write(lambda work: finish(work, context.ended, org, run, status, error))
    except NotFoundError:
        return


def close_slow_cancel(context: Context, run: Run) -> None:
    """Make a run final that was cancelled a while ago and of which only the sweeping is left, which goes on.
    Its workflow does too, so that the flow's next run still waits for the sweeping. # Invariant 5
    """
    if now() - run.updated_at < _SWEEPING:
        return
    live = context.books.read(lambda work: work.attempts.live(run.org, run.id, DEAD_AFTER))
    if any(not attempt.task.startswith("discard/") for attempt in live):
        return
    text = "The run cancelled; what it staged is still being swept"
    context.diary.note(run.org, run.id, text, "run.finished", status=str(RunStatus.CANCELLED))
    context.diary.flush()
    context.books.write(lambda work: finish(work, context.ended, run.org, run.id, RunStatus.CANCELLED))


def _verdict(
    work: UnitOfWork, run: Run, failure: Mapping[str, Any] | None
) -> tuple[RunStatus, Mapping[str, Any] | None]:
    streams = work.streams.list(run.org, run.id)
    failed = sorted(
        (stream for stream in streams if stream.status is StreamStatus.FAILED),
        key=lambda stream: stream.ended_at or now(),
    )
    complete = bool(streams) and all(stream.status is StreamStatus.COMMITTED for stream in streams)
    if complete:
        return RunStatus.SUCCEEDED, None
    if run.cancel_requested:
        return RunStatus.CANCELLED, None
    error = failure or (failed[0].error if failed else None)
    if error is None and streams:
        return RunStatus.FAILED, left_undone("The run").to_json()
    return (RunStatus.FAILED, error) if error else (RunStatus.SUCCEEDED, None)


def left_undone(task: str) -> InternalError:
    """The error for a task that ended, though neither done nor failed."""
    return InternalError(
        "task.left_undone",
        f"{task} ended without being done.",
        hint="This is a defect of Towpath. The worker's own log may say more.",
    )
