"""What is to be done next, for every state that the store can show."""

import threading
from dataclasses import replace

import pyarrow as pa
import pytest

from towpath.core.errors import UnreachableError
from towpath.core.model import Selection, Stream, Target, WriteMode
from towpath.core.records import Counters, Run, RunSlice, RunStatus, RunStream, StreamStatus, Worker
from towpath.engine.attempts import _begin
from towpath.engine.board import Board
from towpath.engine.books import Books
from towpath.engine.children import Nursery
from towpath.engine.closing import close_run
from towpath.engine.conduct import MOST_EPOCHS, make_work, next_tasks, open_run
from towpath.engine.context import Context
from towpath.engine.diary import Diary
from towpath.engine.settings import EngineSettings

SCHEMA = pa.schema([("id", pa.int64())])
LOST = UnreachableError("source.snapshot_lost", "gone").to_json()


@pytest.fixture
def context(store) -> Context:
    stopping = threading.Event()
    books = Books(store, stopping)
    return Context(
        worker="worker",
        books=books,
        resolve=lambda *_: ("memory", {}),
        settings=EngineSettings(url=""),
        nursery=Nursery(),
        stopping=stopping,
        diary=Diary(books),
        board=Board(books),
        slots=threading.BoundedSemaphore(2),
    )


class Stage:
    """One run in the store, and what its conductor would do."""

    def __init__(self, context, store, flow) -> None:
        self.context, self.store, self.flow = context, store, flow
        self.org = flow.org
        with store.begin() as work:
            self.run = work.runs.add(self.org, Run(org=self.org, flow=flow.id)).id

    def plan(self, name: str, slices: int, epoch: int = 0, **changes) -> None:
        stream = Stream(name, SCHEMA)
        target = Target(name, SCHEMA, WriteMode.OVERWRITE, self.run, name, f"{self.flow.id}:0")
        row = RunStream(
            org=self.org,
            run=self.run,
            stream=name,
            epoch=epoch,
            selection=Selection(stream).to_json(),
            target=target.to_json(),
        )
        pieces = [
            RunSlice(org=self.org, run=self.run, stream=name, epoch=epoch, slice=f"s{number}", spec={})
            for number in range(slices)
        ]
        with self.store.begin() as work:
            work.streams.save_plan(self.org, replace(row, **changes), pieces)

    def done(self, name: str, slice: str, epoch: int = 0) -> None:
        counters = Counters(read=1, written=1)
        with self.store.begin() as work:
            work.streams.slice_done(self.org, self.run, name, epoch, slice, {}, counters)

    def update(self, name: str, **changes) -> None:
        with self.store.begin() as work:
            work.streams.update(self.org, self.run, name, **changes)

    def cancel(self) -> None:
        with self.store.begin() as work:
            work.runs.request_cancel(self.org, self.run)

    def next(self, flying=(), landed=()) -> list[str]:
        tasks = next_tasks(self.context, self.org, self.run, flying, landed)
        return [task["id"] for task in tasks]

    def stream(self, name: str) -> RunStream:
        with self.store.read() as work:
            return work.streams.get(self.org, self.run, name)

    def close(self, failure=None) -> Run:
        close_run(self.context, self.org, self.run, failure)
        with self.store.read() as work:
            return work.runs.get(self.org, self.run)


@pytest.fixture
def stage(context, store, flow) -> Stage:
    stage = Stage(context, store, flow)
    assert open_run(context, stage.org, stage.run)
    return stage


def test_a_run_is_planned_first(stage):
    assert stage.next() == ["plan/0"]
    assert stage.next(flying=["plan/0"]) == []


def test_a_plan_that_failed_ends_the_run(stage):
    assert stage.next(landed=["plan/0"]) == []
    error = UnreachableError("connection.refused", "no").to_json()
    assert stage.close(error).error == error


def test_one_slice_more_is_started_than_the_flow_allows_to_be_under_way(stage):
    stage.plan("a", 2)
    stage.plan("b", 2)
    assert stage.next() == ["slice/a/0/s0", "slice/a/0/s1", "slice/b/0/s0"]
    stage.done("a", "s0")
    flying = ["slice/a/0/s1", "slice/b/0/s0"]
    assert stage.next(flying=flying, landed=["slice/a/0/s0"]) == ["slice/b/0/s1"]


def test_an_attempt_begins_when_the_flow_has_room_for_it(stage):
    stage.plan("a", 3)
    tasks = next_tasks(stage.context, stage.org, stage.run, [], [])
    works = [make_work(stage.context, stage.org, stage.run, task) for task in tasks]
    with stage.store.begin() as unit:
        unit.workers.beat(Worker(id=stage.context.worker, host="here", pid=1))
        first, second, third = (_begin(work, unit) for work in works)
        assert third is None
        assert {first.task, second.task} == {"slice/a/0/s0", "slice/a/0/s1"}
        unit.attempts.end(stage.org, first.id, "done")
        assert _begin(works[2], unit).task == "slice/a/0/s2"


