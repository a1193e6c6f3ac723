"""Trying a piece of work until it is done, is not wanted any more, or has failed for good."""

import logging
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from towpath.core.errors import BusyError, InternalError, NotFoundError, TowpathError
from towpath.core.records import Attempt, Level
from towpath.core.repositories import UnitOfWork
from towpath.engine.books import StoppedError
from towpath.engine.context import Outline
from towpath.engine.keeping import DEAD_AFTER
from towpath.engine.supervise import CancelledError, Supervision
from towpath.engine.talk import crashed
from towpath.engine.work import Ending, Work, ending
from towpath.engine.work_slice import SNAPSHOT_LOST

#: How often a piece of work may lose its worker, or find the other system busy: more often than it may
#: fail, for that says little about the work itself; but not for ever, for it may be what kills the workers.
_PATIENCE = 20
_LONGEST_DELAY = 60.0
_LOOK_EVERY = 0.2
_LOOK_FOR_ROOM_EVERY = 0.05
_LOST = "worker.lost"

_logger = logging.getLogger(__name__)


def perform(work: Work) -> Ending:
    """Do the work, whoever has tried before. Raises `StoppedError` when the engine stops."""
    while True:
        try:
            over, failure = _look(work)
        except NotFoundError as error:  # the run was deleted, or a part of its flow
            return ending("skipped", error)
        except TowpathError as error:
            return work.give_up(error)
        if over is not None:
            return over
        if failure is not None:
            return work.give_up(failure)
        done = _attempt(work)
        if done is not None:
            return done


def _look(work: Work) -> tuple[Ending | None, TowpathError | None]:
    """How the work ended, or the error to give it up with; neither if it is to be tried."""
    seen, over, attempts = work.context.books.read(lambda unit: _see(work, unit))
    if over is not None:
        return over, None
    if any(attempt.ended_at is None for attempt in attempts):
        attempts = work.context.books.write(lambda unit: _end_lost(work, unit))
    since = work.context.books.read(work.since)
    return None, _exhausted(work, seen, [one for one in attempts if not since or one.created_at > since])


def _see(work: Work, unit: UnitOfWork) -> tuple[Outline, Ending | None, Sequence[Attempt]]:
    seen = work.look(unit)
    return seen, work.over(unit, seen), unit.attempts.list(work.org, work.run, work.task)


def _attempt(work: Work) -> Ending | None:
    """One attempt; None if there is to be another."""
    outcome: Ending | TowpathError | None = None
    with _slot(work) as ours:
        attempt = work.context.books.write(lambda unit: _begin(work, unit)) if ours else None
        if attempt is not None:
            outcome = _carry_out(work, attempt)
    if not isinstance(outcome, TowpathError):
        if ours and outcome is None:
            work.context.stopping.wait(_LOOK_FOR_ROOM_EVERY)
        return outcome
    if not outcome.retryable or outcome.code == SNAPSHOT_LOST:
        return work.give_up(outcome)
    _wait_for_retry(work, outcome)
    return None


def _begin(work: Work, unit: UnitOfWork) -> Attempt | None:
    """The attempt; None while as many slices of the run are under way as its flow's policy allows. One more
    than that is started, so that it is at hand when another ends.
    """
    if work.takes_slot:
        unit.runs.lock(work.org, work.run)  # others that begin now wait for this one
        live = unit.attempts.live(work.org, work.run, DEAD_AFTER)
        others = [one for one in live if one.task.startswith("slice/") and one.task != work.task]
        if len(others) >= work.look(unit).flow.policy.parallel:
            return None
    return unit.attempts.begin(work.org, work.run, work.task, work.context.worker)


