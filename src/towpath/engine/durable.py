"""Durable execution: the only module that knows DBOS.

DBOS runs two workflows: a run, and a task of a run (one plan, slice, commit or discard). After a crash it
calls them again with what their steps returned; what is true stands in the store. Arguments and results
are small JSON. Runs wait in one queue, partitioned by flow, one at a time (# Invariant 5); slices in a
handful of queues, partitioned by connection, one queue per class of limit.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID, WorkflowStatus
from dbos import DBOSPortableJSONSerializer as PortableJSON

from towpath.core.records import Run
from towpath.engine.attempts import perform
from towpath.engine.books import StoppedError
from towpath.engine.closing import close_run
from towpath.engine.conduct import LIMITS, Task, make_work, next_tasks, open_run, queue_of
from towpath.engine.context import Context

T = TypeVar("T")

RUNS = "runs"
#: Pinned: by default it is a hash of the code, and every release would strand the runs of the one before.
#: It changes only together with the order of steps in the two workflows.
VERSION = "1"
#: Runs that one worker conducts at once; conducting is little more than waiting.
_MOST_RUNS = 64
_SQLITE = "sqlite:///"
_RUN, _TASK = "run", "task"
#: Tasks whose failure is the run's own.
_WHOLE = ("plan/0", "pages/0")
#: How often the workflow of one run may break.
_MOST_LIVES = 5
_FORGET_AFTER = timedelta(minutes=10)
_FORGET_AT_ONCE = 100

_context: Context | None = None
_active: set[str] = set()


def launch(context: Context) -> None:
    """Start executing. One per process: DBOS's registry is global."""
    global _context  # noqa: PLW0603 - workflows are module functions, found by their names
    _context = context
    settings = context.settings
    _prepare_file(settings.url)
    config: DBOSConfig = {
        "name": "towpath",
        "system_database_url": _letting_go(settings.url),
        "application_version": VERSION,
        "executor_id": context.worker,
        "serializer": PortableJSON(),
        # On SQLite it sleeps that long between looks, and a stop waits for it to wake.
        "notification_listener_polling_interval_sec": settings.poll_interval,
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    poll = settings.poll_interval
    DBOS.register_queue(
        RUNS, partition_concurrency=1, worker_concurrency=_MOST_RUNS, polling_interval_sec=poll
    )
    for limit in LIMITS:
        # Twice the slots: the next slice is at hand when one ends. The slots themselves bound the work.
        DBOS.register_queue(
            queue_of(limit),
            partition_concurrency=limit,
            worker_concurrency=2 * settings.slots,
            polling_interval_sec=poll,
        )


def _letting_go(url: str) -> str:
    """On PostgreSQL: the locks of a worker that hangs in the middle of a transaction end with its session,
    in the time that it takes the others to notice that it hangs.
    """
    if url.startswith(_SQLITE):
        return url
    option = "options=-c%20idle_in_transaction_session_timeout%3D10000"
    return f"{url}{'&' if '?' in url else '?'}{option}"


def shut_down() -> None:
    """Stop executing; what is unfinished stays so."""
    # What it takes from a queue in its last moments fails in ours, and is taken over by others.
    logging.getLogger("dbos").setLevel(logging.CRITICAL)
    DBOS.destroy()


def enqueue(run: Run) -> None:
    """Queue the run behind the earlier runs of its flow. Does nothing if that was done before."""
    _enqueue(run, run.id)


def revive(run: Run) -> bool:
    """Queue a run whose workflow ended or broke before the run was over. The new workflow begins anew,
    which costs nothing: what was done stands in the store. False if that has been tried often enough.
    """
    known = DBOS.list_workflows(workflow_id_prefix=run.id, name=_RUN, load_input=False, load_output=False)
    if len(known) > _MOST_LIVES:
        return False
    _enqueue(run, f"{run.id}.{len(known)}" if known else run.id)
    return True


def _enqueue(run: Run, id: str) -> None:
    with SetWorkflowID(id), SetEnqueueOptions(queue_partition_key=run.flow):
        DBOS.enqueue_workflow(RUNS, run_workflow, run.org, run.id)


def live_runs() -> frozenset[str]:
    """Ids of the runs that are queued or executed."""
    live = DBOS.list_workflows(name=_RUN, status=["ENQUEUED", "PENDING"], load_input=False, load_output=False)
    return frozenset(workflow.workflow_id.partition(".")[0] for workflow in live)


def drop_waiting(run: str) -> None:
    """Land the slices of a cancelled run that wait for their turn, which others may hold for long. None of
    them has begun: whoever takes one now sees that the run is cancelled.
    """
    waiting = DBOS.list_workflows(
        workflow_id_prefix=run, name=_TASK, status="ENQUEUED", load_input=False, load_output=False
    )
    if waiting:
        DBOS.cancel_workflows([workflow.workflow_id for workflow in waiting])


def executing() -> list[WorkflowStatus]:
    """All workflows that some worker executes, or executed when it died."""
    return DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)


