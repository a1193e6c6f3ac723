"""Whoever wants to know of the end of runs is told once, where the run ends."""

import threading
from dataclasses import replace

import pytest

from towpath.core.errors import BusyError, NotFoundError
from towpath.core.records import Run, RunStatus
from towpath.engine import Engine, EngineSettings
from towpath.engine.board import Board
from towpath.engine.books import Books
from towpath.engine.children import Nursery
from towpath.engine.closing import close_run, close_slow_cancel
from towpath.engine.conduct import open_run
from towpath.engine.context import Context
from towpath.engine.diary import Diary
from towpath.engine.ends import finish


class Told(list[tuple[str, RunStatus]]):
    """What an engine told, with what the unit of work that told it shows."""

    def __call__(self, work, run) -> None:
        assert work.runs.get(run.org, run.id) == run
        self.append((run.id, run.status))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def context(store, told) -> Context:
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
        ended=told,
    )


@pytest.fixture
def run(store, flow) -> Run:
    with store.begin() as work:
        return work.runs.add(flow.org, Run(org=flow.org, flow=flow.id))


def status(store, run) -> RunStatus:
    with store.read() as work:
        return work.runs.get(run.org, run.id).status


def test_the_end_of_a_run_is_told_once(context, told, run):
    open_run(context, run.org, run.id)
    for _ in range(2):
        close_run(context, run.org, run.id, {"code": "x.y", "message": "No."})
    assert told == [(run.id, RunStatus.FAILED)]


def test_a_queued_run_that_is_cancelled_is_told_once(store, context, told, run):
    desk = Engine(store, context.resolve, context.settings, told)
    assert desk.cancel(run.org, run.id).status is RunStatus.CANCELLED
    desk.cancel(run.org, run.id)
    assert not open_run(context, run.org, run.id)
    close_run(context, run.org, run.id, None)
    assert told == [(run.id, RunStatus.CANCELLED)]


def test_a_run_that_was_cancelled_before_it_is_claimed_is_told(store, context, told, run):
    with store.begin() as work:
        work.runs.request_cancel(run.org, run.id)
    assert not open_run(context, run.org, run.id)
    assert told == [(run.id, RunStatus.CANCELLED)]


def test_a_cancelled_run_is_not_kept_by_its_sweeping(store, context, told, run, monkeypatch):
    open_run(context, run.org, run.id)
    with store.begin() as work:
        asked = work.runs.request_cancel(run.org, run.id)
    close_slow_cancel(context, asked)
    assert told == []
    close_slow_cancel(context, replace(asked, updated_at=run.created_at.replace(year=2020)))
    assert told == [(run.id, RunStatus.CANCELLED)]
    assert status(store, run) is RunStatus.CANCELLED


def test_what_is_told_fails_or_passes_with_the_end(store, run):
    def refuses(work, run):
        raise BusyError("store.busy", "Not now.", hint="Wait.")

    with pytest.raises(BusyError), store.begin() as work:
        finish(work, refuses, run.org, run.id, RunStatus.CANCELLED)
    assert status(store, run) is RunStatus.QUEUED


@pytest.mark.parametrize("error", [KeyError("defect"), NotFoundError("project.not_found", "Gone.")])
def test_a_defect_of_who_is_told_keeps_no_run_from_ending(store, run, caplog, error):
    def breaks(work, run):
        raise error

    with store.begin() as work:
        finish(work, breaks, run.org, run.id, RunStatus.CANCELLED)
    assert status(store, run) is RunStatus.CANCELLED
    assert "nobody was told" in caplog.text
