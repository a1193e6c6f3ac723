import threading
from datetime import UTC, datetime, timedelta

import pytest

from towpath.core.ids import as_object_id, of_object_id
from towpath.core.records import Run, RunStatus
from towpath.engine.books import Books
from towpath.engine.scheduler import scheduled_id, start_due

DUE = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def books(store) -> Books:
    return Books(store, threading.Event())


@pytest.fixture
def due(store, flow):
    with store.begin() as work:
        return work.flows.update(flow.org, flow.id, next_due=DUE)


def runs(store, flow):
    with store.read() as work:
        return list(work.runs.list(flow.org, flow=flow.id))


def next_due(store, flow):
    with store.read() as work:
        return work.flows.get(flow.org, flow.id).next_due


def test_a_flow_that_is_due_is_started_once(store, books, due):
    [run] = start_due(books, DUE, 60)
    assert (run.flow, run.cause, run.status) == (due.id, "schedule", RunStatus.QUEUED)
    assert run.id == scheduled_id(due.id, DUE)
    assert next_due(store, due) == DUE + timedelta(seconds=60)
    assert start_due(books, DUE, 60) == []


def test_nothing_is_started_before_it_is_due(books, due):
    assert start_due(books, DUE - timedelta(seconds=1), 60) == []


def test_missed_times_make_one_run(store, books, due):
    assert len(start_due(books, DUE + timedelta(hours=5, seconds=7), 60)) == 1
    assert next_due(store, due) == DUE + timedelta(hours=5, seconds=60)


def test_no_second_run_is_queued_behind_one_that_waits(store, books, due):
    start_due(books, DUE, 60)
    assert start_due(books, DUE + timedelta(minutes=1), 60) == []
    assert len(runs(store, due)) == 1
    assert next_due(store, due) == DUE + timedelta(minutes=2)


def test_a_clear_that_waits_is_no_such_run(store, books, due):
    with store.begin() as work:
        work.runs.add(due.org, Run(org=due.org, flow=due.id, cause="clear", clear=True))
    assert len(start_due(books, DUE, 60)) == 1


def test_one_run_is_queued_behind_one_that_runs(store, books, due):
    [first] = start_due(books, DUE, 60)
    with store.begin() as work:
        work.runs.claim(due.org, first.id)
    assert len(start_due(books, DUE + timedelta(minutes=1), 60)) == 1


def test_many_workers_make_one_run(store, books, due):
    made = []
    threads = [threading.Thread(target=lambda: made.extend(start_due(books, DUE, 60))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == len(runs(store, due)) == 1


def test_the_id_of_a_scheduled_run_sorts_by_its_time():
    ids = [scheduled_id("flw_1", DUE + timedelta(minutes=minute)) for minute in range(100)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 100
    assert {len(id) for id in ids} == {30}
    assert scheduled_id("flw_2", DUE) != scheduled_id("flw_1", DUE)


def test_ids_of_scheduled_runs_fit_24_digits():
    id = scheduled_id("flw_x", datetime(2026, 3, 8, 10, 30, tzinfo=UTC))
    assert of_object_id("run", as_object_id(id)) == id
    assert scheduled_id("flw_x", datetime(2026, 3, 8, 10, 31, tzinfo=UTC)) > id