def _carry_out(work: Work, attempt: Attempt) -> Ending | TowpathError:
    """How the attempt ended, or why it failed."""
    supervision = Supervision(work, attempt)
    work.context.attempts.add(attempt.id)
    try:
        result = supervision.run()
        done = work.done(result.value, result.child)
    except CancelledError:
        _end(work, attempt, "cancelled")
        return ending("skipped")
    except StoppedError:
        _end_hastily(work, attempt)
        raise
    except TowpathError as error:
        failure = error
    except Exception as error:
        _logger.exception("%s of %s crashed", work.task, work.run)
        failure = crashed(error)
    else:
        _end(work, attempt, "done")
        return done
    finally:
        work.context.attempts.discard(attempt.id)
    if work.context.stopping.is_set():  # what failed now, failed because everything ends
        _end_hastily(work, attempt)
        raise StoppedError
    if not supervision.is_ours():
        return _wait_until_over(work)
    _end(work, attempt, "died" if failure.code == "task.died" else "failed", failure.to_json())
    return failure


def _exhausted(work: Work, seen: Outline, attempts: Sequence[Attempt]) -> TowpathError | None:
    """The error to give up with, if the work has been tried often enough."""
    errors = [attempt.error for attempt in attempts if attempt.error]
    patient = [error for error in errors if error["code"] == _LOST or error["type"] == BusyError.__name__]
    limit = work.max_attempts or seen.flow.policy.max_attempts
    if len(errors) - len(patient) < limit and len(patient) < max(limit, _PATIENCE):
        return None
    return TowpathError.from_json(errors[-1]).with_context(attempts=len(errors))


def _end_lost(work: Work, unit: UnitOfWork) -> Sequence[Attempt]:
    """End the attempts that are still open. Their workers are dead, or were taken for dead and must find
    out before they publish anything.
    """
    for attempt in unit.attempts.list(work.org, work.run, work.task):
        if attempt.ended_at is None:
            unit.attempts.end(work.org, attempt.id, "died", _lost(attempt.worker).to_json())
    return unit.attempts.list(work.org, work.run, work.task)


def _lost(worker: str) -> InternalError:
    return InternalError(
        _LOST,
        f"The worker {worker} died or stopped answering.",
        hint="Another worker took the work over.",
        retryable=True,
    )


def _wait_until_over(work: Work) -> Ending:
    """Another worker does the work: end when it is done, so that the two tell the same."""
    while True:
        over = work.context.books.read(lambda unit: work.over(unit, work.look(unit)))
        if over is not None:
            return over
        if work.context.stopping.wait(_LOOK_EVERY):
            raise StoppedError


@contextmanager
def _slot(work: Work) -> Iterator[bool]:
    """Wait for a free slot of this worker; False if the work must be looked at again meanwhile."""
    if not work.takes_slot:
        yield True
        return
    slots = work.context.slots
    ours = slots.acquire(timeout=_LOOK_EVERY)
    try:
        if work.context.stopping.is_set():
            raise StoppedError
        yield ours
    finally:
        if ours:
            slots.release()


def _wait_for_retry(work: Work, failure: TowpathError) -> None:
    tries = len(work.context.books.read(lambda unit: unit.attempts.list(work.org, work.run, work.task)))
    delay = min(_LONGEST_DELAY, work.context.settings.retry_delay * 2 ** (min(tries, 10) - 1))
    delay *= random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, guards nothing
    text = f"{work.task}: {failure} It is tried again in {delay:.1f} s."
    work.note(text, "slice.retried", level=Level.WARNING, code=failure.code, attempt=tries)
    until = time.monotonic() + delay
    while time.monotonic() < until:
        if work.context.stopping.wait(_LOOK_EVERY):
            raise StoppedError
        if work.context.books.read(lambda unit: work.look(unit).unwanted) and work.killable:
            return


def _end(work: Work, attempt: Attempt, outcome: str, error: Mapping[str, Any] | None = None) -> None:
    work.context.books.write(lambda unit: unit.attempts.end(work.org, attempt.id, outcome, error))


def _end_hastily(work: Work, attempt: Attempt) -> None:
    """As `_end`, but without patience: the engine stops. What is missed is made up by `_end_lost`."""
    try:
        _end(work, attempt, "cancelled")
    except (StoppedError, TowpathError):
        return