def is_broken(workflow: WorkflowStatus) -> bool:
    """Whether this worker should execute it and does not: its execution ended without a result. True also for
    the moments between taking a workflow and executing it, and between its end and its result.
    """
    return workflow.executor_id == _here().worker and workflow.workflow_id not in _active


def take_over(workflow: WorkflowStatus) -> None:
    """Have a workflow executed again, by whatever worker comes first."""
    DBOS.resume_workflow(workflow.workflow_id, queue_name=workflow.queue_name)


def abandon(workflow: WorkflowStatus) -> None:
    """End a broken workflow. A run is queued again by `revive`: replaying it would break it again."""
    if workflow.name == _RUN:
        DBOS.cancel_workflow(workflow.workflow_id)
    else:
        take_over(workflow)


def forget_ended() -> None:
    """Remove what DBOS keeps of runs that ended a while ago; the store has all that matters."""
    before = (datetime.now(UTC) - _FORGET_AFTER).isoformat()
    ended = DBOS.list_workflows(
        name=_RUN, completed_before=before, limit=_FORGET_AT_ONCE, load_input=False, load_output=False
    )
    for run in ended:
        known = DBOS.list_workflows(workflow_id_prefix=run.workflow_id, load_input=False, load_output=False)
        DBOS.delete_workflows([workflow.workflow_id for workflow in known])


@contextmanager
def _executed() -> Iterator[None]:
    """Note that this process executes the present workflow."""
    id = DBOS.workflow_id or ""
    _active.add(id)
    try:
        yield
    finally:
        _active.discard(id)


@DBOS.workflow(name=_RUN)
async def run_workflow(org: str, run: str) -> None:
    """One run: start what is to be done next, wait for something to end, and so on."""
    with _executed():
        await _conduct(org, run)


async def _conduct(org: str, run: str) -> None:
    if not await _open(org, run):
        return
    flying: dict[str, Any] = {}
    landed: set[str] = set()
    failure = None
    while True:
        for task in await _next(org, run, sorted(flying), sorted(landed)):
            flying[task["id"]] = await _start(org, run, task)
        if not flying:
            break
        first = await DBOS.wait_first_async(list(flying.values()), polling_interval_sec=0.1)
        done = next(task for task, handle in flying.items() if handle is first)
        del flying[done]
        landed.add(done)
        if done in _WHOLE:
            failure = (await first.get_result())["error"]
    await _close(org, run, failure)


@DBOS.workflow(name=_TASK)
async def task_workflow(org: str, run: str, task: Task) -> dict[str, Any]:
    """One task of a run. It has no steps: it looks at the store, and does what is still to be done."""
    context = _here()
    with _executed():
        return await _in_thread(lambda: perform(make_work(context, org, run, task)))


@DBOS.step(name="open")
async def _open(org: str, run: str) -> bool:
    return await _in_thread(lambda: open_run(_here(), org, run))


@DBOS.step(name="next")
async def _next(org: str, run: str, flying: list[str], landed: list[str]) -> list[Task]:
    return list(await _in_thread(lambda: next_tasks(_here(), org, run, flying, landed)))


@DBOS.step(name="close")
async def _close(org: str, run: str, failure: dict[str, Any] | None) -> bool:
    await _in_thread(lambda: close_run(_here(), org, run, failure))
    return True


async def _start(org: str, run: str, task: Task) -> Any:
    with SetWorkflowID(f"{DBOS.workflow_id}/{task['id']}"):
        if "queue" not in task:  # here and now: it waits for nothing
            return await DBOS.start_workflow_async(task_workflow, org, run, task)
        with SetEnqueueOptions(queue_partition_key=task["partition"]):
            return await DBOS.enqueue_workflow_async(task["queue"], task_workflow, org, run, task)


async def _in_thread(do: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(do)
    except StoppedError:
        # Neither result nor error may be recorded: the workflow is to be resumed. The event loop ends soon.
        await asyncio.Event().wait()
        raise


def _here() -> Context:
    if _context is None:
        raise RuntimeError("the engine was not launched")
    return _context


def _prepare_file(url: str) -> None:
    """Write-ahead logging: readers and the writer do not wait for each other. For the owner's eyes only."""
    if not url.startswith(_SQLITE):
        return
    path = Path(url.removeprefix(_SQLITE))
    path.touch(0o600)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
