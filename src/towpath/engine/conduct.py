"""Conducting a run: what is to be done next, seen from what the store says.

Every function may be called again at any time, by any worker: it looks first. The orchestration that
calls them (`towpath.engine.durable`) therefore holds no truth of its own.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from towpath.core.errors import BusyError, NotFoundError
from towpath.core.records import (
    Run,
    RunSlice,
    RunStatus,
    RunStream,
    SliceStatus,
    StreamStatus,
    now,
)
from towpath.core.repositories import UnitOfWork
from towpath.engine.books import StoppedError
from towpath.engine.clearing import plan_clear
from towpath.engine.closing import left_undone
from towpath.engine.context import Context, Outline, outline
from towpath.engine.ends import finish
from towpath.engine.work import Work, is_over
from towpath.engine.work_clear import ClearWork
from towpath.engine.work_commit import CommitWork, DiscardWork
from towpath.engine.work_pages import PagesWork
from towpath.engine.work_plan import PlanWork
from towpath.engine.work_slice import OrderedWork, SliceWork

#: A task as JSON: ``id`` is unique in the run, ``kind`` and ``arguments`` make the work, ``queue`` and
#: ``partition`` say where slices wait for their connection.
Task = dict[str, Any]

#: Classes of limits on how many slices read a connection at once; each is one queue, whatever the number
#: of connections.
LIMITS = (1, 2, 4, 8, 16)
#: How often a stream may be planned again because its snapshot was lost.
MOST_EPOCHS = 5

_WAIT = 0.3
_WORKS: Mapping[str, type[Work]] = {
    "plan": PlanWork,
    "slice": SliceWork,
    "ordered": OrderedWork,
    "commit": CommitWork,
    "clear": ClearWork,
    "discard": DiscardWork,
    "pages": PagesWork,
}


def make_work(context: Context, org: str, run: str, task: Task) -> Work:
    return _WORKS[task["kind"]](context, org, run, *task["arguments"])


def open_run(context: Context, org: str, run: str) -> bool:
    """Claim the run; False if there is nothing to do. Waits while another run of its flow holds the claim,
    which the queue rules out but for moments of recovery. # Invariant 5
    """
    while True:
        try:
            claimed = context.books.write(lambda work: _claim(work, context, org, run))
        except NotFoundError:
            return False
        except BusyError:
            if context.stopping.wait(_WAIT):
                raise StoppedError from None
            continue
        if claimed is None:
            return False
        if not context.books.read(lambda work: work.streams.list(org, run)):
            context.diary.note(org, run, "The run starts", "run.started", worker=context.worker)
        return True


def _claim(work: UnitOfWork, context: Context, org: str, run: str) -> Run | None:
    work.runs.lock(org, run)
    found = work.runs.get(org, run)
    if found.status is RunStatus.QUEUED and found.cancel_requested:
        finish(work, context.ended, org, run, RunStatus.CANCELLED)
        return None
    return work.runs.claim(org, run)


def next_tasks(
    context: Context, org: str, run: str, flying: Collection[str], landed: Collection[str]
) -> Sequence[Task]:
    """The tasks to start now; none, and none flying, means that the run is over.

    ``flying`` are the ids of the tasks that are under way, ``landed`` those that have ended: they are
    never started again.
    """
    try:
        return context.books.write(lambda work: list(_next(work, org, run, flying, landed)))
    except NotFoundError:  # deleted, or a part of its flow is: `close_run` says what
        return []


def _next(
    work: UnitOfWork, org: str, run: str, flying: Collection[str], landed: Collection[str]
) -> Iterator[Task]:
    seen = outline(work, org, run)
    streams = work.streams.list(org, run)
    started = False
    if not seen.unwanted:
        for task in _moves(work, seen, streams, flying, landed):
            started = True
            yield task
    if started or flying or "discard" in landed:
        return
    if any(stream.target and stream.status is not StreamStatus.COMMITTED for stream in streams):
        yield {"id": "discard", "kind": "discard", "arguments": []}


def _moves(
    work: UnitOfWork,
    seen: Outline,
    streams: Sequence[RunStream],
    flying: Collection[str],
    landed: Collection[str],
) -> Iterator[Task]:
    if seen.run.clear:
        yield from _clears(work, streams or plan_clear(work, seen), flying, landed)
    elif seen.flow.pipeline is not None:
        yield from _once("pages/0", "pages", [], flying, landed)
    elif not streams:
        yield from _once("plan/0", "plan", [0, None], flying, landed)
    else:
        yield from _copies(work, seen, streams, flying, landed)


def _once(
    task: str, kind: str, arguments: list[Any], flying: Collection[str], landed: Collection[str]
) -> Iterator[Task]:
    if task not in flying and task not in landed:
        yield {"id": task, "kind": kind, "arguments": arguments}


def _copies(
    work: UnitOfWork,
    seen: Outline,
    streams: Sequence[RunStream],
    flying: Collection[str],
    landed: Collection[str],
) -> Iterator[Task]:
    """Tasks of a run whose streams are planned."""
    yield from _replans(work, streams, flying, landed)
    # One more than may be under way: it begins the moment another ends.
    room = seen.flow.policy.parallel + 1 - sum(task.startswith("slice/") for task in flying)
    for stream in streams:
        if is_over(stream) or stream.error:
            continue
        slices = work.streams.slices(stream.org, stream.run, stream.stream)
        if all(piece.status is SliceStatus.DONE for piece in slices):
            yield from _publication(work, "commit", stream, flying, landed)
            continue
        for task in _slices(work, seen, stream, slices, flying, landed):
            if room <= 0:
                return  # the streams behind this one have not begun
            room -= 1
            yield task


def _clears(
    work: UnitOfWork,
    streams: Sequence[RunStream],
    flying: Collection[str],
    landed: Collection[str],
) -> Iterator[Task]:
    for stream in streams:
        if not is_over(stream):
            yield from _publication(work, "clear", stream, flying, landed)


def _replans(
    work: UnitOfWork, streams: Sequence[RunStream], flying: Collection[str], landed: Collection[str]
) -> Iterator[Task]:
    """Plan again, together, the streams whose snapshot was lost, once nothing of them is under way."""
    if any(task.startswith("plan/") for task in flying):
        return
    lost = [stream for stream in streams if stream.error and not is_over(stream)]
    quiet = [stream for stream in lost if not any(f"/{stream.stream}/" in task for task in flying)]
    if not quiet or len(quiet) < len(lost):
        return
    epoch = max(stream.epoch for stream in streams) + 1
    if epoch <= MOST_EPOCHS and f"plan/{epoch}" not in landed:
        names = [stream.stream for stream in lost]
        yield {"id": f"plan/{epoch}", "kind": "plan", "arguments": [epoch, names]}
        return
    for stream in lost:
        _fail(work, stream, stream.error or {})


def _publication(
    work: UnitOfWork, kind: str, stream: RunStream, flying: Collection[str], landed: Collection[str]
) -> Iterator[Task]:
    task = f"{kind}/{stream.stream}/{stream.epoch}"
    if task in landed:
        _fail(work, stream, left_undone(task).to_json())
    elif task not in flying:
        yield {"id": task, "kind": kind, "arguments": [stream.stream, stream.epoch]}


def _slices(
    work: UnitOfWork,
    seen: Outline,
    stream: RunStream,
    slices: Sequence[RunSlice],
    flying: Collection[str],
    landed: Collection[str],
) -> Iterator[Task]:
    queue = _queue(work, seen)
    for piece in slices:
        task = f"slice/{stream.stream}/{stream.epoch}/{piece.slice}"
        if piece.status is SliceStatus.DONE or task in flying:
            continue
        if task in landed:
            _fail(work, stream, left_undone(task).to_json())
            return
        kind = "ordered" if stream.ordered else "slice"
        arguments = [stream.stream, stream.epoch, piece.slice]
        yield {"id": task, "kind": kind, "arguments": arguments, **queue}


def _queue(work: UnitOfWork, seen: Outline) -> dict[str, str]:
    connection = work.connections.get(seen.run.org, seen.export.connection)
    limit = max(limit for limit in LIMITS if limit <= max(1, connection.max_parallel))
    return {"queue": queue_of(limit), "partition": connection.id}


def queue_of(limit: int) -> str:
    """Name of the queue for slices whose connection serves ``limit`` at once."""
    return f"slices-{limit}"


def _fail(work: UnitOfWork, stream: RunStream, error: Mapping[str, Any]) -> None:
    work.streams.update(
        stream.org,
        stream.run,
        stream.stream,
        status=StreamStatus.FAILED,
        error=error,
        rows_per_second=0.0,
        ended_at=now(),
    )