def test_slices_wait_in_the_queue_of_their_connection(stage):
    stage.plan("a", 1)
    [task] = next_tasks(stage.context, stage.org, stage.run, [], [])
    with stage.store.read() as work:
        connection = work.exports.get(stage.org, stage.flow.exports[0]).connection
    assert (task["queue"], task["partition"]) == ("slices-4", connection)


def test_a_stream_is_committed_when_its_slices_are_done(stage):
    stage.plan("a", 1)
    stage.plan("b", 1)
    stage.done("a", "s0")
    assert stage.next(flying=["slice/b/0/s0"]) == ["commit/a/0"]
    assert stage.next(flying=["slice/b/0/s0", "commit/a/0"]) == []


def test_a_stream_without_records_is_committed_too(stage):
    stage.plan("a", 0)
    assert stage.next() == ["commit/a/0"]


def test_what_was_not_committed_is_discarded_last(stage):
    stage.plan("a", 1, status=StreamStatus.COMMITTED)
    assert stage.next() == []
    stage.plan("b", 1, status=StreamStatus.FAILED, error=LOST)
    assert stage.next(flying=["slice/b/0/s0"]) == []
    assert stage.next() == ["discard"]
    assert stage.next(landed=["discard"]) == []


def test_a_cancelled_run_starts_nothing_more(stage):
    stage.plan("a", 3)
    stage.cancel()
    assert stage.next(flying=["slice/a/0/s0"]) == []
    assert stage.next(landed=["slice/a/0/s0"]) == ["discard"]
    assert stage.close().status is RunStatus.CANCELLED


def test_streams_that_lost_their_snapshot_are_planned_again_together(stage):
    stage.plan("a", 1)
    stage.plan("b", 1)
    stage.plan("c", 1, status=StreamStatus.COMMITTED)
    stage.update("a", error=LOST)
    stage.update("b", error=LOST)
    assert stage.next(flying=["slice/b/0/s0"]) == []
    [task] = next_tasks(stage.context, stage.org, stage.run, [], [])
    assert (task["id"], task["arguments"]) == ("plan/1", [1, ["a", "b"]])
    assert stage.next(flying=["plan/1"]) == []
    stage.plan("a", 1, epoch=1)
    stage.plan("b", 1, epoch=1)
    assert stage.next(landed=["plan/1"]) == ["slice/a/1/s0", "slice/b/1/s0"]


def test_a_snapshot_that_is_lost_again_and_again_fails_its_stream(stage):
    stage.plan("a", 1, epoch=MOST_EPOCHS)
    stage.update("a", error=LOST)
    assert stage.next() == ["discard"]
    assert stage.stream("a").status is StreamStatus.FAILED


@pytest.mark.parametrize("task", ["slice/a/0/s0", "commit/a/0"])
def test_a_task_that_ended_undone_is_not_started_for_ever(stage, task):
    stage.plan("a", 1)
    if task.startswith("commit"):
        stage.done("a", "s0")
    assert stage.next(landed=[task]) == ["discard"]
    error = stage.stream("a").error
    assert error is not None
    assert error["code"] == "task.left_undone"


def test_the_first_error_is_the_run_s(stage):
    stage.plan("a", 1, status=StreamStatus.COMMITTED)
    stage.plan("b", 1, status=StreamStatus.FAILED, error=LOST)
    final = stage.close()
    assert (final.status, final.error) == (RunStatus.FAILED, LOST)


def test_a_run_whose_streams_are_all_committed_succeeded_even_if_cancelled_then(stage):
    stage.plan("a", 1, status=StreamStatus.COMMITTED)
    stage.cancel()
    assert stage.close().status is RunStatus.SUCCEEDED


def test_a_deleted_run_is_over(stage):
    with stage.store.begin() as work:
        work.runs.finish(stage.org, stage.run, RunStatus.FAILED)
        work.runs.delete(stage.org, stage.run)
    assert stage.next() == []
    close_run(stage.context, stage.org, stage.run, None)
    assert not open_run(stage.context, stage.org, stage.run)


def test_a_run_waits_while_another_one_of_its_flow_runs(stage):
    """# Invariant 5"""
    second = Stage(stage.context, stage.store, stage.flow)
    opened = threading.Event()

    def wait() -> None:
        if open_run(second.context, second.org, second.run):
            opened.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not opened.wait(0.5)
    stage.close(LOST)
    assert opened.wait(10)
    thread.join()


def test_a_run_is_not_closed_while_something_of_it_lives(stage):
    from towpath.core.records import Worker

    stage.plan("a", 1, status=StreamStatus.COMMITTED)
    with stage.store.begin() as work:
        work.workers.beat(Worker(id="other", host="there", pid=1))
        attempt = work.attempts.begin(stage.org, stage.run, "slice/a/0/s0", "other")
    thread = threading.Thread(target=stage.close)
    thread.start()
    thread.join(0.5)
    assert thread.is_alive()
    with stage.store.begin() as work:
        work.attempts.end(stage.org, attempt.id, "done")
    thread.join(10)
    assert not thread.is_alive()
