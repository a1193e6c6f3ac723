"""What a worker does beside its runs: show that it lives, take over, start what is due, write things up.

Everything is level-triggered: it looks at how things are and puts them right, again and again, so that
nothing depends on a message that somebody may have missed.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from towpath.core.errors import InternalError
from towpath.core.records import Run, RunStatus, Worker, now
from towpath.core.repositories import UnitOfWork
from towpath.engine import durable, folders, retries
from towpath.engine.books import StoppedError
from towpath.engine.closing import close_slow_cancel
from towpath.engine.context import Context
from towpath.engine.ends import finish
from towpath.engine.holds import Hold
from towpath.engine.keeping import DEAD_AFTER, Need, needed
from towpath.engine.liveness import BEAT_EVERY, gone, living
from towpath.engine.scheduler import start_due

_TICK = 1.0
_LOOK_EVERY = 0.2
_WRITE_EVERY = 0.5
_FORGET_EVERY = 60.0
_FORGET_WORKERS_AFTER = timedelta(days=1)
#: Seconds after which something that looks broken is.
_SURE_AFTER = 5.0

_logger = logging.getLogger(__name__)


class Housekeeping:
    """The threads of a worker."""

    def __init__(self, context: Context, worker: Worker) -> None:
        self._context = context
        self._worker = worker
        self._wake = threading.Event()
        self._doubts: dict[str, float] = {}
        """Workflow or run → since when every look has found it broken."""
        self._earlier: dict[str, float] = {}
        """The doubts of the last tick."""
        self._beating_since = time.monotonic()
        self._beaten_at = time.monotonic()
        self._forgotten_at = 0.0
        self._queued: frozenset[str] = frozenset()
        """The runs that waited at the last look."""
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for name, do, every in (
            ("engine-beat", self.beat, BEAT_EVERY),
            ("engine-log", self._write_up, _WRITE_EVERY),
            ("engine-news", self._look_for_news, _LOOK_EVERY),
        ):
            self._run(name, self._repeat, do, self._context.stopping, every)
        self._run("engine-tick", self._repeat, self.tick, self._wake, _TICK)

    def wake(self) -> None:
        """Have the next tick now: there is a new run."""
        self._wake.set()

    def stop(self) -> None:
        """Wait for the threads, which the engine's stop flag ends."""
        self._wake.set()
        for thread in self._threads:
            thread.join()

    def beat(self) -> None:
        """Show that this worker lives."""
        self._context.books.write(
            lambda work: work.workers.beat(
                Worker(id=self._worker.id, host=self._worker.host, pid=self._worker.pid)
            )
        )
        beat_at = time.monotonic()
        if beat_at - self._beaten_at > DEAD_AFTER.total_seconds() / 2:
            self._beating_since = beat_at  # the store was away, or this process: others may seem dead
        self._beaten_at = beat_at

    def leave(self) -> None:
        """Show that this worker is gone, so that others need not wait for its next beat."""
        self._context.books.write(lambda work: work.workers.beat(gone(self._worker)))

    def tick(self) -> None:
        """One round of everything that is done every second."""
        self._earlier, self._doubts = self._doubts, {}
        self._take_over()
        start_due(self._context.books, now(), self._context.settings.minimum_interval)
        self._queue_runs()
        retries.settle_all(self._context.books)
        self._context.holds.drop_unneeded(self._need)
        self._forget()

    def _look_for_news(self) -> None:
        """Have the next tick now if another process, such as the command line, has made a run; and see to
        the runs that somebody cancelled.
        """
        unfinished = self._context.books.read(lambda work: work.runs.unfinished())
        queued = frozenset(run.id for run in unfinished if run.status is RunStatus.QUEUED)
        if queued - self._queued:
            self.wake()
        self._queued = queued
        for run in unfinished:
            if run.status is RunStatus.RUNNING and run.cancel_requested:
                durable.drop_waiting(run.id)
                close_slow_cancel(self._context, run)

    def _queue_runs(self) -> None:
        """Have DBOS queue every unfinished run that it does not know, oldest first. A run that has no
        workflow though it was queued here before has lost it: it gets another one.
        """
        live = durable.live_runs()
        unfinished = self._context.books.read(lambda work: work.runs.unfinished())
        for run in unfinished:
            if run.status is RunStatus.QUEUED and run.cancel_requested:
                self._finish(run, RunStatus.CANCELLED)
            elif run.id in live:
                continue
            elif run.id not in self._earlier:
                self._doubt(run.id)
                durable.enqueue(run)
            elif self._doubt(run.id) and not durable.revive(run):
                self._finish(run, RunStatus.FAILED, _broken(run))

    def _doubt(self, what: str) -> bool:
        """It looks broken now; True once it has at every look for so long that it will not heal by itself."""
        since = self._doubts[what] = self._earlier.get(what, time.monotonic())
        return time.monotonic() - since >= _SURE_AFTER

    def _finish(self, run: Run, status: RunStatus, error: InternalError | None = None) -> None:
        data = None if error is None else error.to_json()
        ended = self._context.ended
        self._context.books.write(lambda work: finish(work, ended, run.org, run.id, status, data))

    def _take_over(self) -> None:
        """Resume the workflows of workers that are dead, which one worker does for all, and what was
        broken here.
        """
        pending = durable.executing()  # before asking who lives: who took one since has beaten before
        if not pending:
            return
        alive, not_dead = self._context.books.read(self._who_lives)
        for workflow in pending:
            if durable.is_broken(workflow):
                if self._doubt(workflow.workflow_id):
                    durable.abandon(workflow)
            elif workflow.executor_id not in not_dead and self._worker.id == min(alive):
                _logger.info("taking over %s from %s", workflow.workflow_id, workflow.executor_id)
                durable.take_over(workflow)

    def _who_lives(self, work: UnitOfWork) -> tuple[frozenset[str], frozenset[str]]:
        """The workers that beat, and those that cannot be called dead. While the store was away nobody
        could beat: then everybody gets the time to do so.
        """
        alive = living(work, self._worker.id)
        if time.monotonic() - self._beating_since >= DEAD_AFTER.total_seconds():
            return alive, alive
        return alive, living(work, self._worker.id, _FORGET_WORKERS_AFTER)

    def _need(self, hold: Hold) -> Need:
        return self._context.books.read(lambda work: needed(work, hold.org, hold.run, hold.held))

    def _forget(self) -> None:
        if time.monotonic() - self._forgotten_at < _FORGET_EVERY:
            return
        self._forgotten_at = time.monotonic()
        before = now() - _FORGET_WORKERS_AFTER
        self._context.books.write(lambda work: work.workers.forget(before))
        folders.sweep(self._context.settings, self._context.books)
        durable.forget_ended()

    def _write_up(self) -> None:
        self._context.board.flush()
        self._context.diary.flush()

    def _run(self, name: str, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _repeat(self, do: Callable[[], None], wake: threading.Event, every: float) -> None:
        while not self._context.stopping.is_set():
            try:
                do()
            except StoppedError:
                return
            except Exception:
                # Whatever it is, the next round may do better; ending the thread would end the service.
                _logger.exception("housekeeping failed")
            if wake.wait(every) and wake is self._wake:
                wake.clear()


def _broken(run: Run) -> InternalError:
    return InternalError(
        "engine.run_broken",
        f"The execution of {run.id} broke again and again.",
        hint="This is a defect of Towpath. The worker's own log may say more. Run the flow again.",
    )
